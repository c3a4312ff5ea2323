"""From the counts of every run to the cells of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from xner.evaluation.bootstrap import interval, resampled
from xner.evaluation.entities import LabelScores
from xner.evaluation.sentences import SentenceCounts, shares
from xner.experiments.results import Cell, Facts, Row
from xner.experiments.schema import Bootstrap

Float64 = NDArray[np.float64]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one row gave on one language with one seed.

    Attributes:
        counts: of every sentence, None where there are no gold labels for its text.
        signature: what made it.
        steps: name and key of its steps.
        outcomes: source entities by what became of them, where the last step tells.
    """

    counts: SentenceCounts | None
    signature: str
    steps: Mapping[str, str]
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Scores by seed, float64 (3, S): precision, recall, F1; F1 on resampled text, (B)."""

    scores: Float64
    drawn: Float64


class Samples:
    """The scores of every row and language, with those on resampled sentences.

    The sentences of a language are drawn once for all rows, so that these are paired; languages
    are drawn apart.
    """

    def __init__(
        self,
        runs: Mapping[Key, Mapping[str, Sequence[Outcome]]],
        languages: Sequence[str],
        bootstrap: Bootstrap,
    ) -> None:
        """Score what each system gave.

        Args:
            runs: by name and aligner of the system, then by language: one outcome a seed, none
                where it was not run.
            languages: columns.
            bootstrap: of the intervals.
        """
        self.runs, self.languages, self.level = runs, languages, bootstrap.level
        self.samples = {
            key: {name: _sample(by_language[name], bootstrap, name) for name in languages}
            for key, by_language in runs.items()
        }

    def rows(
        self, baseline: Key | None, groups: Mapping[str, Sequence[str]], facts: Mapping[str, Facts]
    ) -> tuple[Row, ...]:
        """The rows of the table.

        Args:
            baseline: the row that others are compared with, if any.
            groups: languages by group.
            facts: of the languages.
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
        """The first of two rows less the second.

        Where a name stands for a row with each aligner, rows with the same one are compared, or
        else the first of that name; the title has its aligner then.
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


def _difference(own: _Sample | None, base: _Sample | None, level: float) -> Cell:
    """A cell with a difference alone; seeds are paired where both rows have as many."""
    if own is None or base is None:
        return Cell(None)
    low, high = interval(own.drawn - base.drawn, level)
    one, other = own.scores[2], base.scores[2]
    paired = len(one) == len(other) > 1
    return Cell(
        None,
        deviation=stdev(map(float, one - other)) if paired else None,
        difference=float(one.mean() - other.mean()),
        difference_low=low,
        difference_high=high,
        seeds=min(len(one), len(other)),
    )


def _correlation(cells: Mapping[str, Cell], facts: Mapping[str, Facts]) -> float | None:
    """Pearson's r of gains and divergences; None for fewer than three, or where one is constant."""
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
    """The mean over languages; None unless all of them have scores."""
    known = [sample for sample in samples if sample is not None]
    if not known or len(known) < len(samples):
        return None
    scores = [sample.scores for sample in known]
    if len({own.shape for own in scores}) > 1:  # not every language's row depends on seeds
        scores = [own.mean(axis=1, keepdims=True) for own in scores]
    return _Sample(
        np.mean(scores, axis=0),
        np.mean([sample.drawn for sample in known], axis=0),
    )


def _cell(
    own: _Sample | None, base: _Sample | None, level: float, outcomes: Sequence[Outcome] = ()
) -> Cell:
    told = (
        {"signature": outcomes[0].signature, "outcomes": outcomes[0].outcomes}
        | {"steps": outcomes[0].steps, "labels": _labels(outcomes), "seeds": len(outcomes)}
        if outcomes
        else {"seeds": 1 if own is None else own.scores.shape[1]}
    )
    if own is None:
        return Cell(None, **told)
    precision, recall, f1 = (list(map(float, row)) for row in own.scores)
    low, high = interval(own.drawn, level)
    if base is not None:
        below, above = interval(own.drawn - base.drawn, level)
        told["difference"] = fmean(f1) - fmean(base.scores[2])
        told |= {"difference_low": below, "difference_high": above}
    return Cell(
        f1=fmean(f1),
        precision=fmean(precision),
        recall=fmean(recall),
        deviation=stdev(f1) if len(f1) > 1 else None,
        low=low,
        high=high,
        **told,
    )


def _labels(outcomes: Sequence[Outcome]) -> dict[str, LabelScores]:
    """By label: shares are means over seeds, counts those of the first."""
    by_seed = [outcome.counts.scores()[1] for outcome in outcomes if outcome.counts is not None]
    nothing = LabelScores(0.0, 0.0, 0.0, 0, 0, 0)
    made = {}
    for label in sorted({label for labels in by_seed for label in labels}):
        runs = [labels.get(label, nothing) for labels in by_seed]
        made[label] = LabelScores(
            fmean(run.precision for run in runs),
            fmean(run.recall for run in runs),
            fmean(run.f1 for run in runs),
            max(run.gold for run in runs),
            runs[0].predicted,
            runs[0].correct,
        )
    return made
