"""Labels of taggers that give entities: renamed, dropped and counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from xner.errors import UsageError
from xner.tagging import Entity, Found, Tagged, Tagger
from xner.tagging.custom import checked
from xner.tagging.tags import Tagset

LabelMap = Mapping[str, str | None]

ONTONOTES: dict[str, str] = {
    "PERSON": "PER",
    "ORG": "ORG",
    "GPE": "LOC",
    "LOC": "LOC",
    "FAC": "LOC",
    "NORP": "MISC",
    "EVENT": "MISC",
    "LAW": "MISC",
    "PRODUCT": "MISC",
    "WORK_OF_ART": "MISC",
    "LANGUAGE": "MISC",
}
"""The labels of OntoNotes 5 in terms of CoNLL-2003; those of dates and numbers are left out."""
_MARKS = {"PERSON", "GPE", "NORP"}
"""Labels by which the labels of OntoNotes are recognised."""


def label_map(known: Iterable[str], given: LabelMap | None) -> dict[str, str | None]:
    """Return the new name of every label of a tagger; None drops it.

    Args:
        known: labels of the tagger. Those of OntoNotes become those of CoNLL-2003 by default;
            other labels stay.
        given: new names, which replace the default ones.

    Raises:
        UsageError: `given` names a label that the tagger does not have.
    """
    names = list(known)
    ontonotes = is_ontonotes(names)
    for name in given or {}:
        if name not in names:
            raise UsageError(
                f"labels renames {name!r}, which the model does not have; it has {', '.join(names)}"
            )
    made = {name: ONTONOTES.get(name) if ontonotes else name for name in names}
    return {**made, **{name: new or None for name, new in (given or {}).items()}}


def is_ontonotes(known: Iterable[str]) -> bool:
    """Whether the labels of a tagger are those of OntoNotes 5."""
    return set(known) >= _MARKS


def renamed(entities: Iterable[Entity], labels: LabelMap) -> tuple[list[Entity], list[str]]:
    """Return entities with new labels, and the labels of those that are dropped."""
    kept, dropped = [], []
    for entity in entities:
        new = labels.get(entity.label, entity.label)
        if new:
            kept.append(entity._replace(label=new))
        else:
            dropped.append(entity.label)
    return kept, dropped


def signed(labels: LabelMap) -> str:
    """Labels that change as a part of a signature, with a comma after it; empty if none does."""
    changed = [f"{old}={new or ''}" for old, new in sorted(labels.items()) if old != new]
    return f"labels:{','.join(changed)}," if changed else ""


class Relabelled:
    """A tagger whose labels are renamed, dropped and merged."""

    def __init__(self, tagger: Tagger, labels: LabelMap) -> None:
        """Rename the `labels` of a `tagger`.

        Raises:
            UsageError: `labels` names a label that a tagger with probabilities does not have.
            InputError: the tagger has no tag `O`.
        """
        self._tagger, self._labels = tagger, {name: new or None for name, new in labels.items()}
        self._tagset = Tagset.of(tagger.tags, labels) if tagger.tags else None

    @property
    def signature(self) -> str:
        """That of the tagger, and the new labels."""
        return f"{self._tagger.signature},{signed(self._labels).rstrip(',')}"

    @property
    def unchecked(self) -> Sequence[str]:
        """The given labels that the tagger may not have, as it does not say which ones it has."""
        return list(self._labels) if self._tagset is None else ()

    @property
    def tags(self) -> Sequence[str]:
        """The tags with new labels."""
        return () if self._tagset is None else self._tagset.names

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Tagged | Found]:
        """Tag sentences of words."""
        for result in checked(self._tagger, sentences):
            if isinstance(result, Tagged):
                assert self._tagset is not None
                merged = self._tagset.merged(np.asarray(result.probabilities, np.float32))
                yield replace(result, probabilities=merged)
            else:
                entities = _entities(result)
                kept, dropped = renamed(entities, self._labels)
                met = [entity.label for entity in entities if entity.label in self._labels]
                yield replace(
                    result, entities=kept, dropped=[*result.dropped, *dropped], renamed=met
                )


def _entities(found: Found) -> list[Entity]:
    """The entities of a checked result."""
    return [entity for entity in found.entities if isinstance(entity, Entity)]
