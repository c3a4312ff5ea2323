"""A corpus: sentence pairs in Arrow columns, in memory or read from files batch by batch."""

from xner.corpus.as_is import read_as_is, scan_as_is
from xner.corpus.base import Corpus, StrPath, require
from xner.corpus.given import as_corpus, is_columns
from xner.corpus.joining import rechunk, side_by_side, zip_batches
from xner.corpus.naming import spans_of, with_candidates, without_bad_candidates
from xner.corpus.parts import Batches
from xner.corpus.reading import (
    DOCSTART_CHOICES,
    read,
    scan,
    scan_side,
    with_links,
    without_bad_of_side,
)

__all__ = [
    "DOCSTART_CHOICES",
    "Batches",
    "Corpus",
    "StrPath",
    "as_corpus",
    "is_columns",
    "read",
    "read_as_is",
    "rechunk",
    "require",
    "scan",
    "scan_as_is",
    "scan_side",
    "side_by_side",
    "spans_of",
    "with_candidates",
    "with_links",
    "without_bad_candidates",
    "without_bad_of_side",
    "zip_batches",
]
