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
    """What a tagger says of one sentence.

    Attributes:
        probabilities: float32 (words x tags), of every tag for every word; the tag of a word is
            the likeliest (ties: the first).
        windows: how many windows the sentence was read in; 0 if it was not read at all.
        unread: words that the tagger could not see; they have the tag O.
    """

    probabilities: Floats
    windows: int = 1
    unread: int = 0


class Tagger(Protocol):
    """What a tagger offers."""

    @property
    def signature(self) -> str:
        """Model and settings: all that decides the tags besides the words."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """Names of the tags (`O`, `B-PER`, `I-PER` …), in the order of the probabilities."""
        ...

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged]:
        """Tag sentences of words; one result each, in their order. May read ahead."""
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
        options = build(TaggerOptions, options, kind=f"option of tagger {name}")
    if options.model is None:
        raise UsageError("model is missing; give a hub id or a folder, as in model='me/ner'")
    from xner.tagging.checkpoint import CheckpointTagger

    return CheckpointTagger(options)
