"""Alignment by hidden states: both sides of a batch of pairs are encoded in one forward pass.

An `Extraction` computes links from the states of a pair; SimAlign and AWESoME provide one each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xner.aligners.bitext import Bitext, Links, offsets_from
from xner.aligners.encoder import Encoder
from xner.aligners.subwords import Sentences, split_side, warn_of_lost_words
from xner.errors import UsageError
from xner.inference.batches import padded
from xner.inference.stream import stream
from xner.inference.windows import Windows, plan_windows, window_counts

if TYPE_CHECKING:
    import torch

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Result = tuple[Int32, Int32, Float32]
"""Links of a pair, sorted: source word, target word, weight."""

_CELLS_PER_TOKEN = 256
"""Number of similarities that take as much memory as one token in the model."""


class Extraction(Protocol):
    """Computes links from the states of B pairs with at most S source and T target units."""

    @property
    def whole_words(self) -> bool:
        """Whether units are words (the mean of their subwords) rather than subwords."""
        ...

    @property
    def leaves_out_special(self) -> bool:
        """Whether words spelled like a special token, such as [SEP], are excluded."""
        ...

    def scores(
        self, source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Return how well units match, (B, S, T), on the device of the states.

        Args:
            source: float32 (B, S, H).
            target: float32 (B, T, H).
            rows: int64 (B), source units of each pair, without padding.
            columns: int64 (B), target units, likewise.
        """
        ...

    def host_weights(self, scores: NDArray[Any], rows: Int64, columns: Int64) -> Float32:
        """Return weights (B, S, T), above 0 for links; arguments and result are on the host."""
        ...

    def device_weights(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Return the same on the device of `scores`."""
        ...


@dataclass(frozen=True, slots=True)
class Units:
    """The units of one side of a batch, as cells of its rectangle of tokens.

    Attributes:
        cells: int64 (K), cells of the subwords of all units, unit by unit.
        bags: int64 (B x S + 1), offsets of the units into `cells`; padding is empty.
        count: int64 (B), units of each pair.
        words: int32 (B, S), the word of each unit.
    """

    cells: torch.Tensor
    bags: torch.Tensor
    count: torch.Tensor
    words: Int32


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs on the host: rows of the source side, followed by rows of the target side."""

    ids: torch.Tensor
    mask: torch.Tensor
    source: Units
    target: Units


class EmbeddingEngine:
    """An engine of `xner.inference.stream` whose items are consecutive pair indices."""

    def __init__(self, encoder: Encoder, bitext: Bitext, extraction: Extraction) -> None:
        self.encoder = encoder
        self.extraction = extraction
        self.source = split_side(bitext.source, encoder.tokenizer)
        self.target = split_side(bitext.target, encoder.tokenizer)
        tokenizer = encoder.tokenizer
        self.special = np.array(
            [tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id], np.int32
        )
        self.costs = np.zeros(bitext.aligned, np.int64)

    @property
    def workers(self) -> int:
        """Number of devices."""
        return len(self.encoder.models)

    def encode(self, items: Sequence[int]) -> list[list[int]]:
        """Return one piece per pair, or none if a side has no subwords."""
        if not items:
            return []
        first, last = items[0], items[-1] + 1
        source = self.source.lengths(first, last)
        target = self.target.lengths(first, last)
        self.costs[first:last] = pair_costs(source, target, self.encoder.room)
        full = (source > 0) & (target > 0)
        return [[n] if has else [] for n, has in zip(items, full.tolist(), strict=True)]

    def cost(self, piece: int) -> int:
        """Return the tokens of both sides, padding included, or the cost of their similarities."""
        return int(self.costs[piece])

    def collate(self, pieces: Sequence[int]) -> Batch:
        """Arrange the tokens of both sides in one rectangle."""
        pairs = np.array(pieces, np.int64)
        sides = self.source.gather(pairs), self.target.gather(pairs)
        room = self.encoder.room
        rows = [plan_windows(np.diff(side.subwords), room, _overlap(room)) for side in sides]
        tokens = [
            row for side, own in zip(sides, rows, strict=True) for row in self._rows(side, own)
        ]
        ids, mask = padded(tokens, self.encoder.tokenizer.pad_token_id)
        width = ids.shape[1]
        source = self._units(sides[0], rows[0].cells(0, width))
        target = self._units(sides[1], rows[1].cells(len(rows[0].start), width))
        tensor = self.encoder.hardware.host_tensor
        return Batch(tensor(ids), tensor(mask), source, target)

    def _rows(self, side: Sentences, rows: Windows) -> Iterator[Int32]:
        """Yield the token ids of every row, with special tokens at both ends."""
        front = np.array([self.encoder.tokenizer.cls_token_id], np.int32)
        back = np.array([self.encoder.tokenizer.sep_token_id], np.int32)
        begin = side.subwords[rows.sentence] + rows.start
        for first, last in zip(begin.tolist(), (begin + rows.size).tolist(), strict=True):
            yield np.concatenate((front, side.ids[first:last], back))

    def _units(self, side: Sentences, cells: Int64) -> Units:
        """Return the units of one side, whose subwords are in `cells`."""
        sizes, words, starts = side.sizes, side.places, side.words
        if not self.extraction.whole_words:
            sizes, words = np.ones(len(cells), np.int64), np.repeat(words, sizes)
            starts = side.subwords
            if self.extraction.leaves_out_special:
                sizes[np.isin(side.ids, self.special)] = 0
                cells = cells[sizes > 0]
        real = sizes > 0
        count = np.diff(offsets_from(real.astype(np.int64))[starts])
        shape = (len(count), int(count.max(initial=1)))
        inside = np.arange(shape[1]) < count[:, None]
        bags, names = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
        bags[inside], names[inside] = sizes[real], words[real]
        offsets = offsets_from(bags.ravel())
        tensor = self.encoder.hardware.host_tensor
        return Units(tensor(cells), tensor(offsets), tensor(count), names)

    def forward(self, worker: int, batch: Batch) -> list[Result]:
        """Return the links of every pair of a batch; nothing else leaves the device."""
        import torch

        device = self.encoder.hardware.devices[worker]
        with torch.inference_mode():
            ids, mask = (t.to(device, non_blocking=True) for t in (batch.ids, batch.mask))
            states = self.encoder.states(worker, ids, mask)
            states = states.reshape(-1, states.shape[-1]).float()
            source, rows = unit_states(states, batch.source)
            target, columns = unit_states(states, batch.target)
            scores = self.extraction.scores(source, target, rows, columns)
            find = self._on_device if device.startswith("cuda") else self._on_host
            cells = find(scores, rows, columns)
        return word_links(*cells, batch.source.words, batch.target.words)

    def _on_host(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> tuple[Int64, Int64, Int64, Float32]:
        weight = self.extraction.host_weights(
            scores.cpu().numpy(), rows.cpu().numpy(), columns.cpu().numpy()
        )
        pair, row, column = weight.nonzero()
        return pair, row, column, weight[pair, row, column]

    def _on_device(
        self, scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> tuple[Int64, Int64, Int64, Float32]:
        weight = self.extraction.device_weights(scores, rows, columns)
        pair, row, column = weight.nonzero(as_tuple=True)
        value = weight[pair, row, column]
        return (
            pair.cpu().numpy(), row.cpu().numpy(), column.cpu().numpy(), value.cpu().numpy()
        )  # fmt: skip

    def name(self, piece: int) -> str:
        """Return the name of the pair in error messages."""
        return f"the pair in row {piece + 1}"


def _overlap(room: int) -> int:
    """Number of subwords that consecutive windows of `room` subwords share."""
    return room // 4


def pair_costs(source: Int64, target: Int64, room: int) -> Int64:
    """Return the tokens of pairs in a batch, given the subwords of their sides."""
    rows = window_counts(source, room, _overlap(room))
    rows += window_counts(target, room, _overlap(room))
    tokens = rows * (np.minimum(np.maximum(source, target), room) + 2)
    costs: Int64 = np.maximum(tokens, source * target // _CELLS_PER_TOKEN)
    return costs


def unit_states(states: torch.Tensor, units: Units) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean states of units, zeros for padding.

    Args:
        states: float32 (tokens, H).
        units: units of B pairs, at most S each.

    Returns:
        float32 (B, S, H), and `units.count` on the same device.
    """
    from torch.nn.functional import embedding_bag

    cells, bags, count = (
        t.to(states.device, non_blocking=True) for t in (units.cells, units.bags, units.count)
    )
    means = embedding_bag(cells, states, bags, mode="mean", include_last_offset=True)
    return means.view(*units.words.shape, -1), count


def word_links(
    pair: Int64, row: Int64, column: Int64, weight: Float32, source: Int32, target: Int32
) -> list[Result]:
    """Return the links of words: words with linked units, with their highest weight.

    Args:
        pair: int64 (K), pair of each link of units.
        row: int64 (K), its source unit.
        column: int64 (K), its target unit.
        weight: float32 (K).
        source: int32 (B, S), word of each source unit.
        target: int32 (B, T), word of each target unit.
    """
    words = source[pair, row], target[pair, column]
    order = np.lexsort((words[1], words[0], pair))
    pair, weight = pair[order], weight[order]
    first, second = words[0][order], words[1][order]
    new = np.ones(len(pair), np.bool_)
    new[1:] = (np.diff(pair) != 0) | (np.diff(first) != 0) | (np.diff(second) != 0)
    begin = np.flatnonzero(new)
    best = np.maximum.reduceat(weight, begin) if len(begin) else weight
    bounds = np.searchsorted(pair[begin], np.arange(len(source) + 1)).tolist()
    first, second = first[begin], second[begin]
    return [(first[a:b], second[a:b], best[a:b]) for a, b in pairwise(bounds)]


def align_by_states(
    bitext: Bitext,
    encoder: Encoder,
    extraction: Extraction,
    batch_tokens: int,
    progress: Callable[[float], None] | None = None,
) -> Links:
    """Return the links of every pair; words without subwords have none.

    Sides longer than the model's input limit are split into windows that overlap by a quarter.

    Raises:
        UsageError: more bitext is given to fit on.
        ResourceError: a pair does not fit into a device's memory.
    """
    if bitext.fit_only:
        raise UsageError("pretrained aligners are not fitted; leave out fit_on")
    engine = EmbeddingEngine(encoder, bitext, extraction)
    warn_of_lost_words((engine.source, engine.target), bitext.aligned, encoder.signature)
    results = stream(range(bitext.aligned), engine, budget=batch_tokens)
    parts: list[tuple[Int64, Result]] = []
    done = 0
    while chunk := list(islice(results, 1024)):
        parts.append(_joined(chunk))
        done += len(chunk)
        if progress:
            progress(done / bitext.aligned)
    return _as_links(parts)


def _joined(chunk: list[list[Result]]) -> tuple[Int64, Result]:
    sizes = np.array([len(own[0][0]) if own else 0 for own in chunk], np.int64)
    found = [own[0] for own in chunk if own] or [_NOTHING]
    return sizes, (
        np.concatenate([links[0] for links in found]),
        np.concatenate([links[1] for links in found]),
        np.concatenate([links[2] for links in found]),
    )


def _as_links(parts: list[tuple[Int64, Result]]) -> Links:
    sizes = np.concatenate([np.zeros(0, np.int64), *(sizes for sizes, _ in parts)])
    _, (source, target, weight) = _joined([[links] for _, links in parts])
    return Links(offsets_from(sizes), source, target, weight)


_NOTHING: Result = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
