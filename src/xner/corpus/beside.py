"""Links of parallel corpora as columns of a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xner.columns import LINKS, Metadata, replace_columns, with_columns
from xner.corpus.base import Corpus
from xner.corpus.joining import zip_batches
from xner.corpus.parts import Batches, Chosen, Source, only


def beside(pairs: Corpus, linked: Mapping[str, Corpus], metadata: Metadata) -> Corpus:
    """Add the links of parallel corpora; they replace columns of the same names.

    Args:
        pairs: read along with the other corpora at each pass.
        linked: corpora of the same rows with the column links, by the names of the new columns.
        metadata: entries of the schema metadata to set.
    """
    schema = with_columns(pairs.schema, dict.fromkeys(linked, LINKS), metadata=metadata)
    return Corpus(
        _Beside(pairs, linked, metadata), len(pairs), pairs.origin, schema, first=pairs.first
    )


@dataclass(frozen=True, slots=True)
class _Beside:
    """Yields the batches of `beside`, whose arguments are the fields."""

    pairs: Corpus
    linked: Mapping[str, Corpus]
    metadata: Metadata

    def __call__(self) -> Batches:
        return self.between(0, len(self.pairs))

    def between(self, first: int, last: int) -> Batches:
        """Yield the rows `[first, last)`."""
        parts = [corpus.part(first, last) for corpus in (self.pairs, *self.linked.values())]
        streams = [(part.origin, part.batches()) for part in parts]
        for batch, *others in zip_batches(*streams, first=first):
            links = [other["links"] for other in others]
            columns = dict(zip(self.linked, links, strict=True))
            yield replace_columns(batch, columns, metadata=self.metadata)

    def only(self, names: Sequence[str]) -> Source:
        """Return some columns; the corpora are read only for these."""
        linked = {name: corpus for name, corpus in self.linked.items() if name in names}
        if not linked:
            return only(self.pairs.source, names)
        read = [name for name in names if name in self.pairs.columns and name not in linked]
        pairs = self.pairs.select(*(read or self.pairs.columns))
        return Chosen(_Beside(pairs, linked, self.metadata), tuple(names))
