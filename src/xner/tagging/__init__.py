"""Taggers: models that label the words of one side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from xner.errors import UsageError, unknown
from xner.options import build
from xner.tagging.options import (
    CheckpointOptions,
    GlinerOptions,
    LlmTaggerOptions,
    SpacyOptions,
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags of one sentence, with probabilities.

    Attributes:
        probabilities: float32 (words x tags), probability of every tag for every word. The tag of
            a word is the most probable one (ties: the first).
        windows: number of windows that the sentence was split into; 0 for no model input.
        unread: number of words without a subword in the model's vocabulary; they are tagged O.
    """

    probabilities: Floats
    windows: int = 1
    unread: int = 0


class Entity(NamedTuple):
    """The words `[start, end)` with a label, and the score of the tagger if it gives one."""

    start: int
    end: int
    label: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The entities of one sentence, of a tagger that gives no probabilities of tags.

    Attributes:
        entities: entities in any order; or one tag per word.
        windows: number of parts that the sentence was split into; 0 for no model input.
        unread: number of words that the model cannot see.
        dropped: labels of the entities that were left out because of their label.
        renamed: former labels of the entities whose label the option `labels` renames or drops.
        malformed: the tagger gave no usable answer.
    """

    entities: Sequence[Entity] | Sequence[tuple[Any, ...]] | Sequence[str]
    windows: int = 1
    unread: int = 0
    dropped: Sequence[str] = ()
    renamed: Sequence[str] = ()
    malformed: bool = False


class Tagger(Protocol):
    """Interface of taggers; any object that implements it can be used as one.

    A tagger yields either `Tagged` for every sentence, or `Found` if it gives no probabilities.
    """

    @property
    def signature(self) -> str:
        """Model and every setting that can change the tags."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """Names of the tags (`O`, `B-PER`, `I-PER`, …), in the order of the probabilities.

        Empty for a tagger that yields `Found`.
        """
        ...

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged | Found]:
        """Tag sentences of words; yields one result per sentence, in order. May read ahead."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tagger.

    Attributes:
        place: module and class that implements it.
        options: class that declares its options.
        package: package that it needs, and the extra that installs it.
        models: what names its model, for messages.
        probabilities: whether it gives the probabilities of all tags.
    """

    place: str
    options: type[Any]
    package: tuple[str, str]
    models: str
    probabilities: bool = False


_CHECKPOINT = "a hub id or a folder"
KINDS = {
    "checkpoint": Kind(
        "checkpoint.CheckpointTagger", CheckpointOptions, ("torch", "models"), _CHECKPOINT, True
    ),
    "spacy": Kind(
        "spacy_pipeline.SpacyTagger", SpacyOptions, ("spacy", "spacy"),
        "an installed pipeline or a folder",
    ),
    "gliner": Kind("gliner_model.GlinerTagger", GlinerOptions, ("gliner", "gliner"), _CHECKPOINT),
    "llm": Kind("llm.LlmTagger", LlmTaggerOptions, ("", ""), "the name that the service knows"),
}  # fmt: skip
TAGGERS = tuple(KINDS)
PREFIXED = ("spacy", "gliner")
"""Kinds that the prefix of a model names, as in `spacy:en_core_web_sm`."""
_PREFIX = re.compile(r"(\w{2,}):(.+)")


def kind_of(name: str, model: str | Path | None) -> tuple[str, str | Path | None]:
    """Return the kind of a tagger and its model, without the prefix of its name.

    Raises:
        UsageError: the prefix of the model is not the name of a kind.
    """
    if name == "checkpoint" and not Path(str(model)).exists() and pipeline_of(str(model)):
        raise UsageError(f"model is {model!r}, a pipeline of spaCy; write spacy:{model}")
    found = _PREFIX.fullmatch(model) if isinstance(model, str) and name == "checkpoint" else None
    if found is None or Path(str(model)).exists():
        return name, model
    if found[1] not in PREFIXED:
        raise UsageError(
            f"model is {model!r}; write spacy:NAME, gliner:ID, or the hub id or folder of a "
            f"token-classification checkpoint. To use your own function, give it as the tagger: "
            f"--tagger {model}"
        )
    return found[1], found[2]


def missing_model(name: str) -> UsageError:
    """The error that no model is given to a tagger of that kind."""
    others = ", spacy:NAME or gliner:ID" if name == "checkpoint" else ""
    return UsageError(f"the tagger's model is missing; give {KINDS[name].models}{others}")


def pipeline_of(name: str) -> str | None:
    """What `spacy.load` takes for the folder or the installed package of a pipeline.

    Returns:
        The folder, the name of a package that loads itself, or the only folder with a pipeline in
        another package; None if there is none of them.
    """
    if Path(name).is_dir():
        return name
    module = name.replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    for place in map(Path, (spec and spec.submodule_search_locations) or ()):
        if (place / "meta.json").is_file():
            return module
        inside = [path.parent for path in place.glob("*/config.cfg")]
        if len(inside) == 1:
            return str(inside[0])
    return None


def make_tagger(name: str, options: Any) -> Tagger:
    """Create a tagger by name and load its model.

    Args:
        name: one of `TAGGERS`.
        options: the options of this kind, or a mapping of them.

    Raises:
        UsageError: the name or an option is unknown, a value is out of range, or no model is
            given.
        InputError: the model cannot be loaded, or finds no entities.
        MissingExtraError: a package is not installed.
    """
    if name not in KINDS:
        raise unknown("tagger", name, TAGGERS)
    kind = KINDS[name]
    if isinstance(options, Mapping):
        options = build(kind.options, options, place=f"tagger {name}")
    if options.model is None:
        raise missing_model(name)
    module, _, class_name = kind.place.partition(".")
    tagger: Tagger = getattr(import_module(f"{__name__}.{module}"), class_name)(options)
    return tagger
