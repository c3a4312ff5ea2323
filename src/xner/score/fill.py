"""Links filled in for unlinked words, from what the first pass counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xner.kernels.blocks import frozen
from xner.kernels.records import Int32, Links, NewLinks, Spans
from xner.score.adjacent import adjacent
from xner.score.counts import Counts
from xner.score.lexicon import lexicon
from xner.score.scene import Text


def fill_links(text: Text, spans: Spans, counts: Counts, weights: Mapping[str, float]) -> Text:
    """Return `text` with links filled in.

    A target word gets links from one method of filling only, the lexicon first.

    Args:
        text: the batch.
        spans: what the first pass chose in it.
        counts: what it counted in the whole corpus.
        weights: factor of the link weights of each method, `lexicon` and `adjacent`.
    """
    parts = []
    if "lexicon" in weights:
        parts.append(_scaled(lexicon(text, counts), weights["lexicon"]))
    if "adjacent" in weights:
        parts.append(_scaled(adjacent(text, spans, counts), weights["adjacent"]))
    if len(parts) == 2:
        parts = [_merged(parts[0], parts[1], text.target.offsets)]
    found = parts and len(parts[0].row)
    return text.with_links(_added(text.links, parts[0])) if found else text


def _scaled(links: NewLinks, factor: float) -> NewLinks:
    return links._replace(weight=links.weight * np.float32(factor))


def _merged(first: NewLinks, second: NewLinks, offsets: Int32) -> NewLinks:
    """Both, in order of sentence and target word, `second` where `first` has none."""
    place, other = (offsets[links.row] + links.target for links in (first, second))
    kept = np.flatnonzero(~np.isin(other, place))
    order = np.argsort(np.concatenate([place, other[kept]]), kind="stable")
    pairs = zip(first, second, strict=True)
    return NewLinks(*(np.concatenate([a, b[kept]])[order] for a, b in pairs))


def _added(links: Links, new: NewLinks) -> Links:
    """All links, the new ones after those that their sentence has."""
    times = np.bincount(new.row, minlength=len(links.offsets) - 1)
    place = np.repeat(links.offsets[1:], times)
    return Links(
        frozen(links.offsets + np.concatenate([[0], np.cumsum(times)]), np.int32),
        frozen(np.insert(links.source, place, new.source), np.int32),
        frozen(np.insert(links.target, place, new.target), np.int32),
        frozen(np.insert(links.weight, place, new.weight), np.float32),
    )
