"""Cells of the table from the counts of every row, language and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from xner.evaluation.bootstrap import interval, resampled
from xner.evaluation.counts import LabelScores, shares
from xner.evaluation.sentences import SentenceCounts
from xner.experiments.results import Cell, Facts, Row
from xner.experiments.schema import Bootstrap

Float64 = NDArray[np.float64]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a row on a language with one seed.

    Attributes:
        counts: counts of each sentence; None without gold labels for the text.
        signature: signatures of the steps.
        steps: keys of the steps by name.
        outcomes: source entities by outcome, if the last step reports it.
    """

    counts: SentenceCounts | None
    signature: str
    steps: Mapping[str, str]
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Scores of a row on a language, or their mean over languages.

    Attributes:
        scores: float64 (3, seeds): precision, recall and F1.
        drawn: float64 (samples): F1 on resampled sentences, averaged over seeds.
    """

    scores: Float64
    drawn: Float64


class Samples:
    """Scores of every row and language, and on resampled sentences.

    All rows of a language use the same resampled sentences, so that their differences are paired.
    Languages are resampled independently.
    """

    def __init__(
        self,
        runs: Mapping[Key, Mapping[str, Sequence[Outcome]]],
        languages: Sequence[str],
        bootstrap: Bootstrap,
    ) -> None:
        """Score each row.

        Args:
            runs: by name and aligner of the system, then by language: an outcome per seed, none
                if the system was not run on the language.
            languages: names of the columns.
            bootstrap: settings of the intervals.
        """
        self.runs, self.languages, self.level = runs, languages, bootstrap.level
        self.samples = {
            key: {name: _sample(by_language[name], bootstrap, name) for name in languages}
            for key, by_language in runs.items()
        }

    def rows(
        self, baseline: Key | None, groups: Mapping[str, Sequence[str]], facts: Mapping[str, Facts]
    ) -> tuple[Row, ...]:
        """Return the rows of the table.

        Args:
            baseline: the row that others are compared with, if any.
            groups: names of languages by group.
            facts: facts by language.
        """
        rows = []
        for key, by_language in self.runs.items():
            own = self.samples[key]
            base = self.samples[baseline] if baseline is not None and key != baseline else {}
            cells = {
                name: _cell(own[name], base.get(name), self.level, by_language[name])
                for name in self.languages
            }
            mean = _cell(_mean(list(own.values())), _mean(list(base.values())), self.level)
            means = {
                name: _cell(_mean([own[member] for member in members]), None, self.level)
                for name, members in groups.items()
            }
            rows.append(Row(*key, cells, mean, means, _correlation(cells, facts)))
        return tuple(rows)

    def compared(self, pairs: Sequence[tuple[str, str]]) -> tuple[Row, ...]:
        """Return a row for each pair: the first minus the second.

        If there is a row of a name for each aligner, rows with the same aligner are compared. If
        there is none, the first row of the second name is used and the title names its aligner.
        """
        rows = []
        for one, other in pairs:
            for key in [key for key in self.samples if key[0] == one]:
                others = [k for k in self.samples if k[0] == other]
                second = next((k for k in others if k[1] == key[1]), others[0])
                both = {n: (self.samples[key][n], self.samples[second][n]) for n in self.languages}
                known = [pair for pair in both.values() if None not in pair]
                own, base = (_mean([pair[i] for pair in known]) for i in range(2))
                cells = {name: _difference(*pair, self.level) for name, pair in both.items()}
                mean = _difference(own, base, self.level)
                by = "" if second[1] in ("", key[1]) else f" ({second[1]})"
                rows.append(Row(f"{one} − {other}{by}", key[1], cells, mean))
        return tuple(rows)


def _difference(first: _Sample | None, second: _Sample | None, level: float) -> Cell:
    """Return a cell with a difference only; seeds are paired if both rows have as many."""
    if first is None or second is None:
        return Cell(None)
    low, high = interval(first.drawn - second.drawn, level)
    first_f1, second_f1 = first.scores[2], second.scores[2]
    paired = len(first_f1) == len(second_f1) > 1
    return Cell(
        None,
        deviation=stdev(map(float, first_f1 - second_f1)) if paired else None,
        difference=float(first_f1.mean() - second_f1.mean()),
        difference_low=low,
        difference_high=high,
        seeds=min(len(first_f1), len(second_f1)),
    )


def _correlation(cells: Mapping[str, Cell], facts: Mapping[str, Facts]) -> float | None:
    """Return Pearson's r of gains and divergences; None for fewer than three or constant ones."""
    pairs = [
        (facts[name].divergence, cell.difference)
        for name, cell in cells.items()
        if facts[name].divergence is not None and cell.difference is not None
    ]
    apart, gains = (list(values) for values in zip(*pairs, strict=True)) if pairs else ([], [])
    if len(pairs) < 3 or len(set(apart)) == 1 or len(set(gains)) == 1:
        return None
    return float(np.corrcoef(apart, gains)[0, 1])


def _sample(outcomes: Sequence[Outcome], bootstrap: Bootstrap, language: str) -> _Sample | None:
    seed = [bootstrap.seed, *language.encode()]
    scores, drawn = [], []
    if not outcomes:
        return None
    for outcome in outcomes:
        if outcome.counts is None:
            return None
        totals = outcome.counts.counts.sum(axis=1)
        scores.append([float(value) for value in shares(totals.sum(axis=0))])
        drawn.append(shares(resampled(totals, bootstrap.samples, seed))[2])
    return _Sample(np.array(scores).T, np.mean(drawn, axis=0))


def _mean(samples: Sequence[_Sample | None]) -> _Sample | None:
    """Return the mean over languages; None unless all of them have scores."""
    known = [sample for sample in samples if sample is not None]
    if not known or len(known) < len(samples):
        return None
    scores = [sample.scores for sample in known]
    if len({own.shape for own in scores}) > 1:  # the row depends on seeds for some languages only
        scores = [own.mean(axis=1, keepdims=True) for own in scores]
    return _Sample(
        np.mean(scores, axis=0),
        np.mean([sample.drawn for sample in known], axis=0),
    )


def _cell(
    sample: _Sample | None, base: _Sample | None, level: float, outcomes: Sequence[Outcome] = ()
) -> Cell:
    details = (
        {"signature": outcomes[0].signature, "outcomes": outcomes[0].outcomes}
        | {"steps": outcomes[0].steps, "labels": _labels(outcomes), "seeds": len(outcomes)}
        if outcomes
        else {"seeds": 1 if sample is None else sample.scores.shape[1]}
    )
    if sample is None:
        return Cell(None, **details)
    precision, recall, f1 = (list(map(float, row)) for row in sample.scores)
    low, high = interval(sample.drawn, level)
    if base is not None:
        below, above = interval(sample.drawn - base.drawn, level)
        details["difference"] = fmean(f1) - fmean(base.scores[2])
        details |= {"difference_low": below, "difference_high": above}
    return Cell(
        f1=fmean(f1),
        precision=fmean(precision),
        recall=fmean(recall),
        deviation=stdev(f1) if len(f1) > 1 else None,
        low=low,
        high=high,
        **details,
    )


def _labels(outcomes: Sequence[Outcome]) -> dict[str, LabelScores]:
    """Return scores by label: means over seeds, with the counts of the first seed."""
    by_seed = [outcome.counts.scores()[1] for outcome in outcomes if outcome.counts is not None]
    nothing = LabelScores(0.0, 0.0, 0.0, 0, 0, 0)
    scores = {}
    for label in sorted({label for labels in by_seed for label in labels}):
        runs = [labels.get(label, nothing) for labels in by_seed]
        scores[label] = LabelScores(
            fmean(run.precision for run in runs),
            fmean(run.recall for run in runs),
            fmean(run.f1 for run in runs),
            max(run.gold for run in runs),
            runs[0].predicted,
            runs[0].correct,
        )
    return scores
