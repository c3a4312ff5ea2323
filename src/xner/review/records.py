"""The sentences of a report as compact JSON: lists of numbers and indices into shared names.

page/data.js reads what this module writes; the order of the fields is `FIELDS` here and there.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import pyarrow as pa

from xner.outcomes import Outcome
from xner.review.inputs import Rows
from xner.stages.kept import Fate

FIELDS = (
    "row", "id", "group", "source", "target", "sourceSpaces", "targetSpaces", "sourceEntities",
    "outcomes", "links", "candidates", "methods", "gold",
)  # fmt: skip
"""What the list of a sentence holds:

row: number from 0; id; group: index of its language; source, target: words; sourceSpaces,
targetSpaces: text before each word and after the last, or 0 if only words are known;
sourceEntities: start, end, label of each; outcomes: of each source entity; links: source, target,
weight of each; candidates: source, start, end, score, fate, rival of each; methods: for each
projection a list of entities (start, end, label, source, score, probability) and of objective,
bound, route and status, or 0; gold: start, end, label of each, or 0.
Missing numbers are -1 in integers and null in others.
"""


class Names:
    """Names that records refer to by their index."""

    def __init__(self, first: list[str] | None = None) -> None:
        """Start with some names."""
        self._index = {name: i for i, name in enumerate(first or [])}

    def __getitem__(self, name: str) -> int:
        """The index of a name; a new one is added."""
        return self._index.setdefault(name, len(self._index))

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)


class Records:
    """Turns rows into records.

    Attributes:
        labels, outcomes: names that the records refer to.
    """

    def __init__(self) -> None:
        """Start without labels."""
        self.labels = Names()
        self.outcomes = Names([outcome.value for outcome in Outcome])
        self._fates = Names([fate.value for fate in Fate])

    @property
    def fates(self) -> list[str]:
        """Names of the fates of candidates."""
        return list(self._fates)

    def of(self, rows: Rows, taken: list[int]) -> Iterator[list[Any]]:
        """Yield a record for each of the taken rows of a batch."""
        at = pa.array(taken, pa.int64())
        first = rows.methods[0].take(at).to_pylist()
        others = [batch.take(at).to_pylist() for batch in rows.methods[1:]]
        gold = None if rows.gold is None else rows.gold.take(at).to_pylist()
        for i, (number, row) in enumerate(zip(taken, first, strict=True)):
            methods = [self._method(row), *(self._method(other[i]) for other in others)]
            yield [
                rows.first + number,
                row.get("id") or str(rows.first + number),
                int(rows.group[number]),
                row["source_tokens"],
                row["target_tokens"],
                _spaces(row, "source"),
                _spaces(row, "target"),
                self._spans(row["source_entities"]),
                [self.outcomes[name or ""] for name in row.get("outcomes") or []],
                _links(row),
                self._candidates(row),
                methods,
                0 if gold is None else self._spans(gold[i]["entities"]),
            ]

    def _spans(self, entities: list[dict[str, Any]]) -> list[int]:
        return [n for e in entities for n in (e["start"], e["end"], self.labels[e["label"]])]

    def _method(self, row: dict[str, Any]) -> list[Any]:
        entities = row["target_entities"]
        known = row.get("probabilities") or [None] * len(entities)
        flat = [
            value
            for e, probability in zip(entities, known, strict=True)
            for value in (
                e["start"], e["end"], self.labels[e["label"]], _index(e["source"]),
                _short(e["score"]), _short(probability),
            )
        ]  # fmt: skip
        solved = row.get("solution")
        if not solved or solved["objective"] is None:
            return [flat, 0]
        numbers = [_short(solved["objective"], 6), _short(solved["bound"], 6)]
        return [flat, [*numbers, solved["route"], solved["status"]]]

    def _candidates(self, row: dict[str, Any]) -> list[Any]:
        return [
            value
            for c in row.get("scored_candidates") or []
            for value in (
                c["source"], c["start"], c["end"], _short(c["score"]), self._fates[c["fate"] or ""],
                _index(c["rival"]),
            )
        ]  # fmt: skip


def _links(row: dict[str, Any]) -> list[float]:
    return [
        value
        for link in row.get("links") or []
        for value in (link["source"], link["target"], _short(link["weight"], 2) or 0)
    ]


def _spaces(row: dict[str, Any], side: str) -> list[str] | int:
    """The text around the words, if text and offsets are known."""
    text, offsets = row.get(f"{side}_text"), row.get(f"{side}_offsets")
    if text is None or offsets is None or len(offsets) != len(row[f"{side}_tokens"]):
        return 0
    edges = [0, *(n for o in offsets for n in (o["start"], o["end"])), len(text)]
    return [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]


def _index(value: int | None) -> int:
    return -1 if value is None else value


def _short(value: float | None, digits: int = 4) -> float | None:
    """A number with fewer digits; None if it is unknown, or not finite."""
    return None if value is None or not isfinite(value) else round(value, digits)
