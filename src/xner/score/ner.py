"""The NER scores: does a tagger predict that a candidate is an entity?

For a candidate t = [i, j) of n words and a label l, with P the tag probabilities of each word
(columns target_probabilities and target_tagset, written by `xner tag --probabilities`),

    m(t, l) = (P_i(B-l) + sum of P_w(I-l) over i < w < j) / n
    c(t, l) = m(t, l) * a^(n - 1)  if the most probable tags of t are B-l, I-l, ..., I-l
              m(t, l)              else;    a = 1.15 by default, n counted up to 15
    c = c(t, l) if c(t, l) > 0.05 (by default), else 0

(Politov et al. 2025; Shkalikov 2025, NER-model score). `ner` takes l from the source entity;
labels that the tagger does not have score 0. `ner_spans` takes the best l, whatever the entity's.
In [0, 1.15^14 = 7.08] by default; at most 1 except for spans that are predicted entirely.

Other schemes: with E- and S- tags (or L- and U-) the last word counts as E-l, and the word of a
one-word candidate as S-l. If some label lacks B- (IOB1, plain labels), positions are not
distinguished: every word counts as B-l + I-l.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import lengths_of, offsets_of
from xner.errors import InputError, SchemeError
from xner.kernels.blocks import frozen
from xner.kernels.records import Float64, Int32, Tags
from xner.kernels.tag_scores import ANY, FIRST, INNER, LAST, NONE, ONLY, ner_scores
from xner.schemes import B, E, I, O, S, parse_tag
from xner.score.scene import Scene, score_with

# For each position in a span, the tag prefixes that count there: the first that a label has.
_PLACES = {FIRST: (B,), INNER: (I,), LAST: (E, I), ONLY: (S, B)}


def ner(scene: Scene) -> Float64:
    """Return float64 (C): the score of every candidate for the label of its entity."""
    return _scores(scene, any_label=False)


def ner_spans(scene: Scene) -> Float64:
    """Return float64 (C): the score of every candidate for its best label."""
    return _scores(scene, any_label=True)


def _scores(scene: Scene, any_label: bool) -> Float64:
    batch, how = scene.batch, scene.ner
    tags, found = _probabilities(batch)
    labels, places = tag_places(tags)
    if not labels:
        return np.zeros(scene.problem.candidates)
    offsets = offsets_of(batch["target_tokens"])
    predicted = np.zeros(found.shape, np.uint8)
    predicted[np.arange(len(found)), found.argmax(axis=1)] = 1
    return score_with(
        ner_scores,
        scene.problem,
        _labels(batch, None if any_label else labels),
        Tags(
            frozen(offsets - offsets[0], np.int32),
            frozen(_placed(found, places), np.float32),
            frozen(_placed(predicted, places), np.uint8),
        ),
        frozen(np.maximum(how.alpha ** (np.arange(how.longest + 1) - 1.0), 1.0), np.float64),
        how.threshold,
    )


def tag_places(tags: Sequence[str]) -> tuple[list[str], list[list[list[int]]]]:
    """Return the labels of a tagset and the tags that count at each position, `[position][label]`.

    Raises:
        InputError: a tag belongs to no known scheme.
    """
    try:
        parsed = [parse_tag(tag) for tag in tags]
    except SchemeError as error:
        raise InputError(f"target_tagset: {error}") from None
    labels = sorted({label for code, label in parsed if code != O})
    own = {
        label: {code: at for at, (code, name) in enumerate(parsed) if code != O and name == label}
        for label in labels
    }
    placeless = any(not {B, S} & set(codes) for codes in own.values())

    def at(place: int, codes: dict[int, int]) -> list[int]:
        fitting = [codes[code] for code in _PLACES[place] if code in codes]
        return sorted(codes.values()) if placeless or not fitting else fitting[:1]

    return labels, [[at(place, own[label]) for label in labels] for place in range(4)]


def _placed(values: NDArray[Any], places: list[list[list[int]]]) -> NDArray[Any]:
    """(4, W, L): sums of the values (W x tags) of the tags that count at a position."""
    rows = [[values[:, tags].sum(axis=1) for tags in labels] for labels in places]
    return np.ascontiguousarray(np.moveaxis(np.array(rows), 1, 2))


def _probabilities(batch: pa.RecordBatch) -> tuple[list[str], NDArray[np.float32]]:
    """The tagset of a batch, and float32 (words x tags).

    Raises:
        InputError: a column is missing, or rows differ in their tagset.
    """
    for name in ("target_tagset", "target_probabilities"):
        if name not in batch.schema.names:
            raise InputError(
                f"the corpus has no column {name!r}, which this score needs; create it with "
                f"xner tag --side target --probabilities"
            )
    coded = batch["target_tagset"].flatten().dictionary_encode()
    tags = batch["target_tagset"][0].as_py() if batch.num_rows else []
    index = coded.indices.to_numpy(zero_copy_only=False)
    same = (lengths_of(batch["target_tagset"]) == len(tags)).all()
    if not same or not np.array_equal(index, np.tile(index[: len(tags)], batch.num_rows)):
        raise InputError("rows differ in their target_tagset; tag them with one model")
    numbers = batch["target_probabilities"].flatten().flatten()
    found = numbers.to_numpy(zero_copy_only=False).reshape(-1, max(1, len(tags)))
    return tags, found


def _labels(batch: pa.RecordBatch, labels: list[str] | None) -> Int32:
    """int32 (E): the index of each entity's label; all `ANY` without labels."""
    found = batch["source_entities"].flatten().field("label").dictionary_encode()
    if labels is None:
        return frozen(np.full(len(found), ANY), np.int32)
    known = {label: i for i, label in enumerate(labels)}
    ids = np.array([known.get(name, NONE) for name in found.dictionary.to_pylist()], np.int32)
    return frozen(ids[found.indices.to_numpy(zero_copy_only=False)], np.int32)
