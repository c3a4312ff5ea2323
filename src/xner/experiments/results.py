"""What a run found: a cell for each row and language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from xner.evaluation.entities import LabelScores
from xner.experiments.schema import Published

MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Cell:
    """Scores of a row on a language, or their mean over languages.

    Attributes:
        f1, precision, recall: means over seeds; None where there is nothing to score on.
        deviation: sample standard deviation over seeds, of F1 or, in a comparison, of the
            difference; None for one seed.
        low, high: bootstrap interval of F1.
        difference, difference_low, difference_high: to the baseline, or to the second of two rows
            that are compared, in F1, with its interval.
        seeds: how many.
        labels: by label, means over seeds of precision, recall and F1; counts are of the first.
        signature: what made it, with the first seed.
        outcomes: source entities by outcome, of the first seed.
        steps: name and key of the steps, of the first seed.
    """

    f1: float | None
    precision: float | None = None
    recall: float | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    seeds: int = 1
    labels: Mapping[str, LabelScores] = field(default_factory=dict)
    signature: str = ""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The cell as it stands in JSON."""
        made = {name: getattr(self, name) for name in Cell.__slots__}
        made["labels"] = {
            label: {name: getattr(scores, name) for name in LabelScores.__slots__}
            for label, scores in self.labels.items()
        }
        return {name: dict(v) if isinstance(v, Mapping) else v for name, v in made.items()}


@dataclass(frozen=True, slots=True)
class Facts:
    """A language beside its scores.

    Attributes:
        test: sentences that are scored, or None.
        train: sentences that students learn from, or None.
        divergence: lexical divergence of source and target text (`xner.divergence`), of the
            training text where it has both sides; None where no text has.
    """

    test: int | None
    train: int | None
    divergence: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        system, aligner: what was run.
        cells: by language.
        mean: over all languages; of a comparison, over those that both rows have.
        groups: means over groups of languages.
        correlation: Pearson's r between its gain over the baseline and lexical divergence, over
            three languages or more; None for fewer.
    """

    system: str
    aligner: str
    cells: Mapping[str, Cell]
    mean: Cell
    groups: Mapping[str, Cell] = field(default_factory=dict)
    correlation: float | None = None

    @property
    def gap(self) -> float | None:
        """F1 of the first group less that of the last, where there are two or more."""
        means = [cell.f1 for cell in self.groups.values()]
        if len(means) < 2 or means[0] is None or means[-1] is None:
            return None
        return means[0] - means[-1]

    def as_dict(self) -> dict[str, Any]:
        """The row as it stands in JSON."""
        return {
            "system": self.system,
            "aligner": self.aligner,
            "cells": {name: cell.as_dict() for name, cell in self.cells.items()},
            MEAN: self.mean.as_dict(),
            "groups": {name: cell.as_dict() for name, cell in self.groups.items()},
            "gap": self.gap,
            "correlation": self.correlation,
        }


@dataclass(frozen=True, slots=True)
class Ran:
    """A step of a run: whether it was made now, or kept from before."""

    name: str
    stage: str
    key: str
    made: bool


@dataclass(frozen=True, slots=True)
class Results:
    """What `xner.run` gives.

    Attributes:
        title: of the experiment.
        languages: columns of the table.
        facts: of each language.
        rows: systems, in the order of the configuration.
        compared: differences of pairs of rows, as cells without F1 of their own.
        published: rows from elsewhere.
        baseline: name and aligner of the row that others are compared with.
        signature: how the scores were computed.
        notes: what was left out.
        steps: every step, in the order they came up.
        seconds: wall time.
        output: folder of results.
    """

    title: str
    languages: tuple[str, ...]
    facts: Mapping[str, Facts]
    rows: tuple[Row, ...]
    compared: tuple[Row, ...]
    published: tuple[Published, ...]
    baseline: tuple[str, str] | None
    signature: str
    notes: tuple[str, ...]
    steps: tuple[Ran, ...]
    seconds: float
    output: str

    def as_dict(self) -> dict[str, Any]:
        """The results as they stand in `--json` and `results.json`."""
        return {
            "title": self.title,
            "languages": list(self.languages),
            "facts": {name: asdict(facts) for name, facts in self.facts.items()},
            "rows": [row.as_dict() for row in self.rows],
            "compared": [row.as_dict() for row in self.compared],
            "published": [{"name": p.name, "f1": dict(p.f1)} for p in self.published],
            "baseline": None if self.baseline is None else list(self.baseline),
            "signature": self.signature,
            "notes": list(self.notes),
            "steps": {
                "made": sum(step.made for step in self.steps),
                "kept": sum(not step.made for step in self.steps),
            },
            "seconds": round(self.seconds, 3),
            "output": self.output,
        }
