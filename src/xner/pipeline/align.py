"""The alignment stage: a corpus gets its column of links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from xner.aligners import Aligner, make_aligner
from xner.aligners.bitext import Links
from xner.aligners.encode import encode, encode_side
from xner.aligners.pivot import SoftAligner, align_with_pivots
from xner.columns import LINKS, LINKS_MADE_BY, replace_columns, struct_lists, with_columns
from xner.corpus import Corpus, StrPath, scan, scan_side
from xner.errors import UsageError

Tell = Callable[[str, float], None]
FitOn = Sequence[Corpus | StrPath | tuple[StrPath, StrPath]]


def align(
    pairs: Corpus,
    *,
    aligner: str | Aligner = "native",
    fit_on: FitOn = (),
    pivot: Sequence[StrPath] = (),
    progress: Tell | None = None,
    **options: Any,
) -> Corpus:
    """Align the words of a parallel corpus.

    Args:
        pairs: a corpus with source_tokens and target_tokens; links it has are replaced.
        aligner: `native` (needs nothing else), `eflomal`, `fast_align`, `simalign`, `awesome`, or
            any object with `align(bitext)` and `signature`.
        fit_on: more bitext in the same languages to learn from: corpora, pairs of files
            (source, target), or files with both sides. Only `pairs` gets links.
        pivot: files of the same sentences in further languages, tokenised, one row a pair;
            the native aligner averages the links through them with the direct ones.
        progress: called with the name of the stage and the share that is done.
        **options: for the aligner, such as `seed` and `symmetrisation`.

    Returns:
        The corpus with the column links. It is read from where `pairs` is, at each pass.

    Raises:
        UsageError: an unknown aligner or option, or one that cannot pivot.
        InputError: a file is missing or malformed, or not parallel.
        MissingExtraError: the aligner's package is not installed.
    """
    tell = progress or (lambda stage, share: None)
    linked, _ = _aligned(pairs, aligner, {**options, "fit_on": fit_on, "pivot": pivot}, tell)
    return linked


def align_stage(
    pairs: Corpus, aligner: str | Aligner, options: Mapping[str, Any], tell: Tell
) -> tuple[Corpus, str]:
    """`pairs` with links, and what made them; those that are there are kept.

    Options are those of `align`: `fit_on`, `pivot`, and the aligner's own.

    Raises:
        UsageError: options for an aligner where the links are given.
    """
    schema = pairs.schema
    if "links" in schema.names:
        if idle := [name for name, value in options.items() if value not in (None, (), [])]:
            raise UsageError(
                f"the links are given, so {idle[0]} would change nothing; leave it out, or leave "
                f"out the links to have them made"
            )
        return pairs, (schema.metadata or {}).get(LINKS_MADE_BY, b"given").decode()
    return _aligned(pairs, aligner, options, tell)


def _aligned(
    pairs: Corpus, aligner: str | Aligner, options: Mapping[str, Any], tell: Tell
) -> tuple[Corpus, str]:
    own = {name: value for name, value in options.items() if name not in ("fit_on", "pivot")}
    maker = make_aligner(aligner, own) if isinstance(aligner, str) else aligner
    fit_on = [_fit_corpus(given) for given in options.get("fit_on", ())]
    pivots = [scan_side(path, pairs) for path in options.get("pivot", ())]
    signature = maker.signature
    signature += "".join(f"+fit_on({c.origin}:{len(c)})" for c in fit_on)
    signature += "".join(f"+pivot({c.origin})" for c in pivots)
    metadata = {LINKS_MADE_BY: signature}
    links = _links(pairs, maker, fit_on, pivots, tell)

    def batches() -> Iterator[pa.RecordBatch]:
        row = 0
        for batch in pairs.batches():
            column = link_column(links, row, row + batch.num_rows)
            row += batch.num_rows
            yield replace_columns(batch, {"links": column}, metadata=metadata)

    schema = with_columns(pairs.schema, {"links": LINKS}, metadata=metadata)
    return Corpus(batches, len(pairs), pairs.origin, schema), signature


def _links(
    pairs: Corpus, aligner: Aligner, fit_on: list[Corpus], pivots: list[Corpus], tell: Tell
) -> Links:
    if not len(pairs):
        none = np.zeros(0, np.int32)
        return Links(np.zeros(1, np.int64), none, none, np.zeros(0, np.float32))
    tell("read", 0.0)
    bitext = encode(pairs, fit_on, lambda share: tell("read", share))
    sides = [encode_side(pivot) for pivot in pivots]
    tell("align", 0.0)
    if not sides:
        return aligner.align(bitext, lambda share: tell("align", share))
    if not isinstance(aligner, SoftAligner):
        raise UsageError("a pivot needs the probabilities of links: use the aligner native")
    return align_with_pivots(aligner, bitext, sides, lambda share: tell("align", share))


def _fit_corpus(given: Corpus | StrPath | tuple[StrPath, StrPath]) -> Corpus:
    if isinstance(given, Corpus):
        return given
    return scan(*given) if isinstance(given, tuple) else scan(given)


def link_column(links: Links, first: int, last: int) -> pa.ListArray:
    """The links of the rows `[first, last)` as a column."""
    begin, end = int(links.offsets[first]), int(links.offsets[last])
    parts = (part[begin:end] for part in (links.source, links.target, links.weight))
    return struct_lists(LINKS, links.offsets[first : last + 1] - begin, *parts)
