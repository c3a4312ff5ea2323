"""Teacher predictions: probabilities for every word, mapped to one tagset and combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.corpus import Corpus
from xner.errors import InputError, UsageError
from xner.schemes import B, O, S, parse_tag
from xner.tagging import KINDS, kind_of
from xner.tagging.options import CheckpointOptions
from xner.training.examples import Float32, Int64, renamed, tagset_of
from xner.training.options import Labels, StudentOptions


@dataclass(frozen=True)
class Predictions:
    """The probabilities that one teacher predicts.

    Attributes:
        name: signature of the teacher.
        tagset: the teacher's tags.
        probabilities: float32 (W x tags), one row per word of all sentences.
    """

    name: str
    tagset: tuple[str, ...]
    probabilities: Float32

    def labels(self, labels: Labels | None) -> set[str]:
        """The teacher's labels after renaming."""
        names = {renamed(parse_tag(tag)[1], labels or {}) for tag in self.tagset if tag != "O"}
        return {name for name in names if name}

    def mapped(self, tagset: Sequence[str], labels: Labels | None = None) -> Float32:
        """float32 (W x `tagset`): labels are renamed; tags outside the tagset count as `O`."""
        column = {tag: i for i, tag in enumerate(tagset)}
        mapped = np.zeros((len(self.probabilities), len(tagset)), np.float32)
        for i, tag in enumerate(self.tagset):
            mapped[:, column.get(_iob2(tag, labels or {}), column["O"])] += self.probabilities[:, i]
        return mapped


def _iob2(tag: str, labels: Labels) -> str:
    """The IOB2 tag for a tag of any scheme, with its label renamed."""
    code, label = parse_tag(tag)
    name = renamed(label, labels)
    if code == O or name is None:
        return "O"
    return f"{'B' if code in (B, S) else 'I'}-{name}"


def predict(model: str, sentences: Sequence[Sequence[str]], options: StudentOptions) -> Predictions:
    """Tag sentences with a model, on the device and in the precision of the options.

    Raises:
        InputError: the model cannot be loaded, or is not a tagger.
        UsageError: a tagger is named that gives no probabilities.
    """
    from xner.tagging.checkpoint import CheckpointTagger

    kind, _ = kind_of("checkpoint", model)
    if not KINDS[kind].probabilities:
        raise UsageError(
            f"{model} gives no probabilities to learn; name a checkpoint, or label the text with "
            f"xner tag and learn its labels with xner train"
        )
    settings = CheckpointOptions(model=model, device=options.device, precision=options.precision)
    tagger = CheckpointTagger(settings)
    probabilities = [tagged.probabilities for tagged in tagger.tag(sentences)]
    return Predictions(tagger.signature, tuple(tagger.tags), np.concatenate(probabilities))


def stored_predictions(corpora: Sequence[Corpus], side: str) -> Predictions:
    """The predictions that `xner tag --probabilities` wrote to columns of corpora.

    Raises:
        InputError: a corpus has no such columns, or their tags differ.
    """
    names = f"{side}_probabilities", f"{side}_tagset"
    tagset: tuple[str, ...] | None = None
    parts = []
    for corpus in corpora:
        for batch in corpus.batches():
            if not set(names) <= set(batch.schema.names):
                raise InputError(
                    f"{corpus.origin}: has no column {names[0]!r}; name a teacher, or tag the "
                    f"corpus with --probabilities"
                )
            tags = tuple(batch[names[1]][0].as_py())
            same = pa.array([list(tags)] * batch.num_rows, pa.list_(pa.string()))
            if tagset not in (None, tags) or batch[names[1]].to_pylist() != same.to_pylist():
                raise InputError(
                    f"{corpus.origin}: rows differ in {names[1]}; tag all corpora with one model"
                )
            tagset = tags
            flat = batch[names[0]].flatten().flatten()
            parts.append(flat.to_numpy(zero_copy_only=False).reshape(-1, len(tags)))
    assert tagset is not None
    return Predictions("columns", tagset, np.concatenate(parts).astype(np.float32))


def common_tagset(
    teachers: Sequence[Predictions], labels: Labels | None = None, label_set: str = "shared"
) -> tuple[tuple[str, ...], set[str]]:
    """The tags of a student of several teachers, and the labels that it does not learn.

    Args:
        teachers: predictions of the teachers.
        labels: new names of labels; None drops a label.
        label_set: `shared` keeps the labels that all teachers know, `all` those that any knows.

    Raises:
        InputError: no label is left.
    """
    known = [teacher.labels(labels) for teacher in teachers]
    every = set.union(*known)
    kept = set.intersection(*known) if label_set == "shared" else every
    if not kept:
        listed = " / ".join(",".join(sorted(own)) for own in known)
        raise InputError(
            f"the teachers share no label; they know {listed}; rename labels, or use "
            f"label_set='all'"
        )
    return tagset_of(kept), every - kept


def combine(teachers: Sequence[Float32], alpha: NDArray[np.floating], offsets: Int64) -> Float32:
    """Σ_k α_k p_k, float32 (W x tags) (Wu et al. 2020, section 3.2).

    Args:
        teachers: K arrays of probabilities, float32 (W x tags).
        alpha: weights of the teachers, (K), or one row per sentence, (N x K); rows sum to 1.
        offsets: int64 (N+1), where the words of each sentence begin.
    """
    rows = np.broadcast_to(np.atleast_2d(alpha), (len(offsets) - 1, len(teachers)))
    by_word = np.repeat(rows, np.diff(offsets), axis=0)
    total = sum(by_word[:, k, None] * teacher for k, teacher in enumerate(teachers))
    return np.asarray(total, np.float32)


def agreement(teachers: Sequence[Float32]) -> NDArray[np.bool_]:
    """Bool (W): whether all teachers give the highest probability to the same tag."""
    chosen = np.stack([teacher.argmax(-1) for teacher in teachers])
    return np.asarray((chosen == chosen[0]).all(0))


def harden(soft: Float32, agreed: NDArray[np.bool_], how: str | None) -> tuple[Float32, Float32]:
    """Targets and weights of words, where tags on which the teachers agree are hard labels.

    Args:
        soft: float32 (W x tags), the teachers' combined probabilities.
        agreed: bool (W), whether the teachers agree.
        how: `hard` gives probability 1 to agreed tags and leaves other words as they are; `only`
            also ignores other words; None changes nothing.

    Returns:
        Targets, float32 (W x tags), and weights, float32 (W).
    """
    weights = np.ones(len(soft), np.float32)
    if how is None:
        return soft, weights
    one = np.eye(soft.shape[1], dtype=np.float32)[soft.argmax(-1)]
    if how == "only":
        weights = agreed.astype(np.float32)
    return np.where(agreed[:, None], one, soft), weights
