"""A corpus as pandas and polars frames, Hugging Face datasets and spaCy documents.

The packages are imported when a function is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xner.corpus.base import Corpus
from xner.corpus.tagged import CLASSES
from xner.errors import MissingExtraError, UsageError
from xner.formats.docbin import documents
from xner.formats.hf import numbered_tags
from xner.formats.losses import side_of
from xner.formats.tags import FEATURES, class_names

if TYPE_CHECKING:
    import datasets
    import pandas
    import polars
    from spacy.tokens import Doc

_MADE = f"target_{CLASSES}"


def _package(name: str, extra: str = "") -> Any:
    try:
        return import_module(name)
    except ImportError:
        if extra:
            raise MissingExtraError(name, extra) from None
        message = f"the package {name!r} is not installed; run: pip install {name}"
        raise UsageError(message) from None


def to_pandas(corpus: Corpus) -> pandas.DataFrame:
    """The rows as a pandas frame."""
    _package("pandas")
    frame: pandas.DataFrame = corpus.table.to_pandas()
    return frame


def to_polars(corpus: Corpus) -> polars.DataFrame:
    """The rows as a polars frame."""
    frame: polars.DataFrame = _package("polars").from_arrow(corpus.table)
    return frame


def to_hf(corpus: Corpus) -> datasets.Dataset:
    """The rows as a dataset, with the classes of tags that have some."""
    package = _package("datasets", "hf")
    table, classes = corpus.table, class_names(corpus.schema)
    held = {name: names for name, names in classes.items() if name in table.column_names}
    source = held.get(CLASSES) or held.get(f"source_{CLASSES}")
    if source and "target_entities" in table.column_names and _MADE not in table.column_names:
        held[_MADE] = names = list(source)
        tags = [
            numbered_tags(batch["target_entities"], batch["target_tokens"], names)
            for batch in table.to_batches()
        ]
        table = table.append_column(_MADE, pa.chunked_array(tags, pa.list_(pa.int64())))
    metadata = {k: v for k, v in (table.schema.metadata or {}).items() if k != FEATURES}
    data: datasets.Dataset = package.Dataset(table.replace_schema_metadata(metadata))
    for name, names in held.items():
        data = data.cast_column(name, package.Sequence(package.ClassLabel(names=names)))
    return data


def to_spacy(corpus: Corpus, nlp: Any, side: str = "target") -> Iterator[Doc]:
    """Yield a document for every sentence."""
    if side not in ("source", "target"):
        raise UsageError(f"side is {side!r}; choose source or target")
    vocab = _package("spacy", "spacy").blank(nlp) if isinstance(nlp, str) else nlp
    vocab = getattr(vocab, "vocab", vocab)
    prefix = "" if "tokens" in corpus.columns else f"{side}_"
    if f"{prefix}tokens" not in corpus.columns:
        raise UsageError(f"{corpus.origin}: has no column '{prefix}tokens'")
    return (
        doc
        for batch in corpus.batches()
        for doc in documents(side_of(batch, side), vocab, corpus.origin)
    )
