"""The lexical score: how alike entity and candidate are spelled.

For the texts a of an entity and b of a candidate, in lower case, words parted by one space,

    c = 1 - d(a, b) / max(|a|, |b|)

with d the Levenshtein distance and |·| the number of code points. In [0, 1]; 1 for names that
are written alike. It says nothing across scripts.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xner.columns import offsets_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.lexical import lexical_scores
from xner.score.scene import Scene
from xner.solve.problem import Float64


def lexical(scene: Scene) -> Float64:
    """float64 (C): the lexical score of every candidate."""
    problem, text = scene.problem, scene.text
    score = np.empty(problem.candidates)
    over_blocks(
        lexical_scores,
        problem.sentences,
        problem.entity_offsets,
        problem.candidate_offsets,
        problem.start,
        problem.end,
        text.entity_start,
        text.entity_end,
        text.source.offsets,
        text.target.offsets,
        *_letters(scene.batch["source_tokens"]),
        *_letters(scene.batch["target_tokens"]),
        score,
    )
    return score


def _letters(tokens: pa.ListArray) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Code points of all words in lower case, and where each word's begin."""
    offsets = offsets_of(tokens)
    words = pc.utf8_lower(tokens.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0])))
    begin = np.zeros(len(words) + 1, np.int64)
    np.cumsum(pc.utf8_length(words).to_numpy(zero_copy_only=False), out=begin[1:])
    text = "".join(words.to_pylist()).encode("utf-32-le")
    return frozen(np.frombuffer(text or bytes(4), "<u4"), np.uint32), frozen(begin, np.int64)
