"""The lexical score: how similarly entity and candidate are spelled.

For the texts a of an entity and b of a candidate, in lower case, words separated by one space,

    c = 1 - d(a, b) / max(|a|, |b|)

with d the Levenshtein distance and |·| the number of code points. In [0, 1]; 1 for names that
are spelled the same. It is of no use across scripts.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner.columns import offsets_of
from xner.kernels.blocks import frozen
from xner.kernels.edit_distance import lexical_scores
from xner.kernels.records import Float64, Letters
from xner.score.scene import Scene, score_with


def lexical(scene: Scene) -> Float64:
    """Return float64 (C): the lexical score of every candidate."""
    source, target = (_letters(scene.batch[f"{side}_tokens"]) for side in ("source", "target"))
    return score_with(lexical_scores, scene.problem, scene.text.entities, source, target)


def _letters(tokens: pa.ListArray) -> Letters:
    """Code points of all words in lower case."""
    offsets = offsets_of(tokens)
    words = pc.utf8_lower(tokens.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0])))
    begin = np.zeros(len(words) + 1, np.int64)
    np.cumsum(pc.utf8_length(words).to_numpy(zero_copy_only=False), out=begin[1:])
    text = np.frombuffer("".join(words.to_pylist()).encode("utf-32-le") or bytes(4), "<u4")
    return Letters(
        frozen(offsets - offsets[0], np.int32), frozen(begin, np.int64), frozen(text, np.uint32)
    )
