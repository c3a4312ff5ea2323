"""What teachers think of every word: their probabilities, on one set of tags, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.corpus import Corpus
from xner.errors import InputError, UsageError
from xner.schemes import B, O, S, parse_tag
from xner.tagging import make_tagger
from xner.training.examples import Float32, Int64, renamed, tagset_of
from xner.training.gather import Labels

LABEL_SETS = ("shared", "all")
AGREED = ("hard", "only")


@dataclass(frozen=True)
class Opinion:
    """One teacher's probabilities.

    Attributes:
        name: of the teacher, with what made it.
        tagset: its tags.
        probabilities: float32 (W x tags), a row for each word of all sentences.
    """

    name: str
    tagset: tuple[str, ...]
    probabilities: Float32

    def labels(self, labels: Labels | None) -> set[str]:
        """Its labels, renamed."""
        names = {renamed(parse_tag(tag)[1], labels or {}) for tag in self.tagset if tag != "O"}
        return {name for name in names if name}

    def mapped(self, tagset: Sequence[str], labels: Labels | None = None) -> Float32:
        """float32 (W x tags of `tagset`): labels renamed, those not in the tagset added to O."""
        column = {tag: i for i, tag in enumerate(tagset)}
        made = np.zeros((len(self.probabilities), len(tagset)), np.float32)
        for i, tag in enumerate(self.tagset):
            made[:, column.get(_iob2(tag, labels or {}), column["O"])] += self.probabilities[:, i]
        return made


def _iob2(tag: str, labels: Labels) -> str:
    """A tag of any scheme as one of IOB2, its label renamed."""
    code, label = parse_tag(tag)
    name = renamed(label, labels)
    if code == O or name is None:
        return "O"
    return f"{'B' if code in (B, S) else 'I'}-{name}"


def ask(model: str, sentences: Sequence[Sequence[str]], device: str, precision: str) -> Opinion:
    """A model's opinion of sentences.

    Raises:
        InputError: it cannot be loaded, or is no tagger.
    """
    tagger = make_tagger(
        "checkpoint", {"model": str(model), "device": device, "precision": precision}
    )
    found = [tagged.probabilities for tagged in tagger.tag(sentences)]
    return Opinion(tagger.signature, tuple(tagger.tags), np.concatenate(found))


def read_opinion(corpora: Sequence[Corpus], side: str) -> Opinion:
    """The opinion that stands in the columns of corpora (`xner tag --probabilities`).

    Raises:
        InputError: a corpus has no such columns, or their tags differ.
    """
    names = f"{side}_probabilities", f"{side}_tagset"
    tagset: tuple[str, ...] | None = None
    found = []
    for corpus in corpora:
        for batch in corpus.batches():
            if not set(names) <= set(batch.schema.names):
                raise InputError(
                    f"{corpus.origin}: has no column {names[0]!r}; name a teacher, or tag it with "
                    f"probabilities"
                )
            own = tuple(batch[names[1]][0].as_py())
            same = pa.array([list(own)] * batch.num_rows, pa.list_(pa.string()))
            if tagset not in (None, own) or batch[names[1]].to_pylist() != same.to_pylist():
                raise InputError(
                    f"{corpus.origin}: rows differ in {names[1]}; tag all by one model"
                )
            tagset = own
            flat = batch[names[0]].flatten().flatten()
            found.append(flat.to_numpy(zero_copy_only=False).reshape(-1, len(own)))
    assert tagset is not None
    return Opinion("columns", tagset, np.concatenate(found).astype(np.float32))


def common_tagset(
    opinions: Sequence[Opinion], labels: Labels | None = None, label_set: str = "shared"
) -> tuple[tuple[str, ...], set[str]]:
    """The tags of a student of several teachers, and the labels that are left out of them.

    Args:
        opinions: of the teachers.
        labels: renamed or dropped (None).
        label_set: `shared` takes the labels that every teacher knows, `all` those that any does.

    Raises:
        UsageError: unknown label set.
        InputError: no label is left.
    """
    if label_set not in LABEL_SETS:
        raise UsageError(f"label_set is {label_set!r}; choose one of {', '.join(LABEL_SETS)}")
    known = [opinion.labels(labels) for opinion in opinions]
    every = set.union(*known)
    kept = set.intersection(*known) if label_set == "shared" else every
    if not kept:
        listed = " / ".join(",".join(sorted(own)) for own in known)
        raise InputError(
            f"the teachers share no label; they know {listed}; rename labels, or take "
            f"label_set='all'"
        )
    return tagset_of(sorted(kept)), every - kept


def combined(opinions: Sequence[Float32], alpha: NDArray[np.floating], offsets: Int64) -> Float32:
    """Σ_k α_k p_k (Wu et al. 2020, section 3.2).

    Args:
        opinions: K times float32 (W x tags).
        alpha: (K), weights of the teachers, or (N x K), one row for each sentence; each sums to 1.
        offsets: int64 (N+1), words of each sentence.
    """
    rows = np.broadcast_to(np.atleast_2d(alpha), (len(offsets) - 1, len(opinions)))
    each = np.repeat(rows, np.diff(offsets), axis=0)
    total = sum(each[:, k, None] * own for k, own in enumerate(opinions))
    return np.asarray(total, np.float32)


def agreement(opinions: Sequence[Float32]) -> NDArray[np.bool_]:
    """Bool (W): whether the likeliest tag of a word is the same for every teacher."""
    chosen = np.stack([own.argmax(-1) for own in opinions])
    return np.asarray((chosen == chosen[0]).all(0))


def hardened(soft: Float32, agreed: NDArray[np.bool_], how: str | None) -> tuple[Float32, Float32]:
    """Targets and weights where agreed words are learnt as hard labels.

    Args:
        soft: float32 (W x tags), the teachers' weighted mean.
        agreed: bool (W).
        how: `hard` puts probability 1 on the agreed tag and leaves other words soft; `only`
            leaves other words out as well; None changes nothing.

    Returns:
        float32 (W x tags) and float32 (W).
    """
    weights = np.ones(len(soft), np.float32)
    if how is None:
        return soft, weights
    one = np.eye(soft.shape[1], dtype=np.float32)[soft.argmax(-1)]
    if how == "only":
        weights = agreed.astype(np.float32)
    return np.where(agreed[:, None], one, soft), weights
