"""The alignment stage: a corpus gets its column of links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from xner.aligners import Aligner, make_aligner
from xner.aligners.bitext import Links
from xner.aligners.encode import encode
from xner.columns import LINKS, LINKS_MADE_BY
from xner.corpus import Corpus, require

Tell = Callable[[str, float], None]


def align(
    pairs: Corpus,
    *,
    aligner: str | Aligner = "native",
    progress: Tell | None = None,
    **options: Any,
) -> Corpus:
    """Align the words of a parallel corpus.

    Args:
        pairs: a corpus with source_tokens and target_tokens; links it has are replaced.
        aligner: `native` (needs nothing else), `eflomal`, `fast_align`, or any object with
            `align(bitext)` and `signature`.
        progress: called with the name of the stage and the share that is done.
        **options: for the aligner, such as `seed` and `symmetrisation`.

    Returns:
        The corpus with the column links. It is read from where `pairs` is, at each pass.

    Raises:
        UsageError: an unknown aligner or option.
        MissingExtraError: the aligner's package is not installed.
    """
    maker = make_aligner(aligner, options) if isinstance(aligner, str) else aligner
    return _aligned(pairs, maker, progress or (lambda stage, share: None))


def align_stage(
    pairs: Corpus, aligner: str, options: Mapping[str, Any], tell: Tell
) -> tuple[Corpus, str]:
    """`pairs` with links, and what made them; those that are there are kept."""
    schema = pairs.schema
    if "links" in schema.names:
        return pairs, (schema.metadata or {}).get(LINKS_MADE_BY, b"given").decode()
    maker = make_aligner(aligner, options)
    return _aligned(pairs, maker, tell), maker.signature


def _aligned(pairs: Corpus, aligner: Aligner, tell: Tell) -> Corpus:
    tell("read", 0.0)
    for batch in pairs.batches():
        require(batch, "source_tokens", "target_tokens")
        break
    bitext = encode(pairs, lambda share: tell("read", share))
    tell("align", 0.0)
    links = aligner.align(bitext, lambda share: tell("align", share))

    def batches() -> Iterator[pa.RecordBatch]:
        row = 0
        for batch in pairs.batches():
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            columns["links"] = link_column(links, row, row + batch.num_rows)
            row += batch.num_rows
            made = pa.RecordBatch.from_pydict(columns)
            yield made.replace_schema_metadata({LINKS_MADE_BY: aligner.signature})

    return Corpus(batches, len(pairs), pairs.origin)


def link_column(links: Links, first: int, last: int) -> pa.ListArray:
    """The links of the rows `[first, last)` as a column."""
    begin, end = int(links.offsets[first]), int(links.offsets[last])
    values = pa.StructArray.from_arrays(
        [
            pa.array(links.source[begin:end]),
            pa.array(links.target[begin:end]),
            pa.array(links.weight[begin:end]),
        ],
        fields=list(LINKS.value_type),
    )
    offsets = (links.offsets[first : last + 1] - begin).astype("int32")
    return pa.ListArray.from_arrays(pa.array(offsets), values)
