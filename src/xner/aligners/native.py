"""The built-in word aligner: statistical, fitted on the text it aligns, no download.

Model: `xner.kernels.gibbs`. Several chains run in each direction; a link's weight is the
probability that the chains give it, the mean over both directions and all chains. Each
direction links a word to its likeliest partner, null included, and the two are symmetrised.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xner.aligners.bitext import Bitext, Links, Side
from xner.aligners.symmetrise import Symmetrisation, check_symmetrisation, select
from xner.kernels import entries as table
from xner.kernels import gibbs
from xner.kernels.blocks import frozen, over_blocks, thread_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Chosen on word-alignment error (ro-en, en-fr) and on projected entities (Europarl en-de,
# ABSA en-es and en-fr), never on one language alone.
LEXICAL_PRIOR = 3e-4
SPELLING_PRIOR = 1.0
SPELLING_THRESHOLD = 0.4
NULL_PRIOR = 3e-4
NULL_PROBABILITY = 0.2
JUMP_PRIOR = 25.0
FERTILITY_PRIOR = 1.0

MAX_CELLS = 1 << 25  # of a shard: bounds the memory of fitting it, see `NativeAligner`
_MASK = (1 << 64) - 1


class _Text(NamedTuple):
    """One side of a shard, its word types casefolded and numbered anew."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]


class _Shard(NamedTuple):
    """What all chains of a shard read."""

    source: _Text
    target: _Text
    cells: NDArray[np.int32]
    cell_offsets: NDArray[np.int64]
    prior: NDArray[np.float64]
    source_prior: NDArray[np.float64]
    target_prior: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NativeAligner:
    """Bayesian HMM aligner with fertilities, by Gibbs sampling.

    The same bitext and settings give the same links on any number of threads.

    Attributes:
        seed: of the random numbers, a whole number from 0.
        chains: independent chains in each direction; more are steadier and slower.
        symmetrisation: how the two directions become one alignment. The default does best
            where links are weighted; `intersection` gives fewer, surer links.
        fit_pairs: a corpus of more pairs is cut into equal consecutive parts of at most this
            many, each fitted by itself, so that memory stays bounded. Parts also hold at
            most 33 million pairs of word positions, which take about 1.1 GB on two threads
            and 0.25 GB for each thread more (a single longer sentence pair is a part).
        effort: multiplies the number of sweeps over the text.
    """

    seed: int = 1
    chains: int = 8
    symmetrisation: Symmetrisation = "grow-diag-final-and"
    fit_pairs: int = 200_000
    effort: float = 1.0

    def __post_init__(self) -> None:
        check_symmetrisation(self.symmetrisation)
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; use a whole number from 0")
        if self.chains < 1:
            raise ValueError(f"chains is {self.chains}; use at least 1")
        if self.fit_pairs < 1:
            raise ValueError(f"fit_pairs is {self.fit_pairs}; use at least 1")
        if not 0 < self.effort < float("inf"):
            raise ValueError(f"effort is {self.effort}; use a number above 0, 1 by default")

    @property
    def signature(self) -> str:
        """All that decides the links besides the text."""
        return (
            f"native(chains:{self.chains},effort:{self.effort:g},fit:{self.fit_pairs},"
            f"sym:{self.symmetrisation},seed:{self.seed})"
        )

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Fit the model on `bitext` and align it.

        Args:
            bitext: the sentence pairs; either side of a pair may be empty.
            progress: called from this thread with the fraction done, up to 1.

        Returns:
            Links sorted by sentence, source, target; weights in (0, 1].

        Raises:
            ValueError: the two sides differ in their number of sentences.
        """
        source_pairs, target_pairs = len(bitext.source.offsets) - 1, len(bitext.target.offsets) - 1
        if source_pairs != target_pairs:
            raise ValueError(
                f"the source has {source_pairs} sentences and the target {target_pairs}; "
                "give one target sentence, perhaps empty, for each source sentence"
            )
        bounds = _shard_bounds(bitext, self.fit_pairs)
        parts = []
        for k, (lo, hi) in enumerate(pairwise(bounds)):

            def report(done: float, k: int = k) -> None:
                if progress is not None:
                    progress((k + done) / (len(bounds) - 1))

            parts.append(self._align_shard(_shard(bitext, lo, hi), k, report))
        return _joined(parts)

    def _align_shard(self, shard: _Shard, number: int, report: Callable[[float], None]) -> Links:
        """Run all chains of one shard and turn their average into links."""
        settings = _settings(len(shard.cell_offsets) - 1, len(shard.cells), self.effort)
        forward, reverse, weight = (np.zeros(len(shard.cells), np.float32) for _ in range(3))
        tasks = [(c, d) for c in range(self.chains) for d in (True, False)]
        pool = ThreadPoolExecutor(min(thread_count(), len(tasks)))
        try:
            running: deque[Future[NDArray[np.float32]]] = deque(
                pool.submit(_chain, shard, d, settings, _rng(self.seed, number, c, d))
                for c, d in tasks
            )
            for c in range(self.chains):
                chain = [running.popleft().result()]
                report((2 * c + 1) / len(tasks))
                chain.append(running.popleft().result())
                gibbs.add_chain(*chain, 1.0 / self.chains, forward, reverse, weight)
                report((2 * c + 2) / len(tasks))
        finally:
            pool.shutdown(cancel_futures=True)
        return _links(shard, forward, reverse, weight, self.symmetrisation)


def _settings(pairs: int, cells: int, effort: float) -> gibbs.Settings:
    """Numbers of sweeps: the smaller the corpus, the more of them it needs and affords."""
    size = max(pairs, cells / 1000, 1)  # a few huge sentences are not a small corpus
    scale = effort * min(max((3000 / size) ** 0.5, 0.75), 4.0)
    lexical, jump, full = (max(1, round(n * scale)) for n in (2, 3, 12))
    return gibbs.Settings(
        null=NULL_PROBABILITY,
        jump_alpha=JUMP_PRIOR,
        fertility_alpha=FERTILITY_PRIOR,
        lexical_sweeps=lexical,
        jump_sweeps=jump,
        fertility_sweeps=full,
        averaged_sweeps=max(1, round(0.7 * full)),
    )


def _rng(*key: int) -> NDArray[np.uint64]:
    """The random state of one chain: a hash (splitmix64) of seed, shard, chain, direction."""
    state = 0
    for part in key:
        state = (state + part + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    # Multiply with carry never leaves 1 .. multiplier * 2^32 - 2.
    return np.array([1 + state % (int(gibbs.MULTIPLIER) * 2**32 - 2)], np.uint64)


def _chain(
    shard: _Shard, forward: bool, settings: gibbs.Settings, rng: NDArray[np.uint64]
) -> NDArray[np.float32]:
    """Posterior of every cell, float32, from one chain in one direction."""
    given, observed = (shard.source, shard.target) if forward else (shard.target, shard.source)
    direction = gibbs.Direction(
        given.ids,
        given.offsets,
        observed.ids,
        observed.offsets,
        shard.cells,
        shard.cell_offsets,
        forward,
    )
    total = (shard.source_prior if forward else shard.target_prior).copy()
    state = gibbs.State(
        links=np.empty(len(observed.ids), np.int32),
        mass=shard.prior.copy(),
        total=total,
        scale=np.empty(len(total)),
        null_mass=np.full(len(observed.words), NULL_PRIOR),
        null_total=np.full(1, NULL_PRIOR * len(observed.words)),
        fertility=np.zeros((len(given.words), gibbs.FERTILITIES), np.int32),
        rng=rng,
    )
    posterior = np.zeros(len(shard.cells), np.float32)
    gibbs.sample_chain(direction, state, settings, posterior)
    return posterior


def _shard_bounds(bitext: Bitext, fit_pairs: int) -> list[int]:
    """Where to cut the corpus, 0 and N included, into parts of about equal load."""
    pairs = bitext.pairs
    cells = np.diff(bitext.source.offsets) * np.diff(bitext.target.offsets)
    fit_pairs = max(1, min(fit_pairs, pairs))
    load = np.cumsum(np.maximum(MAX_CELLS, cells * fit_pairs))
    parts = 1 if pairs == 0 else int(-(-load[-1] // (MAX_CELLS * fit_pairs)))
    while True:
        shares = load[-1] * np.arange(1, parts) // parts if parts > 1 else load[:0]
        bounds = sorted({0, pairs, *np.searchsorted(load, shares, side="right").tolist()})
        if not pairs or _fits(bounds, cells, fit_pairs):
            return bounds if pairs else [0, 0]
        parts += 1


def _fits(bounds: list[int], cells: NDArray[np.int64], fit_pairs: int) -> bool:
    """Whether every part of more than one pair keeps both limits."""
    sizes = np.diff(bounds)
    totals = np.add.reduceat(cells, bounds[:-1])
    return bool(np.all((sizes == 1) | ((sizes <= fit_pairs) & (totals <= MAX_CELLS))))


def _shard(bitext: Bitext, lo: int, hi: int) -> _Shard:
    """Number the entries of the pairs lo <= n < hi and set their priors."""
    source, target = _text(bitext.source, lo, hi), _text(bitext.target, lo, hi)
    sizes = np.diff(source.offsets) * np.diff(target.offsets)
    cell_offsets = _offsets(sizes)
    cells = np.empty(cell_offsets[-1], np.int32)
    words = (source.ids, source.offsets, target.ids, target.offsets)
    by_type = np.argsort(source.ids, kind="stable")
    type_starts = _offsets(np.bincount(source.ids, minlength=len(source.words)))
    entries = table.index_cells(
        *words,
        frozen(by_type, np.int64),
        frozen(type_starts, np.int64),
        len(target.words),
        cells,
    )
    types = np.empty(entries, np.int32), np.empty(entries, np.int32)
    cells = frozen(cells, np.int32)
    table.entry_types(*words, cells, *types)
    prior = np.empty(entries)
    over_blocks(
        table.spelling_prior,
        entries,
        *(frozen(t, np.int32) for t in types),
        *_letters(source.words),
        *_letters(target.words),
        LEXICAL_PRIOR,
        SPELLING_PRIOR,
        SPELLING_THRESHOLD,
        prior,
        block=1 << 18,
    )
    return _Shard(
        source,
        target,
        cells,
        frozen(cell_offsets, np.int64),
        prior,
        _sums(types[0], prior, len(source.words)),
        _sums(types[1], prior, len(target.words)),
    )


def _sums(types: NDArray[np.int32], prior: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Prior mass of every word type, summed over its entries; above 0 where it has none."""
    sums = np.bincount(types, prior, minlength=size).astype(np.float64)
    return np.maximum(sums, LEXICAL_PRIOR)


def _text(side: Side, lo: int, hi: int) -> _Text:
    """The words of the sentences lo <= n < hi, as casefolded types numbered from 0."""
    folded: dict[str, int] = {}
    fold = np.array([folded.setdefault(w.casefold(), len(folded)) for w in side.words], np.int32)
    used, ids = np.unique(fold[side.ids[side.offsets[lo] : side.offsets[hi]]], return_inverse=True)
    words = list(folded)
    offsets = side.offsets[lo : hi + 1] - side.offsets[lo]
    return _Text(frozen(ids, np.int32), frozen(offsets, np.int64), [words[v] for v in used])


def _letters(words: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Code points of all words, one after another, and where each word starts."""
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), "<u4")
    starts = _offsets(np.array([len(w) for w in words], np.int64))
    return frozen(codes, np.uint32), frozen(starts, np.int64)


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def _links(
    shard: _Shard,
    forward: NDArray[np.float32],
    reverse: NDArray[np.float32],
    weight: NDArray[np.float32],
    method: Symmetrisation,
) -> Links:
    """Hard links of a shard out of the posteriors averaged over chains."""
    votes = np.zeros(len(forward), np.uint8)
    pairs = len(shard.cell_offsets) - 1
    offsets = (shard.source.offsets, shard.target.offsets, shard.cell_offsets)
    over_blocks(gibbs.vote, pairs, *offsets, forward, reverse, votes)
    chosen = np.flatnonzero(votes)
    sentence = np.searchsorted(shard.cell_offsets, chosen, side="right") - 1
    length = np.diff(shard.target.offsets)[sentence]
    source, target = np.divmod(chosen - shard.cell_offsets[sentence], length)
    return select(
        np.searchsorted(chosen, shard.cell_offsets),
        source.astype(np.int32),
        target.astype(np.int32),
        np.minimum(weight[chosen], np.float32(1)),
        votes[chosen],
        method,
    )


def _joined(parts: list[Links]) -> Links:
    """Consecutive shards as one."""
    return Links(
        _offsets(np.concatenate([np.diff(p.offsets) for p in parts])),
        np.concatenate([p.source for p in parts]),
        np.concatenate([p.target for p in parts]),
        np.concatenate([p.weight for p in parts]),
    )
