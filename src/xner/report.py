"""The report of a stage: counts that grow while it runs, wall time, and its signature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of its work that is done, from 0 to 1."""


def silent(stage: str, share: float) -> None:
    """Report no progress."""


def absent_rows(renamed: Mapping[str, int]) -> list[tuple[str, str]]:
    """The terminal row of labels that are to be renamed or dropped but never occurred.

    Args:
        renamed: entities by the label that they had before.

    >>> absent_rows({"PERSON": 3, "GEP": 0})
    [('labels to rename that never occurred', 'GEP')]
    """
    absent = [label for label, count in renamed.items() if not count]
    return [("labels to rename that never occurred", ", ".join(absent))] if absent else []


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report.

    Attributes:
        name: key in JSON, and attribute of the report.
        title: text on the terminal; by default the name with spaces. Empty text hides the figure.
        start: the first value: 0, 0.0, or the keys of a counter.
        indent: the figure details the one before it.
        as_json: converts the value for JSON.
        as_rows: converts the value to rows of the terminal.
    """

    name: str
    title: str | None = None
    start: int | float | Iterable[Any] = 0
    indent: bool = False
    as_json: Callable[[Any], Any] | None = None
    as_rows: Callable[[Any], list[tuple[str, str]]] | None = None

    @property
    def initial(self) -> int | float | Counter[Any]:
        """A new first value."""
        if isinstance(self.start, (int, float)):
            return self.start
        counts: Counter[Any] = Counter()
        for item in self.start:
            counts[item] = 0
        return counts

    def json(self, value: Any) -> Any:
        """The value as JSON."""
        if self.as_json is not None:
            return self.as_json(value)
        if isinstance(value, Counter):
            return dict(value)
        return round(value, 4) if self.name.endswith("seconds") else value

    def rows(self, value: Any) -> list[tuple[str, str]]:
        """The value as rows of a terminal table."""
        if self.as_rows is not None:
            return self.as_rows(value)
        title = self.name.replace("_", " ") if self.title is None else self.title
        indent = "  " if self.indent else ""
        if not isinstance(value, Counter):
            shown = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
            return [(f"{indent}{title}", shown)] if title else []
        total = [(title, f"{value.total():,}")] if title else []
        return total + [(f"  {name}", f"{n:,}") for name, n in value.items()]


class Report:
    """The counts of one run of a stage, and the signature of its result.

    A stage fills its report batch by batch; it is complete once all batches were read. The
    figures of the stage are attributes, such as `report.outcomes`.

    Attributes:
        signature: version, method, options, models, aligner and seed.
        sentences: number of rows that were processed.
        seconds: wall time, including reading, loading models and writing.
    """

    def __init__(self, figures: Iterable[Figure] = (), signature: str = "") -> None:
        self.signature = signature
        self.sentences = 0
        self.seconds = 0.0
        self._figures = tuple(figures)
        self._values: dict[str, Any] = {figure.name: figure.initial for figure in self._figures}

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"this report has no figure {name!r}; it has {', '.join(values)}")

    def __repr__(self) -> str:
        return f"<Report {self.as_dict()}>"

    def add(self, *, sentences: int = 0, **values: Any) -> None:
        """Add to figures: numbers are summed, and items, or counts by item, are counted."""
        self.sentences += sentences
        for name, value in values.items():
            held = self._values[name]
            if isinstance(value, dict):
                for item, count in value.items():
                    held[item] = held.get(item, 0) + count
            elif isinstance(held, Counter):
                held.update(value)
            else:
                self._values[name] = held + value

    def replace(self, **values: Any) -> None:
        """Set figures."""
        for name, value in values.items():
            self._values[name] = self._values[name].__class__(value)

    @property
    def state(self) -> dict[str, Any]:
        """The report as values that JSON can hold; see `merge`."""
        values = {
            name: list(value.items()) if isinstance(value, Counter) else value
            for name, value in self._values.items()
        }
        return {"signature": self.signature, "sentences": self.sentences, "values": values}

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the `state` of the report of another part, and take its signature."""
        self.signature = state["signature"]
        values = {
            name: {_key(key): n for key, n in value} if isinstance(value, list) else value
            for name, value in state["values"].items()
        }
        self.add(sentences=state["sentences"], **values)

    @property
    def sentences_per_second(self) -> float:
        """Rows per second of wall time."""
        return self.sentences / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The report as printed by `--json`."""
        figures = {each.name: each.json(self._values[each.name]) for each in self._figures}
        return {
            "sentences": self.sentences,
            **figures,
            "seconds": round(self.seconds, 4),
            "sentences_per_second": round(self.sentences_per_second, 1),
            "signature": self.signature,
        }

    def rows(self) -> list[tuple[str, str]]:
        """The report as rows of a terminal table: title and value."""
        rows = [("sentences", f"{self.sentences:,}")]
        for figure in self._figures:
            rows += figure.rows(self._values[figure.name])
        rate = self.sentences_per_second
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:,.1f}"
        return [*rows, ("seconds", f"{self.seconds:,.2f}"), ("sentences per second", shown)]


def _key(key: Any) -> Any:
    """A key of a counter that was a tuple before it was JSON."""
    return tuple(key) if isinstance(key, list) else key
