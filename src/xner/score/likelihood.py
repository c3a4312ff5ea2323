"""The likelihood score: the probability that a candidate is the counterpart of an entity.

A network with one hidden layer sees what is known about a candidate: how much of the link weight
of either side connects the two, the scores `overlap`, `edge` and `dictionary`, lengths, position,
punctuation, and how often its words and those next to it are inside spans, or linked to the words
of the entity, elsewhere in the corpus (`xner.kernels.evidence.FEATURES`). For an entity with the
candidates C,

    c = exp(z(c)) / (exp(z(none)) + sum over t in C of exp(z(t))),   z(t) = v . tanh(W x(t) + b)

so the scores of an entity sum to at most 1; the rest is the probability that none of them is its
counterpart. Maximising their sum maximises the expected number of correct spans. A candidate that
opens or closes a bracket without its counterpart is left out of C (score 0), unless the entity
does so too: names are often repeated in brackets ("Dejvida Maleta [ David Mallett ]").

The weights are the same for every language; `benchmarks/fit_likelihood.py` fitted them and names
the data.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow.compute as pc

from xner.columns import rows_of, values_of
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.evidence import FEATURES, Brackets, Network, Sizes, evidence, probabilities
from xner.kernels.records import Float64, Int32, Keys, Spans
from xner.score.counts import Counts
from xner.score.edge import shares_of_shapes
from xner.score.registry import find_score
from xner.score.scene import Scene, Text, key_of, score_with

SCORES = ("overlap", "edge", "dictionary")
INPUTS = (*FEATURES, *SCORES)
"""The inputs of the network."""
OF_ENTITY = ("entity words", "entity weight", "log candidates")
"""The inputs that an entity has without a candidate."""
_LENGTHS = np.uint64(11)
_FILE = "likelihood.json"
_BRACKETS = r"[(\[{（［｛【「『《〈]", r"[)\]}）］｝】」』》〉]"
_BRACKET_CHARACTERS = frozenset("".join(_BRACKETS)) - {"\\"}


def count_lengths(text: Text, spans: Spans, counts: Counts) -> None:
    """Count the words and letters of the entities that have a span, and of their spans."""
    row = rows_of(spans.offsets)
    entity = spans.entity
    entities = text.entities
    own = text.source.offsets[row]
    other = text.target.offsets[row]
    edges = (
        (own + entities.start[entity], own + entities.end[entity], _letters(text, "source")),
        (other + spans.start, other + spans.end, _letters(text, "target")),
    )
    sums = []
    for first, last, letters in edges:
        before = np.concatenate([[0], np.cumsum(letters, dtype=np.int64)])
        sums += [int((last - first).sum()), int((before[last] - before[first]).sum())]
    counts.add(_length_keys(), np.array(sums, np.int64))


def likelihood(scene: Scene) -> Float64:
    """Return float64 (C): the likelihood of every candidate."""
    if scene.likelihood is not None:
        return scene.likelihood
    text = scene.text
    return score_with(
        probabilities, scene.problem, inputs(scene), text.entities, _brackets(text), network()
    )


def inputs(scene: Scene) -> Float64:
    """Return float64 (C, N): the inputs of the network for every candidate."""
    spans, counts = scene.counted()
    text, problem = scene.text, scene.problem
    given = np.empty((problem.candidates, len(INPUTS)))
    over_blocks(
        evidence,
        problem.sentences,
        problem,
        given,
        text.both,
        text.links,
        _sizes(text, counts),
        spans,
        counts.table,
        shares_of_shapes(counts),
    )
    for at, name in enumerate(SCORES, len(FEATURES)):
        given[:, at] = find_score(name).of(scene)
    return given


@cache
def network() -> Network:
    """The fitted network."""
    text = (files("xner.score") / _FILE).read_text("utf-8")
    kept = json.loads(text)
    if tuple(kept["inputs"]) != INPUTS:
        raise ValueError(f"{_FILE} does not fit this version; run benchmarks/fit_likelihood.py")
    names = ("mean", "scale", "hidden", "bias", "output")
    arrays = {name: frozen(np.array(kept[name]).T, np.float64) for name in names}
    of_entity = frozen(np.array([INPUTS.index(name) for name in OF_ENTITY]), np.int64)
    return Network(**arrays, none=of_entity, missing=float(kept["missing"]))


def _sizes(text: Text, counts: Counts) -> Sizes:
    """Lengths of words, and the usual lengths of translations."""
    words, letters, their_words, their_letters = counts.of(_length_keys()) + 1.0
    ratios = float(np.log(their_words / words)), float(np.log(their_letters / letters))
    return Sizes(_letters(text, "source"), _letters(text, "target"), *ratios)


def _letters(text: Text, side: str) -> Int32:
    """int32 (words): letters of each word of a side."""
    lengths = pc.utf8_length(values_of(text.batch[f"{side}_tokens"]))
    return frozen(lengths.to_numpy(zero_copy_only=False), np.int32)


def _brackets(text: Text) -> Brackets:
    """The brackets of both sides."""
    source, target = _depths(text, "source"), _depths(text, "target")
    return Brackets(source, target, text.source.offsets, text.target.offsets)


def _depths(text: Text, side: str) -> Int32:
    """int32 (words): opening minus closing brackets of each word."""
    coded = text.source_types if side == "source" else text.target_types
    # Arrow compiles the expressions at each call: most sentences have no brackets.
    if not _BRACKET_CHARACTERS & set("".join(coded.dictionary.to_pylist())):
        return frozen(np.zeros(len(coded)), np.int32)
    more, fewer = (pc.count_substring_regex(coded.dictionary, part) for part in _BRACKETS)
    depths = pc.subtract(more, fewer).take(coded.indices)
    return frozen(depths.to_numpy(zero_copy_only=False), np.int32)


def _length_keys() -> Keys:
    return key_of(np.arange(4).astype(np.uint64) << np.uint64(8), _LENGTHS)
