"""One sentence pair of a corpus as Python objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_SIDES = ("source", "target")


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of a sentence.

    Attributes:
        start, end: half-open span of words.
        label: its type.
        text: its characters, or its words joined by spaces if the sentence has no text.
        score: matching score of a projected entity, confidence of a tagged one, or None.
        source: index of the source entity that it was projected from, or None.
        start_char, end_char: half-open span in the text in code points, or None without a text.
    """

    start: int
    end: int
    label: str
    text: str
    score: float | None = None
    source: int | None = None
    start_char: int | None = None
    end_char: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link between a source word and a target word, with its weight."""

    source: int
    target: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True, repr=False)
class Sentence:
    """A row of a corpus.

    `tokens` and `entities` are those of the target side; of the only side, if there is one.
    `sentence["name"]` is the value of any column.

    Attributes:
        row: values of all columns by name.
    """

    row: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        """The id of the sentence; None if the corpus has no ids."""
        return self.row.get("id")

    @property
    def source_tokens(self) -> list[str]:
        """The words of the source side."""
        return self.row.get("source_tokens") or []

    @property
    def target_tokens(self) -> list[str]:
        """The words of the target side."""
        return self.row.get("target_tokens") or []

    @property
    def source_entities(self) -> list[Entity]:
        """The entities of the source side."""
        return self._entities("source_")

    @property
    def target_entities(self) -> list[Entity]:
        """The entities of the target side."""
        return self._entities("target_")

    @property
    def tokens(self) -> list[str]:
        """The words of the target side, or of the only side."""
        return self.row.get(f"{self.side}tokens") or []

    @property
    def entities(self) -> list[Entity]:
        """The entities of the target side, or of the only side."""
        return self._entities(self.side)

    @property
    def text(self) -> str | None:
        """The text of the target side, or of the only side; None if the corpus has no texts."""
        return self.row.get(f"{self.side}text")

    @property
    def links(self) -> list[Link]:
        """The word alignment."""
        return [Link(**link) for link in self.row.get("links") or []]

    @property
    def outcomes(self) -> list[str]:
        """The outcome of every source entity (`xner.outcomes.Outcome`)."""
        return self.row.get("outcomes") or []

    @property
    def scores(self) -> list[float | None]:
        """The score of every entity in `entities`."""
        return [entity.score for entity in self.entities]

    @property
    def side(self) -> str:
        """The prefix of the columns of `tokens` and `entities`."""
        found = [side for side in ("target_", "source_", "") if f"{side}tokens" in self.row]
        return found[0] if found else ""

    def __getitem__(self, column: str) -> Any:
        """The value of a column."""
        return self.row[column]

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(self.row)

    def _entities(self, prefix: str) -> list[Entity]:
        found = self.row.get(f"{prefix}entities") or []
        places = self.row.get(f"{prefix}entity_offsets") or [None] * len(found)
        return [
            self._entity(prefix, entity, place) for entity, place in zip(found, places, strict=True)
        ]

    def _entity(
        self, prefix: str, entity: Mapping[str, Any], place: Mapping[str, int] | None
    ) -> Entity:
        text, offsets = self.row.get(f"{prefix}text"), self.row.get(f"{prefix}offsets")
        first, last = entity["start"], entity["end"]
        if place is None and offsets:
            place = {"start": offsets[first]["start"], "end": offsets[last - 1]["end"]}
        if place is None or text is None:
            return Entity(text=" ".join(self.row[f"{prefix}tokens"][first:last]), **entity)
        start, end = place["start"], place["end"]
        return Entity(text=text[start:end], start_char=start, end_char=end, **entity)

    def __repr__(self) -> str:
        """Each side with its entities, and the outcomes that label nothing."""
        from xner.outcomes import is_labelled

        sides = [side for side in ("source_", "target_", "") if f"{side}tokens" in self.row]
        lines = [f"<Sentence {self.id}>" if self.id is not None else "<Sentence>"]
        for side in sides:
            text = self.row.get(f"{side}text") or " ".join(self.row[f"{side}tokens"])
            named = (side.rstrip("_") or "text").ljust(8)
            found = ", ".join(map(_shown, self._entities(side)))
            lines.append(f"  {named}{text}" + (f"  [{found}]" if found else ""))
        lost = [
            f"{entity.text}: {outcome}"
            for entity, outcome in zip(self.source_entities, self.outcomes, strict=False)
            if not is_labelled(outcome)
        ]
        return "\n".join([*lines, *([f"  lost    {', '.join(lost)}"] if lost else [])])

    def _repr_html_(self) -> str:
        from xner.corpus.html import sentence_html

        return sentence_html([self])


def _shown(entity: Entity) -> str:
    score = "" if entity.score is None else f" {entity.score:.2f}"
    return f"{entity.text}: {entity.label}{score}"
