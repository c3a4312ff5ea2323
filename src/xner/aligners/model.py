"""A fitted model of the native aligner: what it learned from a sample, on disk and in memory."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xner.aligners import parts
from xner.aligners.bitext import offsets_from
from xner.aligners.seen import Seen
from xner.aligners.vocabulary import Vocabulary, types_of
from xner.errors import FormatError, OutputError
from xner.formats.files import ARCHIVE_DAMAGE, atomic
from xner.kernels import emission
from xner.kernels import lexicon as tables
from xner.kernels.blocks import frozen, over_blocks
from xner.kernels.order import FERTILITIES, LONGEST_JUMP

if TYPE_CHECKING:
    from collections.abc import Sized
    from pathlib import Path

    from numpy.typing import NDArray

_VERSION = 1
_ENTRIES = {
    "source": np.int32,
    "target": np.int32,
    "prior": np.float32,
    "forward": np.float32,
    "reverse": np.float32,
}


class Entries(NamedTuple):
    """Pairs of word types: int32, source and target; float32, prior mass and discounted counts.

    All arrays are read-only (`frozen`).
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    prior: NDArray[np.float32]
    forward: NDArray[np.float32]
    reverse: NDArray[np.float32]


@dataclass(frozen=True)
class AlignmentModel:
    """What `NativeAligner.fit` learned; `NativeAligner.apply` aligns any text with it.

    Attributes:
        signature: signature of the aligner, and what it was fitted on.
        languages: FLORES-200 codes of the source and target language, or nothing.
        pairs: number of sentence pairs that it was fitted on.
        source, target: word types of both sides.
        entries: pairs of word types with links.
        view_keys, evidence: uint64, float32 (parts), pairs of word parts and their evidence.
        weights: float64, of the features of the prior (`xner.aligners.parts`).
        jumps: float32 (2, jumps), probability of each jump with source and target given.
    """

    signature: str
    languages: tuple[str, ...]
    pairs: int
    source: Vocabulary
    target: Vocabulary
    entries: Entries
    view_keys: NDArray[np.uint64]
    evidence: NDArray[np.float32]
    weights: NDArray[np.float64]
    jumps: NDArray[np.float32]

    @cached_property
    def lexicon(self) -> tables.Lexicon:
        """The hash tables of the kernel."""
        sizes = np.bincount(self.entries.source, minlength=len(self.source.words))
        starts = frozen(offsets_from(2 * sizes), np.int64)
        keys = np.full(starts[-1], tables.FREE, np.int32)
        mass = np.zeros((len(keys), 2), np.float32)
        tables.fill_lexicon(*self.entries, starts, keys, mass)
        view_keys, view_bits = empty_table(len(self.view_keys))
        part_bits = np.zeros_like(view_bits)
        evidence = np.zeros(len(view_keys), np.float32)
        given = frozen(self.view_keys, np.uint64), frozen(self.evidence, np.float32)
        tables.fill_views(*given, view_keys, view_bits, evidence, part_bits)
        return tables.Lexicon(
            starts,
            frozen(keys, np.int32),
            frozen(mass, np.float32),
            frozen(view_keys, np.uint64),
            frozen(view_bits, np.uint64),
            frozen(evidence, np.float32),
            frozen(part_bits, np.uint64),
            frozen(self.weights, np.float64),
            parts.BASE,
            parts.LEAST,
            parts.MOST,
        )

    @cached_property
    def seen(self) -> tuple[Seen, Seen]:
        """The word types of text that was aligned, of both sides."""
        part_filter = self.lexicon.part_filter
        return Seen(self.source, part_filter, False), Seen(self.target, part_filter, True)

    def save(self, path: Path) -> None:
        """Write a NumPy .npz file; the same model gives the same bytes.

        Raises:
            OutputError: it cannot be written.
        """
        values: dict[str, Any] = {"version": _VERSION, "made_by": self.signature}
        values |= {"languages": np.array(self.languages, np.str_), "pairs": self.pairs}
        for side in ("source", "target"):
            vocabulary = getattr(self, side)
            for field in fields(Vocabulary):
                value = getattr(vocabulary, field.name)
                if field.name == "words":
                    encoded = [word.encode("utf-8", "surrogatepass") for word in value]
                    values[f"{side}_lengths"] = np.array([len(w) for w in encoded], np.int64)
                    value = np.frombuffer(b"".join(encoded), np.uint8)
                values[f"{side}_{field.name}"] = value
        values |= {f"entries_{name}": v for name, v in self.entries._asdict().items()}
        for name in ("view_keys", "evidence", "weights", "jumps"):
            values[name] = getattr(self, name)
        with atomic(path) as partial:
            try:
                with partial.open("wb") as file:
                    np.savez_compressed(file, **values)
            except OSError as error:
                raise OutputError(f"{path}: {error.strerror}") from None

    @classmethod
    def load(cls, path: Path) -> AlignmentModel:
        """Read a file that `save` wrote.

        Raises:
            FormatError: the file is not a saved model, or is one of another version.
        """
        if path.is_dir():
            raise FormatError(
                f"{path}: is a folder, not a fitted model; a pretrained encoder needs aligner "
                f"simalign, awesome or mixture"
            )
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                if file["version"] != _VERSION:
                    raise ValueError("another version of xner wrote it; fit the aligner again")
                model = cls(
                    str(file["made_by"]),
                    tuple(file["languages"].tolist()),
                    int(file["pairs"]),
                    _vocabulary(file, "source"),
                    _vocabulary(file, "target"),
                    Entries(*(_array(file, f"entries_{name}", t) for name, t in _ENTRIES.items())),
                    _array(file, "view_keys", np.uint64),
                    _array(file, "evidence", np.float32),
                    _array(file, "weights", np.float64),
                    _array(file, "jumps", np.float32),
                )
                model.check()
        except ARCHIVE_DAMAGE as error:
            raise FormatError(f"{path}: not an alignment model of xner ({error})") from None
        return model

    def check(self) -> None:
        """Raise ValueError if the arrays do not fit each other."""
        entries, sides = self.entries, (self.source, self.target)
        for side in sides:
            _check(side.mass, side.words)
            _check(side.null, side.words)
            _check(side.frequency, side.words)
            if side.fertility.shape != (len(side.words), FERTILITIES):
                raise ValueError("the fertilities have another shape")
            if (side.frequency < 1).any() or (side.mass < 0).any() or (side.null < 0).any():
                raise ValueError("a count of a word is negative")
        for types, side in zip((entries.source, entries.target), sides, strict=True):
            if len(types) and not 0 <= types.min() <= types.max() < len(side.words):
                raise ValueError("an entry is out of bounds")
        for array in entries[1:]:
            _check(array, entries.source)
        _check(self.evidence, self.view_keys)
        _check(self.weights, parts.USUAL)
        if self.jumps.shape != (2, 2 * LONGEST_JUMP + 1) or not (self.jumps > 0).all():
            raise ValueError("the jumps have another shape")
        if not np.all(self.view_keys):
            raise ValueError("a key is 0")


def _check(array: NDArray[Any], like: Sized) -> None:
    """Raise ValueError if an array has another length, or a number is not finite."""
    if array.shape != (len(like),):
        raise ValueError("arrays have different lengths")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("a number is not finite")


def _array(file: Any, name: str, dtype: type) -> NDArray[Any]:
    array = file[name]
    if array.dtype != dtype:
        raise ValueError(f"{name} has another type")
    return frozen(array, dtype)


def _vocabulary(file: Any, side: str) -> Vocabulary:
    data, lengths = file[f"{side}_words"].tobytes(), _array(file, f"{side}_lengths", np.int64)
    if (lengths < 0).any() or lengths.sum() != len(data):
        raise ValueError("the words do not fit their lengths")
    ends = np.cumsum(lengths).tolist()
    words = [data[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise([0, *ends])]
    types = {"mass": np.float32, "null": np.float32, "fertility": np.float32, "frequency": np.int64}
    return Vocabulary(words, *(_array(file, f"{side}_{name}", t) for name, t in types.items()))


def empty_table(entries: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the keys of an empty table with room for some entries, and its filter."""
    size = 1 << max(7, int(2 * entries).bit_length())
    return np.zeros(size, np.uint64), np.zeros(size // 16, np.uint64)


def with_priors(model: AlignmentModel) -> AlignmentModel:
    """Return the model with the prior mass of its entries, as if they were new."""
    entries, none = model.entries, frozen(np.zeros(0), np.int32)
    no_mass = frozen(np.zeros(0), np.float32)
    empty = replace(model, entries=Entries(none, none, no_mass, no_mass, no_mass))
    offsets = frozen(np.arange(len(entries.source) + 1), np.int64)
    lexicon = empty.lexicon
    numbered = (entries.source, model.source, False), (entries.target, model.target, True)
    source, target = (
        tables.Side(ids, offsets, types_of(side.words, side, lexicon.part_filter, is_target))
        for ids, side, is_target in numbered
    )
    prior = np.empty(len(entries.source), np.float32)
    over_blocks(emission.new_priors, len(prior), lexicon, source, target, prior)
    return replace(
        model,
        source=_heavier(model.source, entries.source, prior),
        target=_heavier(model.target, entries.target, prior),
        entries=entries._replace(prior=frozen(prior, np.float32)),
    )


def _heavier(side: Vocabulary, types: NDArray[np.int32], prior: NDArray[np.float32]) -> Vocabulary:
    """Return a vocabulary with the prior mass of entries added to that of their types."""
    more = np.bincount(types, prior, len(side.words)).astype(np.float32)
    return replace(side, mass=side.mass + more)
