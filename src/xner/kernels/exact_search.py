"""Bounded search for groups whose dynamic program would be too large.

The limit of each entity is given a price (Lagrangian relaxation). Without the limits the
group is weighted interval scheduling, so that one sweep bounds what a prefix of choices can
still reach. The dynamic program over (target position, uses of each entity) then keeps only
the states that may pass a threshold: first a hopeful one just below the bound, then lower
ones, until a choice passes (the optimum) or the threshold is the value in hand (proven).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

TIE = 1e-9  # a choice replaces greedy's only where it is better by more than this
ROUNDS = 120  # price updates
STATE_BITS = 62  # uses of all entities, packed into one int64


class Bounds(NamedTuple):
    """What a state may still reach, and what it must pass."""

    price: np.ndarray  # float64 (K), of one use of each entity
    back: np.ndarray  # float64 (P+1), the most that positions p and on gain after prices
    rest: np.ndarray  # float64 (P+1), price of all uses of the entities not gone at p
    gone: np.ndarray  # int64 (P+1), bits of the entities without candidates from p on
    threshold: float


class States(NamedTuple):
    """Records, one a state: at most R are made; the first is the empty choice."""

    uses: np.ndarray  # int64 (R), uses of each entity, packed
    gain: np.ndarray  # float64 (R), scores taken less the prices of the uses counted
    parent: np.ndarray  # int32 (R), the state it was made from
    item: np.ndarray  # int32 (R), and the item taken; -1 for the empty choice
    queue: np.ndarray  # int32 (R), the next state that arrives at the same position
    arrivals: np.ndarray  # int32 (P+1), the first such state of each position, -1: none
    front: np.ndarray  # int32 (R), the states at the current position


@njit(cache=True, nogil=True)
def search(group, limit, width, bits, value, budget, picks):
    """Look for a choice better than `value` in a `Group` (see `exact_groups`).

    Args:
        group: the candidates by position.
        limit, width: at most `limit` uses an entity, counted in `width` bits.
        bits: bits of one state.
        value: the sum in hand.
        budget: largest number of states to make for one threshold.
        picks: int32, at least one a target word; set to the items of the optimum.

    Returns:
        (items written, bound): more than 0, the optimum was written; 0, nothing is better
        than `value`; -1, gave up, and nothing is better than the bound.
    """
    positions = len(group.first) - 1
    price = np.zeros(len(group.shift))
    back = np.zeros(positions + 1)
    above = _set_prices(group, limit, value, price, back)
    if above <= value + TIE:
        return 0, above
    if bits > STATE_BITS:
        return -1, above
    top = above
    step = (top - value) / 4096
    room = min(budget, 4096)
    while True:
        threshold = max(value + TIE, top - step)
        used = _above(group, limit, width, price, back, threshold, room, picks)
        if used > 0:
            return used, above
        if used == 0:
            above = threshold
            if threshold == value + TIE:
                return 0, above
            step *= 2
        elif room < budget:
            room = min(budget, room * 16)
        else:
            return -1, above


@njit(cache=True, nogil=True)
def _set_prices(group, limit, value, price, back):
    """Lower the bound by subgradient steps; sets `price` and `back`, returns the bound."""
    now = np.zeros(len(price))
    if limit == 1:
        for i in range(len(group.score)):
            k = group.owner[i]
            if group.shift[k] >= 0:
                now[k] = max(now[k], group.score[i])
    uses = np.empty(len(price), np.int32)
    via = np.empty(len(back), np.int32)
    lowest = np.inf
    scale = 1.0
    stalled = 0
    for _ in range(ROUNDS):
        bound = _relax(group, limit, now, back, via, uses)
        stalled += 1
        if bound < lowest:
            lowest = bound
            price[:] = now
            stalled = 0
        if stalled == 4:
            stalled = 0
            scale /= 2
        norm = 0
        for k in range(len(now)):
            spare = limit - uses[k]
            if group.shift[k] >= 0 and (spare < 0 or now[k] > 0):
                norm += spare * spare
        if norm == 0 or lowest <= value + TIE:
            break
        step = scale * (bound - value) / norm
        for k in range(len(now)):
            if group.shift[k] >= 0:
                now[k] = max(0.0, now[k] - step * (limit - uses[k]))
    return _relax(group, limit, price, back, via, uses)


@njit(cache=True, nogil=True)
def _relax(group, limit, price, back, via, uses):
    """Weighted interval scheduling at these prices.

    Sets `back[p]` to the most that positions p and on can add, `via[p]` to the item taken
    there (-1: none) and `uses` to how often each entity is used; returns the upper bound.
    """
    positions = len(group.first) - 1
    for p in range(positions - 1, -1, -1):
        back[p] = back[p + 1]
        via[p] = -1
        for i in range(group.first[p], group.first[p + 1]):
            total = group.score[i] - price[group.owner[i]] + back[group.after[i]]
            if total > back[p]:
                back[p] = total
                via[p] = i
    uses[:] = 0
    p = 0
    while p < positions:
        if via[p] < 0:
            p += 1
        else:
            uses[group.owner[via[p]]] += 1
            p = group.after[via[p]]
    return back[0] + limit * price.sum()


@njit(cache=True, nogil=True)
def _above(group, limit, width, price, back, threshold, room, picks):
    """Write the items of the best choice above `threshold` into `picks`.

    Returns how many, 0 if there is no such choice, -1 if it takes more than `room` states.
    """
    positions = len(group.first) - 1
    gone, rest = _expiry(group, limit, width, price)
    bounds = Bounds(price, back, rest, gone, threshold)
    keep = _worth_taking(group, bounds)
    states = States(
        np.zeros(room, np.int64),
        np.zeros(room),
        np.full(room, -1, np.int32),
        np.full(room, -1, np.int32),
        np.full(room, -1, np.int32),
        np.full(positions + 1, -1, np.int32),
        np.zeros(room, np.int32),
    )
    slots = np.zeros(2 * room, np.int32)
    stamps = np.zeros(2 * room, np.int32)
    made = 1  # the first state: nothing used
    standing = 1
    for p in range(positions):
        standing = _arrive(group, width, bounds, p, states, standing, slots, stamps)
        made = _extend(group, limit, width, bounds, keep, p, states, standing, made)
        if made < 0:
            return -1
    standing = _arrive(group, width, bounds, positions, states, standing, slots, stamps)
    used = 0
    r = states.front[0] if standing else 0
    while states.item[r] >= 0:
        picks[used] = states.item[r]
        used += 1
        r = states.parent[r]
    return used


@njit(cache=True, nogil=True)
def _arrive(group, width, bounds, p, states, standing, slots, stamps):
    """Bring `states.front` to position p; returns how many states stand there.

    Of equal uses the larger gain stays, at equal gains the one that was there first; what
    cannot pass the threshold goes. `slots` and `stamps` are a hash table from uses to
    places in the front, valid where the stamp is p + 1.
    """
    count = standing
    r = states.arrivals[p]
    while r >= 0:
        states.front[count] = r
        count += 1
        r = states.queue[r]
    size = 4
    while size < 2 * count:
        size *= 2
    standing = 0
    for r in states.front[:count]:
        if states.uses[r] & bounds.gone[p]:
            _settle(group, width, bounds, p, states, r)
        if states.gain[r] + bounds.back[p] + bounds.rest[p] <= bounds.threshold:
            continue
        h = _slot(states.uses[r], size)
        while stamps[h] == p + 1 and states.uses[states.front[slots[h]]] != states.uses[r]:
            h = (h + 1) & (size - 1)
        if stamps[h] != p + 1:
            stamps[h] = p + 1
            slots[h] = standing
            states.front[standing] = r
            standing += 1
        elif states.gain[r] > states.gain[states.front[slots[h]]]:
            states.front[slots[h]] = r
    return standing


@njit(cache=True, nogil=True)
def _extend(group, limit, width, bounds, keep, p, states, standing, made):
    """Take each item of position p from each state there; returns the states made so far.

    -1: there is no room for more.
    """
    full = (1 << width) - 1
    for i in range(group.first[p], group.first[p + 1]):
        if not keep[i]:
            continue
        shift = group.shift[group.owner[i]]
        q = group.after[i]
        worth = group.score[i] - bounds.price[group.owner[i]]
        least = bounds.threshold - bounds.back[q] - bounds.rest[p]
        for r in states.front[:standing]:
            uses = states.uses[r]
            if shift >= 0:
                if (uses >> shift) & full >= limit:
                    continue
                uses += 1 << shift
            gain = states.gain[r] + worth
            if gain <= least:
                continue
            if made == len(states.gain):
                return -1
            states.uses[made] = uses
            states.gain[made] = gain
            states.parent[made] = r
            states.item[made] = i
            states.queue[made] = states.arrivals[q]
            states.arrivals[q] = made
            made += 1
    return made


@njit(cache=True, nogil=True)
def _expiry(group, limit, width, price):
    """When entities have no candidates left.

    Returns `gone`, int64 (P+1), the state bits that no longer matter at a position, and
    `rest`, float64 (P+1), the price of all uses of the entities that still do.
    """
    positions = len(group.first) - 1
    last = np.full(len(price), -1)
    for p in range(positions):
        for i in range(group.first[p], group.first[p + 1]):
            last[group.owner[i]] = p
    gone = np.zeros(positions + 1, np.int64)
    rest = np.zeros(positions + 1)
    for k in range(len(price)):
        if group.shift[k] < 0:
            continue
        for p in range(positions + 1):
            if p > last[k]:
                gone[p] |= ((1 << width) - 1) << group.shift[k]
            else:
                rest[p] += limit * price[k]
    return gone, rest


@njit(cache=True, nogil=True)
def _worth_taking(group, bounds):
    """uint8 (M): 1 for items that a choice above the threshold may contain."""
    positions = len(group.first) - 1
    keep = np.zeros(len(group.score), np.uint8)
    ahead = np.zeros(positions + 1)  # the most that choices before a position gain
    for p in range(positions):
        ahead[p + 1] = max(ahead[p + 1], ahead[p])
        for i in range(group.first[p], group.first[p + 1]):
            total = ahead[p] + group.score[i] - bounds.price[group.owner[i]]
            ahead[group.after[i]] = max(ahead[group.after[i]], total)
            keep[i] = total + bounds.back[group.after[i]] + bounds.rest[0] > bounds.threshold
    return keep


@njit(cache=True, nogil=True)
def _settle(group, width, bounds, p, states, r):
    """Forget the uses of entities that have no candidates left, and refund their price."""
    full = (1 << width) - 1
    for k in range(len(bounds.price)):
        shift = group.shift[k]
        if shift >= 0 and (bounds.gone[p] >> shift) & full:
            uses = (states.uses[r] >> shift) & full
            states.gain[r] += uses * bounds.price[k]
            states.uses[r] -= uses << shift


@njit(cache=True, nogil=True)
def _slot(state, size):
    """Hash of a packed state; `size` is a power of two. Products stay below 2**63."""
    mixed = (state & 0x7FFFFFFF) * 0x5BD1E995 + (state >> 31) * 0x2C1B3C6D
    return (mixed ^ (mixed >> 29) ^ (mixed >> 17)) & (size - 1)
