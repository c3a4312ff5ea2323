"""Links of every matching and layer of an encoder, from one forward pass over all layers."""

from typing import Any

import numpy as np
import torch

from xner.aligners import make_aligner
from xner.aligners.awesome import ProbabilityLinks
from xner.aligners.bitext import Bitext, Links, offsets_from
from xner.aligners.embedding import EmbeddingEngine, unit_states, word_links
from xner.aligners.simalign import SimilarityLinks
from xner.aligners.units import bitext_of, hard_links_of_tokens

LAYERS = range(4, 12)
RULES: dict[str, Any] = {
    "simalign argmax": SimilarityLinks("argmax", whole_words=False),
    "simalign itermax": SimilarityLinks("itermax", whole_words=False),
    "simalign match": SimilarityLinks("match", whole_words=False),
    "awesome softmax": ProbabilityLinks("softmax", 0.001),
    "awesome entmax15": ProbabilityLinks("entmax15", 0.001),
}
_BATCH = 8


def links_by_layer(bitext: Bitext, folder: str) -> dict[tuple[str, int], Links]:
    """Return the links of every rule and layer.

    Args:
        bitext: sentence pairs.
        folder: the encoder.
    """
    aligner: Any = make_aligner("simalign", {"model": folder, "layer": LAYERS[-1], "device": "cpu"})
    encoder = aligner.encoder
    units = aligner.split(bitext)
    text = bitext_of(bitext, *units)
    found: dict[tuple[str, int], dict[int, Any]] = {
        (rule, layer): {} for rule in RULES for layer in LAYERS
    }
    engine = EmbeddingEngine(encoder, text, RULES["simalign argmax"])
    pieces = [piece for own in engine.encode(range(bitext.aligned)) for piece in own]
    pieces.sort(key=engine.cost)
    for first in range(0, len(pieces), _BATCH):
        part = pieces[first : first + _BATCH]
        batches = {}
        for rule in {own.leaves_out_special: own for own in RULES.values()}.values():
            engine.extraction = rule
            batches[rule.leaves_out_special] = engine.collate(part)
        batch = batches[False]
        with torch.inference_mode():
            layers = encoder.models[0](
                input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True
            ).hidden_states
            for layer in LAYERS:
                states = layers[layer].flatten(0, 1).float()
                for name, rule in RULES.items():
                    own = batches[rule.leaves_out_special]
                    source, rows = unit_states(states, own.source)
                    target, columns = unit_states(states, own.target)
                    scores = rule.scores(source, target, rows, columns).numpy()
                    weight = rule.host_weights(scores, rows.numpy(), columns.numpy())
                    pair, row, column = weight.nonzero()
                    kept = weight[pair, row, column]
                    words = own.source.words, own.target.words
                    made = word_links(pair, row, column, kept, *words)
                    found[name, layer].update(zip(part, made, strict=True))
    return {
        key: hard_links_of_tokens(_joined(own, bitext.aligned), bitext, *units)
        for key, own in found.items()
    }


def _joined(found: dict[int, Any], pairs: int) -> Links:
    none = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    rows = [found.get(n, none) for n in range(pairs)]
    sizes = np.array([len(row[0]) for row in rows], np.int64)
    source, target, weight = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Links(offsets_from(sizes), source, target, weight)
