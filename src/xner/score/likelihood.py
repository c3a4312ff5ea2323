"""The likelihood score: the probability that a candidate is the counterpart of an entity.

A weighted sum of the scores `overlap`, `edge` and `dictionary` is corrected by a network with one
hidden layer. The network sees what is known about a candidate: how much of the link weight of
either side connects the two, the scores `overlap`, `edge` and `dictionary`, lengths, position,
punctuation, and how often its words and those next to it are inside spans, or linked to the words
of the entity, elsewhere in the corpus (`xner.kernels.evidence.FEATURES`). For an entity with the
candidates C,

    c = exp(z(c)) / (exp(z(none)) + sum over t in C of exp(z(t)))
    z(t) = a (overlap + 0.5 edge + 0.25 dictionary) + 3 tanh(v . tanh(W x(t) + b) / 3)

and z(none) has a constant for the sum, so the scores of an entity sum to at most 1; the rest is the
probability that none of them is its counterpart. Maximising their sum maximises the expected number
of correct spans. A candidate that opens or closes a bracket without its counterpart is left out of
C (score 0), unless the entity does so too: names are often repeated in brackets ("Dejvida Maleta
[ David Mallett ]").

The weights are the same for every language; `benchmarks/fit_likelihood.py` fitted them and names
the data.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np

from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.evidence import INPUTS, Known, evidence, probabilities
from xner.kernels.network import Network
from xner.kernels.records import Float64
from xner.score import dictionary, overlap
from xner.score.dictionary import entity_keys
from xner.score.edge import edge_rule
from xner.score.scene import Scene, score_with
from xner.score.span_sums import sums_of

OF_ENTITY = ("entity words", "entity weight", "log candidates")
"""The inputs that an entity has without a candidate."""
_FILE = "likelihood.json"


def likelihood(scene: Scene) -> Float64:
    """Return float64 (C): the likelihood of every candidate."""
    if scene.likelihood is not None:
        return scene.likelihood
    return score_with(probabilities, scene.problem, _known(scene), network())


def inputs(scene: Scene) -> Float64:
    """Return float64 (C, N): the inputs of the network for every candidate."""
    problem = scene.problem
    given = np.empty((problem.candidates, len(INPUTS)))
    over_blocks(evidence, problem.sentences, problem, given, _known(scene))
    return given


def _known(scene: Scene) -> Known:
    """What the inputs of the network are computed from."""
    spans, counts = scene.counted()
    text = scene.text
    sums = sums_of(counts)
    words, letters, their_words, their_letters = (sums.lengths + 1.0).tolist()
    return Known(
        text.both,
        text.links,
        float(np.log(their_words / words)),
        float(np.log(their_letters / letters)),
        spans,
        counts.table,
        entity_keys(text),
        edge_rule(sums),
        overlap.PER_WORD,
        dictionary.STRENGTH,
    )


@cache
def network() -> Network:
    """The fitted network."""
    text = (files("xner.score") / _FILE).read_text("utf-8")
    kept = json.loads(text)
    if tuple(kept["inputs"]) != INPUTS:
        raise ValueError(f"{_FILE} does not fit this version; run benchmarks/fit_likelihood.py")
    names = ("mean", "scale", "hidden", "bias", "output", "base")
    arrays = {name: frozen(np.array(kept[name]).T, np.float64) for name in names}
    of_entity = frozen(np.array([INPUTS.index(name) for name in OF_ENTITY]), np.int64)
    return Network(
        **arrays, none=of_entity, missing=float(kept["missing"]), bound=float(kept["bound"])
    )
