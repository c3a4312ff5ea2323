"""Filling in links: unlinked words get a link from how their types are linked elsewhere.

For a source word a inside an entity and a target word b, neither of them linked,

    p(a, b) = n(a, b) / sqrt((n(a) + 1) * (n(b) + 1))

n(a, b) sums the weights of the links between the two types, a inside an entity; n(a) counts
a inside entities, n(b) all b in sentences with entities; words in lower case, excluding the own
sentence. Every such target word is linked to the a with the largest p, if that is above 0.05,
with the weight p. Neither word of a filled-in link has another link, so it adds to an entity's
links where they are missing and contradicts none.
"""

from __future__ import annotations

import numpy as np

from xner.columns import rows_of
from xner.kernels.association import PAIR, SOURCE, TARGET, UNIT
from xner.kernels.blocks import over_blocks
from xner.kernels.keys import mixed
from xner.kernels.link_filling import lexicon_links
from xner.kernels.records import NewLinks
from xner.score.counts import Counts
from xner.score.scene import Text, key_of

LEAST = 0.05


def count_lexicon(text: Text, counts: Counts) -> None:
    """Count words, and links of words inside entities, in sentences with entities."""
    source, target, links = text.source, text.target, text.links
    inside = text.both.inside.astype(bool)
    has_entities = np.diff(text.entities.offsets) > 0
    counts.add(key_of(source.keys[inside], SOURCE))
    counts.add(key_of(target.keys[has_entities[rows_of(target.offsets)]], TARGET))
    row = rows_of(links.offsets)
    i = source.offsets[row] + links.source
    kept = np.flatnonzero(inside[i])
    j = target.offsets[row[kept]] + links.target[kept]
    weight = links.weight[kept].astype(np.float64)
    pairs = mixed(key_of(source.keys[i[kept]], PAIR) ^ target.keys[j])
    counts.add(pairs, (weight * UNIT + 0.5).astype(np.int64))


def lexicon(text: Text, counts: Counts) -> NewLinks:
    """Return links between unlinked words of entities and unlinked target words."""
    arguments = text.both, text.links, counts.table, LEAST
    return NewLinks.of(over_blocks(lexicon_links, text.batch.num_rows, *arguments))
