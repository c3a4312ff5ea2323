"""The overlap score: how much of both sides' link mass an entity and a candidate keep.

With A the link weights (source x target), entity [s, t) and candidate [i, j):

    c = 2 * in / (row + col + b * (j - i)),   b = 0.1
    in = sum of A[s:t, i:j],   row = sum of A[s:t, :],   col = sum of A[:, i:j]

In [0, 1]. Unlike the alignment score it asks links, not lengths: a translation may have more
words than the entity, and a word that is linked elsewhere too counts against the candidate.
b keeps words without links out.

Dominance: a candidate that starts or ends on a word without a link to the entity loses to the
one without that word: `in` stays, `col` does not grow, and b * (j - i) shrinks, so the score
rises, with fewer conflicts. So the candidates of the alignment score are enough, for any b > 0.
"""

from __future__ import annotations

import numpy as np

from xner.columns import field_of, offsets_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.overlap import overlaps
from xner.score.scene import Scene
from xner.solve.problem import Float64

PER_WORD = 0.1


def overlap(scene: Scene) -> Float64:
    """float64 (C): the overlap score of every candidate."""
    problem, text, links = scene.problem, scene.text, scene.batch["links"]
    score = np.empty(problem.candidates)
    over_blocks(
        overlaps,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        text.entity_start,
        text.entity_end,
        frozen(offsets_of(links), np.int32),
        frozen(field_of(links, "source"), np.int32),
        frozen(field_of(links, "target"), np.int32),
        frozen(field_of(links, "weight"), np.float32),
        problem.target_lengths,
        PER_WORD,
        score,
    )
    return score
