"""Taggers: models that label the words of one side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xner.errors import UsageError
from xner.options import build, unknown
from xner.tagging.options import TaggerOptions

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags of one sentence.

    Attributes:
        probabilities: float32 (words x tags), probability of every tag for every word. The tag of
            a word is the most probable one (ties: the first).
        windows: number of windows that the sentence was split into; 0 for no model input.
        unread: number of words without a subword in the model's vocabulary; they are tagged O.
    """

    probabilities: Floats
    windows: int = 1
    unread: int = 0


class Tagger(Protocol):
    """Interface of taggers; any object that implements it can be used as one."""

    @property
    def signature(self) -> str:
        """Model and every setting that can change the tags."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """Names of the tags (`O`, `B-PER`, `I-PER`, …), in the order of the probabilities."""
        ...

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged]:
        """Tag sentences of words; yields one result per sentence, in order. May read ahead."""
        ...


TAGGERS = ("checkpoint",)


def make_tagger(name: str, options: TaggerOptions | Mapping[str, Any]) -> Tagger:
    """Create a tagger by name and load its model.

    Raises:
        UsageError: the name or an option is unknown, a value is out of range, or no model is
            given.
        InputError: the model cannot be loaded, or is not a token classifier.
        MissingExtraError: a package is not installed.
    """
    if name not in TAGGERS:
        raise unknown("tagger", name, TAGGERS)
    if isinstance(options, Mapping):
        options = build(TaggerOptions, options, place=f"tagger {name}")
    if options.model is None:
        raise UsageError("model is missing; give a hub id or a folder, as in model='me/ner'")
    from xner.tagging.checkpoint import CheckpointTagger

    return CheckpointTagger(options)
