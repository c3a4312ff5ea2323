"""The overlap score: how much of both sides' link mass an entity and a candidate keep.

With A the link weights (source x target), entity [s, t) and candidate [i, j):

    c = 2 * in / (row + col + b * (j - i)),   b = 0.1
    in = sum of A[s:t, i:j],   row = sum of A[s:t, :],   col = sum of A[:, i:j]

In [0, 1]. Unlike the alignment score it depends on links, not on lengths: a translation may have
more words than the entity, and a word that is also linked to other words counts against the
candidate. b excludes words without links.

Dominance: a candidate that starts or ends on a word without a link to the entity loses to the
one without that word: `in` stays, `col` does not grow, and b * (j - i) shrinks, so the score
rises, with fewer conflicts. So the candidates of the alignment score are enough, for any b > 0.
"""

from __future__ import annotations

from xner.kernels.link_scores import overlap_scores
from xner.kernels.records import Float64
from xner.score.scene import Scene, score_with

PER_WORD = 0.1


def overlap(scene: Scene) -> Float64:
    """Return float64 (C): the overlap score of every candidate."""
    text = scene.text
    return score_with(overlap_scores, scene.problem, text.entities, text.links, PER_WORD)
