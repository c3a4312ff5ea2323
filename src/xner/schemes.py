"""Labelling schemes (IOB1, IOB2, BILOU, IOBES): conversion of tags to spans and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xner.errors import SchemeError, UsageError
from xner.hints import checked

Int32 = NDArray[np.int32]
Codes = NDArray[np.uint8]

O, B, I, E, S = range(5)  # noqa: E741 - the field's own letters
_PREFIXES = {"B": B, "I": I, "E": E, "L": E, "S": S, "U": S}
_LETTERS = {
    "IOB1": {B: "B", I: "I"},
    "IOB2": {B: "B", I: "I"},
    "BILOU": {B: "B", I: "I", E: "L", S: "U"},
    "IOBES": {B: "B", I: "I", E: "E", S: "S"},
}
SCHEMES = tuple(_LETTERS)


def check_scheme(scheme: str, *, auto: bool = False) -> str:
    """Return `scheme` if it is known, or if it is `auto` and `auto` is allowed.

    Raises:
        UsageError: it is unknown.
    """
    known = (*SCHEMES, "auto") if auto else SCHEMES
    if scheme not in known:
        raise UsageError(f"unknown scheme {scheme!r}; choose one of {', '.join(known)}")
    return scheme


def scheme_of(names: Iterable[str]) -> str:
    """The labelling scheme of some tags; IOB2 if they could be of several."""
    prefixes = {name.partition("-")[0] for name in names}
    if prefixes & {"U", "L"}:
        return "BILOU"
    return "IOBES" if prefixes & {"S", "E"} else "IOB2"


@dataclass(frozen=True, slots=True)
class Spans:
    """Entities of N sentences: `offsets` int32 (N+1), half-open `start` and `end`, `label` ids."""

    offsets: Int32
    start: Int32
    end: Int32
    label: Int32


def parse_tag(tag: str, scheme: str = "auto") -> tuple[int, str]:
    """Split a tag into its position code and its label: `"B-PER"` gives `(B, "PER")`.

    Raises:
        SchemeError: the tag is not one of the scheme; the message does not say where it is.
    """
    if tag == "O":
        return O, ""
    prefix, dash, label = tag.partition("-")
    letters = _PREFIXES if scheme == "auto" else {v: k for k, v in _LETTERS[scheme].items()}
    if not dash or not label or prefix not in letters:
        known = "IOB1, IOB2, BILOU and IOBES" if scheme == "auto" else scheme
        raise SchemeError(f"{tag!r} is not a tag of {known} (O, B-LABEL, I-LABEL, …)")
    return letters[prefix], label


def decode(codes: Codes, labels: Int32, offsets: Int32) -> Spans:
    """Convert tags to spans, by the one rule that reads all four schemes (that of conlleval).

    A word continues the entity of the previous word of its sentence if it is an I or E, the
    previous word is a B or I, and both have the same label; any other word but an O starts one.

    Args:
        codes: uint8 (W), position codes.
        labels: int32 (W), label ids.
        offsets: int32 (N+1), words of each sentence.
    """
    inside = codes != O
    continues = np.zeros(len(codes), bool)
    continues[1:] = (
        ((codes[1:] == I) | (codes[1:] == E))
        & ((codes[:-1] == B) | (codes[:-1] == I))
        & (labels[1:] == labels[:-1])
    )
    firsts = offsets[:-1][np.diff(offsets) > 0]
    continues[firsts] = False
    ends = inside.copy()
    ends[:-1] &= ~continues[1:]
    start = np.flatnonzero(inside & ~continues)
    end = np.flatnonzero(ends) + 1
    sentence = np.searchsorted(offsets, start, side="right") - 1
    counts = np.bincount(sentence, minlength=len(offsets) - 1)
    base = offsets[sentence]
    return Spans(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        (start - base).astype(np.int32),
        (end - base).astype(np.int32),
        labels[start].astype(np.int32),
    )


def encode(spans: Spans, offsets: Int32, scheme: str = "IOB2") -> tuple[Codes, Int32]:
    """Return the position code (uint8) and label id (int32; -1 for O) of every word.

    Args:
        spans: entities that do not overlap (see `overlap`).
        offsets: int32 (N+1), words of each sentence.
        scheme: one of `SCHEMES`.
    """
    codes = np.full(offsets[-1] - offsets[0], O, np.uint8)
    labels = np.full(len(codes), -1, np.int32)
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(spans.offsets))
    base = offsets[row] - offsets[0]
    start, end = base + spans.start, base + spans.end
    length = end - start
    words = np.repeat(start, length) + _ranges(length)
    codes[words] = I
    labels[words] = np.repeat(spans.label, length)
    if scheme == "IOB1":
        after = start[start > base]
        touching = after[(codes[after - 1] != O) & (labels[after - 1] == labels[after])]
        codes[touching] = B
    else:
        codes[start] = B
    if scheme in ("BILOU", "IOBES"):
        codes[end - 1] = E
        codes[start[length == 1]] = S
    return codes, labels


def _ranges(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """`0 … n-1` for each n, one after another."""
    total = int(lengths.sum())
    before = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.asarray(np.arange(total) - before, np.int64)


def overlap(spans: Spans) -> int | None:
    """Return the first sentence with two spans that share a word, or None."""
    row = np.repeat(np.arange(len(spans.offsets) - 1), np.diff(spans.offsets))
    order = np.lexsort((spans.end, spans.start, row))
    row, start, end = row[order], spans.start[order], spans.end[order]
    clash = np.flatnonzero((row[1:] == row[:-1]) & (start[1:] < end[:-1]))
    return int(row[clash[0]]) if len(clash) else None


def violation(codes: Codes, labels: Int32, offsets: Int32, scheme: str) -> int | None:
    """Return the first word whose tag the scheme does not allow at its place, or None.

    Tags follow a scheme if encoding their spans in that scheme gives the same tags.
    """
    wanted, _ = encode(decode(codes, labels, offsets), offsets, scheme)
    bad = np.flatnonzero(wanted != codes)
    return int(bad[0]) if len(bad) else None


def tag_table(labels: Sequence[str], scheme: str) -> list[str]:
    """Return every tag of a scheme, at index `4 * label id + code`; `O` at 0."""
    letters = _LETTERS[check_scheme(scheme)]
    table = ["O"]
    for label in labels:
        table += [f"{letters.get(code, '?')}-{label}" for code in (B, I, E, S)]
    return table


def tag_ids(codes: Codes, labels: Int32) -> Int32:
    """Return the index of each word's tag in `tag_table`."""
    return np.where(codes == O, 0, 4 * labels + codes).astype(np.int32)


@checked
def spans_from_tags(tags: Sequence[str], scheme: str = "auto") -> list[tuple[int, int, str]]:
    """Convert the tags of one sentence to half-open spans `(start, end, label)`.

    Args:
        tags: one tag per word.
        scheme: one of `SCHEMES` to enforce it; `auto` (default) reads all of them leniently.

    Raises:
        SchemeError: a tag is unknown, or not allowed at its place.

    Example:
        >>> xner.spans_from_tags(["B-PER", "I-PER", "O", "S-LOC"])
        [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    check_scheme(scheme, auto=True)
    parsed = [parse_tag(tag, scheme) for tag in tags]
    names = sorted({label for code, label in parsed if code != O})
    index = {label: i for i, label in enumerate(names)}
    codes = np.array([code for code, _ in parsed], np.uint8)
    labels = np.array([index.get(label, -1) for _, label in parsed], np.int32)
    offsets = np.array([0, len(tags)], np.int32)
    if scheme != "auto" and (bad := violation(codes, labels, offsets, scheme)) is not None:
        raise SchemeError(f"word {bad}: the tag {tags[bad]!r} is not allowed here in {scheme}")
    spans = decode(codes, labels, offsets)
    return [
        (int(s), int(e), names[n])
        for s, e, n in zip(spans.start, spans.end, spans.label, strict=True)
    ]


@checked
def tags_from_spans(
    spans: Sequence[tuple[int, int, str]], length: int, scheme: str = "IOB2"
) -> list[str]:
    """Convert half-open spans `(start, end, label)` to the tags of a sentence of `length` words.

    Raises:
        SchemeError: spans overlap or exceed the sentence.

    Example:
        >>> xner.tags_from_spans([(0, 2, "PER"), (3, 4, "LOC")], 4)
        ['B-PER', 'I-PER', 'O', 'B-LOC']
    """
    check_scheme(scheme)
    if any(not 0 <= start < end <= length for start, end, _ in spans):
        raise SchemeError(f"a span exceeds the sentence of {length} words")
    names = sorted({label for _, _, label in spans})
    flat = Spans(
        np.array([0, len(spans)], np.int32),
        np.array([s for s, _, _ in spans], np.int32),
        np.array([e for _, e, _ in spans], np.int32),
        np.array([names.index(n) for _, _, n in spans], np.int32),
    )
    if overlap(flat) is not None:
        raise SchemeError(f"two spans share a word, which {scheme} cannot express")
    codes, labels = encode(flat, np.array([0, length], np.int32), scheme)
    table = tag_table(names, scheme)
    return [table[i] for i in tag_ids(codes, labels)]
