"""The tables of a fitted alignment model: pairs of word types, and pairs of word parts."""

import numpy as np

from xner.kernels.jit import kernel
from xner.kernels.local import SOURCE_PARTS, TARGET_PARTS, VIEWS, enter, find, pair_key, view_key
from xner.kernels.records import Float32, Int32, Int64, Keys


@kernel
def fill_lexicon(
    source: Int32,
    target: Int32,
    prior: Float32,
    forward: Float32,
    reverse: Float32,
    keys: Keys,
    filter: Keys,
    priors: Float32,
    forwards: Float32,
    reverses: Float32,
) -> None:
    """Write the entries to the open-addressing table of `xner.kernels.local.Lexicon`.

    source, target: int32 (entries), word types; prior, forward, reverse: float32 (entries); keys,
    priors, forwards, reverses: (slots) of zeros, written.
    """
    for e in range(len(source)):
        slot = enter(keys, filter, pair_key(np.uint64(source[e]), np.uint64(target[e])))
        priors[slot] = prior[e]
        forwards[slot] = forward[e]
        reverses[slot] = reverse[e]


@kernel
def fill_views(
    view_keys: Keys, evidence: Float32, keys: Keys, filter: Keys, values: Float32
) -> None:
    """Write keys and evidence to an open-addressing table. keys, values: (slots), written."""
    for k in range(len(view_keys)):
        values[enter(keys, filter, view_keys[k])] = evidence[k]


@kernel
def list_views(
    source_types: Int32,
    target_types: Int32,
    chosen: Int64,
    source_parts: Keys,
    target_parts: Keys,
    keys: Keys,
    filter: Keys,
) -> None:
    """Enter the pairs of word parts of the chosen entries, in every view.

    source_types, target_types: int32 (entries); chosen: int64, entries; source_parts, target_parts:
    uint64 (types, PARTS); keys: uint64 (slots) of zeros, written.
    """
    for c in range(len(chosen)):
        e = chosen[c]
        for v in range(len(VIEWS)):
            a = source_parts[source_types[e], SOURCE_PARTS[v]]
            enter(keys, filter, view_key(v, a, target_parts[target_types[e], TARGET_PARTS[v]]))


@kernel
def count_views(
    source_types: Int32,
    target_types: Int32,
    linked: Float32,
    met: Float32,
    source_parts: Keys,
    target_parts: Keys,
    keys: Keys,
    filter: Keys,
    links: Float32,
    cells: Float32,
) -> None:
    """Add the links and cells of all entries to the pairs of word parts that are in the table.

    linked, met: float32 (entries), expected links and cells; keys: uint64 (slots), from
    `list_views`; links, cells: float32 (slots) of zeros, written.
    """
    for e in range(len(source_types)):
        for v in range(len(VIEWS)):
            a = source_parts[source_types[e], SOURCE_PARTS[v]]
            slot = find(keys, filter, view_key(v, a, target_parts[target_types[e], TARGET_PARTS[v]]))
            if slot >= 0:
                links[slot] += linked[e]
                cells[slot] += met[e]
