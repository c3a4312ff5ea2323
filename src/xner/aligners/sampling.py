"""Gibbs sampling of a shard: chains in both directions, on every core."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xner.aligners.hints import NO_HINTS, Hints
from xner.kernels import entries as table
from xner.kernels import gibbs
from xner.kernels.blocks import frozen, thread_count
from xner.kernels.order import FERTILITIES, LONGEST_JUMP

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xner.aligners.shards import Shard, Text

NULL_PRIOR = 3e-4
"""Prior mass of the null word for each observed word type."""
NULL_PROBABILITY = 0.2
NULL_ODDS = NULL_PROBABILITY / (1 - NULL_PROBABILITY)
"""Prior odds of the null word."""

_MASK = (1 << 64) - 1

Key = tuple[int, int, int]
"""Seed, index of the shard and index of the chain."""


class Sampled(NamedTuple):
    """What the chains of one direction found.

    Attributes:
        posterior: int32 (candidates); `gibbs.CERTAIN` is probability 1.
        jumps: float32 (2 * LONGEST_JUMP + 1), mean probability of each jump at the end.
    """

    posterior: NDArray[np.int32]
    jumps: NDArray[np.float32]


class Way(NamedTuple):
    """One direction of a shard; the candidates of a word are all words of the other sentence.

    Attributes:
        given: the side whose words generate the observed words.
        observed: the other side.
        forward: whether the source side is given.
        entries: int32 (candidates), entry of each candidate, in the order of `gibbs.Direction`.
        slots: int32 (candidates), where links of its entry are counted.
        size: number of slots.
        entry_types: int32 (entries), given word type of each entry.
    """

    given: Text
    observed: Text
    forward: bool
    entries: NDArray[np.int32]
    slots: NDArray[np.int32]
    size: int
    entry_types: NDArray[np.int32]


def ways_of(shard: Shard) -> list[Way]:
    """Return both directions, forward first."""
    made = []
    for forward in (True, False):
        given, observed, types = shard.source, shard.target, shard.source_types
        entries = _transposed(given, observed, shard.cells) if forward else shard.cells
        if not forward:
            given, observed, types = observed, given, shard.target_types
        slots = np.empty_like(entries)
        met, slot_of = np.zeros(len(types), np.int32), np.zeros(len(types), np.int32)
        size = table.number_slots(entries, met, slot_of, slots)
        kept = entries, frozen(slots, np.int32), size
        made.append(Way(given, observed, forward, *kept, types))
    return made


def probabilities(way: Way, found: Sampled) -> NDArray[np.float32]:
    """Return the probability of every cell, float32 (cells)."""
    made = np.multiply(found.posterior, np.float32(1 / gibbs.CERTAIN), dtype=np.float32)
    if way.forward:
        return _transposed(way.observed, way.given, made)
    return frozen(made, np.float32)


def _transposed(rows: Text, columns: Text, values: NDArray[Any]) -> NDArray[Any]:
    """Return the values of all pairs of words column by column, given those row by row."""
    made, as_numbers = np.empty_like(values), frozen(values.view(np.int32), np.int32)
    table.transpose(rows.offsets, columns.offsets, as_numbers, made.view(np.int32))
    return frozen(made, made.dtype.type)


def sample(
    ways: list[Way],
    prior: NDArray[np.float64],
    settings: gibbs.Settings,
    keys: list[Key],
    report: Callable[[], None],
    hints: Hints = NO_HINTS,
) -> list[Sampled]:
    """Sample one chain per key in every direction.

    Each chain has its own random numbers, and counts are summed as integers, so the result does
    not depend on how chains are distributed over threads.

    Args:
        ways: the directions.
        prior: float64 (entries), prior mass of each entry.
        settings: settings of the sampler.
        keys: keys of the chains.
        report: called after every sweep of a group of chains, `steps(settings, chains)` times.
        hints: factors of the weights of all links.

    Returns:
        What was found in each direction.
    """
    share = gibbs.CERTAIN // (len(keys) * settings.averaged_sweeps)
    parts = np.array_split(np.arange(len(keys)), _groups(len(keys)))
    pool = ThreadPoolExecutor(thread_count())
    try:
        lexicons = list(pool.map(lambda way: _lexicon(way, prior, hints), ways))
        made = [
            [_Group(way, lexicon, [keys[c] for c in part], settings, share) for part in parts]
            for way, lexicon in zip(ways, lexicons, strict=True)
        ]
        _run(pool, [group for groups in made for group in groups], report)
    finally:
        pool.shutdown(cancel_futures=True)
    return [_joined(groups) for groups in made]


def _joined(groups: list[_Group]) -> Sampled:
    """Sum the posteriors of all chains of one direction, and average the rest."""
    first, *others = groups
    for group in others:
        first.posterior += group.posterior
    jumps = np.concatenate([group.work.jumps for group in groups])
    centre = jumps.shape[1] // 2
    places = np.clip(np.arange(-LONGEST_JUMP, LONGEST_JUMP + 1), -centre, centre) + centre
    return Sampled(first.posterior, jumps[:, places].mean(axis=0))


def _run(pool: ThreadPoolExecutor, groups: list[_Group], report: Callable[[], None]) -> None:
    """Run all sweeps of all groups."""
    running = {pool.submit(group.sweep): group for group in groups}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            group = running.pop(future)
            future.result()
            report()
            if group.left:
                running[pool.submit(group.sweep)] = group


def steps(settings: gibbs.Settings, chains: int) -> int:
    """Return how often `sample` calls `report`."""
    return 2 * _groups(chains) * _sweeps(settings)


def _groups(chains: int) -> int:
    """Return the number of groups per direction that keeps all cores busy."""
    return min(chains, -(-thread_count() // 2))


class _Group:
    """Chains of one direction that are sampled together, one sweep at a time."""

    def __init__(
        self, way: Way, lexicon: _Lexicon, keys: list[Key], settings: gibbs.Settings, share: int
    ) -> None:
        self.direction = _direction(way, lexicon)
        self.state = _state(way, lexicon, keys)
        self.work = _work(way, len(keys))
        self.settings, self.share = settings, np.float32(share)
        self.posterior = np.zeros(len(way.entries), np.int32)
        self.done = 0

    @property
    def left(self) -> int:
        """Number of remaining sweeps."""
        return _sweeps(self.settings) - self.done

    def sweep(self) -> None:
        """Resample every link once."""
        gibbs.sweep_chains(
            self.direction,
            self.state,
            self.work,
            self.settings,
            self.done,
            self.share,
            self.posterior,
        )
        self.done += 1


def _sweeps(settings: gibbs.Settings) -> int:
    """Return the number of sweeps of each chain."""
    return settings.lexical_sweeps + settings.jump_sweeps + settings.fertility_sweeps


class _Lexicon(NamedTuple):
    """Prior and hint of each candidate; prior of each given type."""

    prior: NDArray[np.float32]
    hints: NDArray[np.float32]
    given_prior: NDArray[np.float32]


def _lexicon(way: Way, prior: NDArray[np.float64], hints: Hints = NO_HINTS) -> _Lexicon:
    spread = np.empty(len(way.entries), np.float32)
    table.spread(way.entries, prior, spread)
    # Keep it above 0 for types without entries.
    total = np.maximum(np.bincount(way.entry_types, prior, len(way.given.words)), NULL_PRIOR)
    return _Lexicon(spread, _hints_of(way, hints), total.astype(np.float32))


def _hints_of(way: Way, hints: Hints) -> NDArray[np.float32]:
    """Return the hints of a direction by candidate; empty if there are none."""
    values = hints.forward if way.forward else hints.reverse
    if way.forward and len(values):
        return _transposed(way.given, way.observed, values)
    return values


def _direction(way: Way, lexicon: _Lexicon) -> gibbs.Direction:
    return gibbs.Direction(
        way.given.ids,
        way.given.offsets,
        way.observed.ids,
        way.observed.offsets,
        way.slots,
        frozen(lexicon.prior, np.float32),
        frozen(lexicon.hints, np.float32),
        frozen(lexicon.given_prior, np.float32),
        np.float32(NULL_PRIOR),
    )


def _state(way: Way, lexicon: _Lexicon, keys: list[Key]) -> gibbs.State:
    """Return a state in which all counts are 0."""
    words, chains = len(way.observed.ids), len(keys)
    given, observed = len(way.given.words), len(way.observed.words)
    return gibbs.State(
        links=np.empty((words, chains), np.int32),
        counts=np.zeros((way.size, chains), np.float32),
        linked=np.zeros((given, chains), np.float32),
        scale=np.empty((given, chains), np.float32),
        null=np.zeros((observed, chains), np.float32),
        null_total=np.zeros(chains, np.float32),
        fertility=np.zeros((given, chains, FERTILITIES), np.float32),
        rng=np.array([random_state(*key, way.forward) for key in keys], np.uint64),
    )


def _work(way: Way, chains: int) -> gibbs.Work:
    """Return scratch space for the longest sentence."""
    lengths = np.diff(way.given.offsets), np.diff(way.observed.offsets)
    longest = max(int(sizes.max(initial=0)) for sizes in lengths)

    def ones(dtype: type) -> NDArray[Any]:
        return np.ones((chains, longest + 1), dtype)

    return gibbs.Work(
        jumps=np.ones((chains, 2 * longest + 3), np.float32),
        fertility=np.ones((chains, FERTILITIES), np.float32),
        cumulative=ones(np.float32),
        ratio=ones(np.float32),
        following=ones(np.int64),
        links_of=ones(np.int64),
        before=ones(np.int64),
        previous=np.ones(chains, np.int64),
    )


def random_state(*key: int) -> int:
    """Hash seed, shard, chain and direction (splitmix64) to the random state of a chain."""
    state = 0
    for part in key:
        state = (state + part + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    # The states of multiply-with-carry are 1 .. multiplier * 2^32 - 2.
    return 1 + state % (int(gibbs.MULTIPLIER) * 2**32 - 2)
