"""Results of a run: a cell for each row and language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from msgspec.structs import asdict as asdict_of

from xner.evaluation.counts import LabelScores
from xner.experiments.schema import Published

MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Cell:
    """Scores of a row on a language, or their mean over languages.

    Attributes:
        f1, precision, recall: means over seeds, from 0 to 1; None without gold labels.
        deviation: sample standard deviation over seeds, of F1 or, in a comparison, of the
            difference; None for one seed.
        low, high: bootstrap interval of F1.
        difference, difference_low, difference_high: F1 minus that of the baseline, or of the
            second of two compared rows, with its interval.
        seeds: number of seeds.
        labels: scores by label: precision, recall and F1 are means over seeds, counts are those
            of the first seed.
        signature: signatures of the steps, for the first seed.
        outcomes: source entities by outcome, for the first seed.
        steps: keys of the steps by name, for the first seed.
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
        """The cell as printed by `--json`."""
        values = {name: getattr(self, name) for name in Cell.__slots__}
        values["labels"] = {
            label: {name: getattr(scores, name) for name in LabelScores.__slots__}
            for label, scores in self.labels.items()
        }
        return {name: dict(v) if isinstance(v, Mapping) else v for name, v in values.items()}


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a language.

    Attributes:
        test: number of sentences to score, or None.
        train: number of sentences of training text, or None.
        divergence: lexical divergence of source and target (`xner.divergence`), of the training
            text if it has both sides, otherwise of the text to score; None if neither has both.
    """

    test: int | None
    train: int | None
    divergence: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        system, aligner: names of system and aligner.
        cells: cells by language.
        mean: mean over all languages; in a comparison, over those that both rows have.
        groups: means over groups of languages, by name.
        correlation: Pearson's r of its gain over the baseline and lexical divergence; None for
            fewer than three languages.
    """

    system: str
    aligner: str
    cells: Mapping[str, Cell]
    mean: Cell
    groups: Mapping[str, Cell] = field(default_factory=dict)
    correlation: float | None = None

    @property
    def gap(self) -> float | None:
        """F1 of the first group minus that of the last; None for fewer than two groups."""
        means = [cell.f1 for cell in self.groups.values()]
        if len(means) < 2 or means[0] is None or means[-1] is None:
            return None
        return means[0] - means[-1]

    def as_dict(self) -> dict[str, Any]:
        """The row as printed by `--json`."""
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
    """A step of a run; `made` tells whether it was run now, or kept from a previous run."""

    name: str
    stage: str
    key: str
    made: bool


@dataclass(frozen=True, slots=True)
class Results:
    """Results of `xner.run`.

    Attributes:
        title: title of the experiment.
        languages: names of the languages, the columns of the table.
        facts: facts by language.
        rows: rows of the table, in the order of the experiment file.
        compared: differences of pairs of rows; their cells have no F1.
        published: rows of published figures.
        baseline: name and aligner of the row that others are compared with.
        signature: how the scores were computed.
        notes: one line for each aligner that was left out.
        steps: all steps in the order of the plan.
        seconds: wall time in seconds.
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
        """The results as printed by `--json` and written to `results.json`."""
        return {
            "title": self.title,
            "languages": list(self.languages),
            "facts": {name: asdict(facts) for name, facts in self.facts.items()},
            "rows": [row.as_dict() for row in self.rows],
            "compared": [row.as_dict() for row in self.compared],
            "published": [asdict_of(p) for p in self.published],
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
