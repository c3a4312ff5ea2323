"""Some sentences of a problem, as a problem of their own."""

from __future__ import annotations

import numpy as np

from xner.solve.problem import Problem


def take(problem: Problem, sentences: np.ndarray) -> Problem:
    """The problem of these sentences (int, any order), each with its candidates' order."""
    entities, entity_offsets = _slices(problem.entity_offsets, sentences)
    candidates, candidate_offsets = _slices(problem.candidate_offsets, entities)
    return Problem(
        entity_offsets,
        candidate_offsets,
        problem.start[candidates],
        problem.end[candidates],
        problem.score[candidates],
        problem.target_lengths[sentences],
    )


def _slices(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the rows own, concatenated, and its offsets."""
    sizes = np.diff(offsets)[rows]
    edges = np.concatenate(([0], np.cumsum(sizes)))
    owned = np.repeat(offsets[:-1][rows] - edges[:-1], sizes) + np.arange(edges[-1])
    return owned, edges
