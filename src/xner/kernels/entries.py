"""The sparse table of word pairs that a statistical aligner counts in.

"Cells" are the pairs of word positions of a sentence pair: cell (i, j) of pair n, source
word i, target word j, is `cell_offsets[n] + i * target length + j`. Each cell holds the
number of its entry, the pair of word types, so that a table over entries has one slot for
every two words that occur in the same sentence pair.
"""

import numpy as np

from xner.kernels.jit import kernel
from xner.kernels.records import Float32, Float64, Int32, Int64


def index_cells(
    source: Int32,
    source_offsets: Int64,
    target: Int32,
    target_offsets: Int64,
    by_type: Int64,
    type_starts: Int64,
    types: int,
    cells: Int32,
) -> int:
    """Number the entries and write each cell's entry; return the number of entries.

    source, target: int32, word types; offsets: int64 (N+1); by_type: int64 (source words),
    source positions ordered by type; type_starts: int64 (source types + 1), where each type
    begins in `by_type`; types: number of target types; cells: int32, written.
    """
    text = source_offsets, target, target_offsets
    places = np.empty(len(source), np.int64), np.empty(len(source), np.int64)
    seen = np.full(types, -1, np.int64), np.empty(types, np.int32)
    return int(write_cells(*text, by_type, type_starts, cells, *places, *seen))


@kernel
def write_cells(
    source_offsets,
    target,
    target_offsets,
    by_type,
    type_starts,
    cells,
    cell_rows,
    pair_of,
    seen_with,
    entry_of,
):
    """See `index_cells`.

    cell_rows, pair_of: int64 (source words), scratch: first cell, and sentence pair, of each word;
    seen_with: int64 (target types) of -1, the last source type that each was seen with; entry_of:
    int32 (target types), their entry.
    """
    cell = 0
    for n in range(len(source_offsets) - 1):
        for position in range(source_offsets[n], source_offsets[n + 1]):
            cell_rows[position] = cell
            pair_of[position] = n
            cell += target_offsets[n + 1] - target_offsets[n]
    entries = 0
    for word in range(len(type_starts) - 1):
        for k in range(type_starts[word], type_starts[word + 1]):
            position = by_type[k]
            n = pair_of[position]
            start = target_offsets[n]
            for j in range(target_offsets[n + 1] - start):
                other = target[start + j]
                if seen_with[other] != word:
                    seen_with[other] = word
                    entry_of[other] = entries
                    entries += 1
                cells[cell_rows[position] + j] = entry_of[other]
    return entries


@kernel
def entry_types(
    source: Int32,
    source_offsets: Int64,
    target: Int32,
    target_offsets: Int64,
    cells: Int32,
    source_types: Int32,
    target_types: Int32,
) -> None:
    """Write the source and target type of every entry.

    Arguments as in `index_cells`; source_types, target_types: int32 (entries), written.
    """
    cell = 0
    for n in range(len(source_offsets) - 1):
        for i in range(source_offsets[n], source_offsets[n + 1]):
            for j in range(target_offsets[n], target_offsets[n + 1]):
                source_types[cells[cell]] = source[i]
                target_types[cells[cell]] = target[j]
                cell += 1


@kernel
def transpose(row_offsets: Int64, column_offsets: Int64, values: Int32, made: Int32) -> None:
    """Write the values of every sentence pair column by column.

    row_offsets, column_offsets: int64 (N+1), words of both sides; values: int32 (cells), row
    by row; made: int32 (cells), written.
    """
    first = 0
    for n in range(len(row_offsets) - 1):
        rows = row_offsets[n + 1] - row_offsets[n]
        columns = column_offsets[n + 1] - column_offsets[n]
        for j in range(columns):
            for i in range(rows):
                made[first + j * rows + i] = values[first + i * columns + j]
        first += rows * columns


@kernel
def number_slots(entries: Int32, met: Int32, slot_of: Int32, slots: Int32) -> int:
    """Number the entries of two candidates or more from 1; return the next number.

    The order is that of their first candidates, so that slots used together are close in memory.
    entries: int32 (candidates); met, slot_of: int32 (entries) of zeros, written, met the candidates
    of each; slots: int32 (candidates), written, 0 for an entry of one candidate.
    """
    for c in range(len(entries)):
        met[entries[c]] += 1
    used = 1
    for c in range(len(entries)):
        entry = entries[c]
        if met[entry] > 1 and slot_of[entry] == 0:
            slot_of[entry] = used
            used += 1
        slots[c] = slot_of[entry]
    return used


@kernel
def spread(entries: Int32, prior: Float64, made: Float32) -> None:
    """Write the prior of every candidate. int32 (candidates), float64 (entries), (candidates)."""
    for c in range(len(entries)):
        made[c] = prior[entries[c]]
