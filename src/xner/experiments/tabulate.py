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
from xner.experiments.config import Bootstrap
from xner.experiments.results import Cell, Row

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


def tabulate(
    runs: Mapping[Key, Mapping[str, Sequence[Outcome]]],
    languages: Sequence[str],
    bootstrap: Bootstrap,
    baseline: Key | None,
) -> tuple[Row, ...]:
    """Rows out of what each system gave.

    The sentences of a language are drawn once for all systems, so that these are paired;
    languages are drawn apart.

    Args:
        runs: by name and aligner of the system, then by language: one outcome a seed.
        languages: columns.
        bootstrap: of the intervals.
        baseline: the row that others are compared with, if any.
    """
    samples = {
        key: {name: _sample(by_language[name], bootstrap, name) for name in languages}
        for key, by_language in runs.items()
    }
    rows = []
    for key, by_language in runs.items():
        own = samples[key]
        base = samples[baseline] if baseline is not None and key != baseline else {}
        cells = {
            name: _cell(own[name], base.get(name), bootstrap.level, by_language[name])
            for name in languages
        }
        mean = _cell(_mean(list(own.values())), _mean(list(base.values())), bootstrap.level)
        rows.append(Row(*key, cells, mean))
    return tuple(rows)


def _sample(outcomes: Sequence[Outcome], bootstrap: Bootstrap, language: str) -> _Sample | None:
    seed = [bootstrap.seed, *language.encode()]
    scores, drawn = [], []
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
    return _Sample(
        np.mean([sample.scores for sample in known], axis=0),
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
