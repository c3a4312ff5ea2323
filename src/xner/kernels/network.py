"""The probability that a small network gives every candidate of an entity."""

from typing import NamedTuple

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Float64, Int32, Int64

FARTHEST = 4.0
"""Standard deviations up to which an input counts, so that unusual text has no extreme logits."""
_SATURATED = 40.0  # tanh(z) is 1 in float64 from 2 z = 38 on
# exp(y) = 2^k exp(r): the sum of y / ln 2 and ROUND has k in its lowest bits; ln 2 = HIGH + LOW.
_PER_TWO, _ROUND = 1.4426950408889634, 1.5 * 2.0**52
_HIGH, _LOW = 6.93145751953125e-1, 1.42860682030941723212e-6
_EXPONENT = 52  # bit of a float64 where its exponent begins
_BIAS = 1023 << _EXPONENT


class Network(NamedTuple):
    """A weighted sum, corrected by a network with one hidden layer and standardised inputs.

    mean, scale: float64 (N), subtracted from the input, then multiplied. hidden: float64 (N, H),
    bias: float64 (H), output: float64 (H). none: int64 (M), the inputs that an entity has without
    a candidate; the others are at their mean. missing: float64, added for no candidate. base:
    float64, weights of the last inputs, as they are, in the sum. bound: float64, the correction
    lies within +-bound.
    """

    mean: Float64
    scale: Float64
    hidden: Float64
    bias: Float64
    output: Float64
    none: Int64
    missing: float
    base: Float64
    bound: float


class Layer(NamedTuple):
    """Room for the hidden units of the candidates of an entity, and of none.

    inputs: float64 (N), standardised. units: float64 (C+1, H). flat: its values in one row.
    rest, power: float64, as long as flat. exponents: int64, the bits of power.
    """

    inputs: Float64
    units: Float64
    flat: Float64
    rest: Float64
    power: Float64
    exponents: Int64


class Marks(NamedTuple):
    """The brackets of both sides, and where the sentences and the entities are.

    source_offsets, source, target_offsets, target: int32, as in `Words`. start, end: int32 (E), as
    in `Entities`.
    """

    source_offsets: Int32
    source: Int32
    target_offsets: Int32
    target: Int32
    start: Int32
    end: Int32


def layer_of(network: Network, most: int) -> Layer:
    """Return the `Layer` for entities of at most so many candidates."""
    inputs, hidden = network.hidden.shape
    units, power = np.empty((most + 1, hidden)), np.empty((most + 1) * hidden)
    flat, rest = units.reshape(units.size), np.empty(units.size)
    return Layer(np.zeros(inputs), units, flat, rest, power, power.view(np.int64))


@inner
def standardised(value, mean, scale):
    """Return an input of the network, within `FARTHEST` standard deviations of the mean."""
    return min(FARTHEST, max(-FARTHEST, (value - mean) * scale))


@inner
def is_balanced(brackets, first, last):
    """Return whether every bracket in the words `[first, last)` has its counterpart there."""
    depth = 0
    for w in range(first, last):
        depth += brackets[w]
        if depth < 0:
            return False
    return depth == 0


@inner
def sum_units(hidden, bias, x, units):
    """Write hidden x + bias. x: float64 (N); units: float64 (H), written."""
    inputs = len(x)
    for h in range(len(units)):
        units[h] = bias[h]
    k = 0
    while k + 4 <= inputs:  # four at a time: the sums are read and written less often
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        for h in range(len(units)):
            units[h] = (
                units[h]
                + hidden[k, h] * a
                + hidden[k + 1, h] * b
                + hidden[k + 2, h] * c
                + hidden[k + 3, h] * d
            )
        k += 4
    while k < inputs:
        for h in range(len(units)):
            units[h] += hidden[k, h] * x[k]
        k += 1


@inner
def replace_by_tanh(many, values, rest, power, exponents):
    """Write tanh of the first of some values, within 2 units in the last place.

    1 - 2 / (exp(2 z) + 1), with the rational approximation of exp of the Cephes library, in loops
    that LLVM turns into vector instructions; a call of exp for each would take four times as long.
    """
    for i in range(many):
        y = min(_SATURATED, max(-_SATURATED, 2.0 * values[i]))
        k = y * _PER_TWO + _ROUND
        power[i] = k
        k -= _ROUND
        rest[i] = (y - k * _HIGH) - k * _LOW
    for i in range(many):
        exponents[i] = (exponents[i] << _EXPONENT) + _BIAS
    for i in range(many):
        r = rest[i]
        q = r * r
        p = r * (
            (1.26177193074810590878e-4 * q + 3.02994407707441961300e-2) * q
            + 9.99999999999999999910e-1
        )
        below = (
            (3.00198505138664455042e-6 * q + 2.52448340349684104192e-3) * q
            + 2.27265548208155028766e-1
        ) * q + 2.0
        values[i] = 1.0 - 2.0 / ((1.0 + 2.0 * p / (below - p)) * power[i] + 1.0)


@inner
def judge(first, given, score, network, layer):
    """Write the logits of the candidates of an entity; return that of none of them.

    base . scores + bound tanh(output . tanh(hidden x + bias) / bound) for a candidate. None has
    `missing` for the sum, and only some inputs.

    first: the row of the first candidate. given: float64 (rows, N), the inputs; score: float64
    (C), C > 0, written.
    """
    hidden, bias, mean, scale = network.hidden, network.bias, network.mean, network.scale
    x, units, many = layer.inputs, layer.units, len(score)
    for k in range(len(x)):
        x[k] = 0.0
    for i in range(len(network.none)):
        k = network.none[i]
        x[k] = standardised(given[first, k], mean[k], scale[k])
    sum_units(hidden, bias, x, units[many])
    for c in range(many):
        for k in range(len(x)):
            x[k] = standardised(given[first + c, k], mean[k], scale[k])
        sum_units(hidden, bias, x, units[c])
    replace_by_tanh((many + 1) * len(bias), layer.flat, layer.rest, layer.power, layer.exponents)
    none, scores = network.missing, len(x) - len(network.base)
    for c in range(many + 1):
        correction = 0.0
        for h in range(len(network.output)):
            correction += network.output[h] * units[c, h]
        correction = network.bound * np.tanh(correction / network.bound)
        if c < many:
            score[c] = correction
            for k in range(len(network.base)):
                score[c] += network.base[k] * given[first + c, scores + k]
        else:
            none += correction
    return none


@inner
def normalise(logits, none, whole):
    """Turn the logits of the candidates of an entity into probabilities.

    softmax over the candidates and none; those that are not `whole` (uint8) have 0.
    """
    most = none
    for c in range(len(logits)):
        most = max(most, logits[c])
    total = np.exp(none - most)
    for c in range(len(logits)):
        logits[c] = np.exp(logits[c] - most) if whole[c] else 0.0
        total += logits[c]
    for c in range(len(logits)):
        logits[c] /= total


@kernel
def write_probabilities(lo, hi, problem, given, marks, network, layer, whole, score):
    """Write the probability of every candidate of the sentences `[lo, hi)`.

    given: float64 (rows, N), the inputs of their candidates. marks: `Marks`. whole: uint8 (>=
    candidates of an entity), scratch. score: float64 (C), written.
    """
    begin = problem.candidate_offsets[problem.entity_offsets[lo]]
    for s in range(lo, hi):
        base, own = marks.target_offsets[s], marks.source_offsets[s]
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            c_lo, c_hi = problem.candidate_offsets[e], problem.candidate_offsets[e + 1]
            if c_lo == c_hi:
                continue
            first, last = own + marks.start[e], own + marks.end[e]
            free = not is_balanced(marks.source, first, last)
            for c in range(c_lo, c_hi):
                i, j = base + problem.start[c], base + problem.end[c]
                whole[c - c_lo] = free or is_balanced(marks.target, i, j)
            logits = score[c_lo:c_hi]
            none = judge(c_lo - begin, given, logits, network, layer)
            normalise(logits, none, whole)
