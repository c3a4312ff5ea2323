"""The stage `strip_affixes`: character offsets of target entities without prefixes and suffixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from xner._version import __version__
from xner.affixes import Affixes, Forms
from xner.characters import entity_offsets
from xner.columns import (
    OFFSETS,
    fields_of,
    offsets_of,
    replace_columns,
    rows_of,
    struct_lists,
    types_of,
    values_of,
    with_columns,
)
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.options import declare, option
from xner.report import Figure, Report
from xner.stages.base import Columns, Stage, function_of, require_columns
from xner.stages.work import AllAtOnce, Prepared, Work

_MADE = "target_entity_offsets"
_WORDS = ("source_tokens", "source_entities", "target_tokens", "links")
_NEEDED = (*_WORDS, "target_entities", "target_offsets")
_FILE = "affixes.json"
_SHOWN = 20


def _listed(found: Any) -> list[tuple[str, str]]:
    return [(f"  {affix}", f"{n:,}") for affix, n in found.most_common(_SHOWN)]


_FIGURES = (
    Figure("spans", "target entities"),
    Figure("stripped", "stripped entities"),
    Figure("affixes", start=(), as_rows=_listed),
)


@declare
class StripAffixes(Stage):
    """Narrow the character offsets of target entities to what is left without affixes.

    In many languages a word holds more than the entity: a case ending (Turkish `Ankara'da`), a
    particle (Korean `서울에서`) or a preposition (Amharic `በአዲስ`). Affixes are learned from the
    corpus: from words that are linked to the same source word, of which one begins or ends with
    the other. An entity loses the prefix of its first word and the suffix of its last word if
    what is left is linked to the same source word elsewhere. The spans of tokens stay.

    Returns:
        The corpus in memory with narrower `target_entity_offsets`. `.report` counts the entities
        that were narrowed, in all and by affix.

    Raises:
        InputError: a column is missing. The column target_offsets comes from raw text
            (docs/calls.md) or from translation.
        UsageError: an affix of `keep` has not exactly one hyphen at its edges.

    Example:
        >>> def pair(city, ending):
        ...     entity = {"start": 0, "end": len(city), "label": "LOC"}
        ...     return {
        ...         "source_text": f"{city} is old", "source_entities": [entity],
        ...         "target_text": f"{city}{ending} eski", "links": [(0, 0)],
        ...     }
        >>> cities = ["Ankara", "Bursa", "Izmir"]
        >>> out = xner.project([pair(city, end) for city in cities for end in ("", "'da")])
        >>> [sentence.entities[0].text for sentence in xner.strip_affixes(out)[:2]]
        ['Ankara', 'Ankara']
    """

    name: ClassVar[str] = "strip_affixes"
    figures: ClassVar[tuple[Figure, ...]] = _FIGURES

    keep: Sequence[str] = option(
        (),
        "Affix that stays in the entity, as the report lists it: `-s` for a suffix, `al-` for a "
        "prefix.",
        flag="--keep-affix",
        unit="AFFIX",
        repeat=True,
        group="output",
    )

    def check(self) -> None:
        for affix in self.keep:
            if affix.startswith("-") == affix.endswith("-"):
                raise UsageError(
                    f"keep has {affix!r}; write a suffix with a hyphen before it, as in -s, and a "
                    f"prefix with one after it"
                )

    @property
    def columns(self) -> Columns:
        """It needs a projection with links and offsets of the target tokens."""
        return Columns(_NEEDED, (_MADE,), (_MADE,), replaces=True)

    @property
    def signature(self) -> str:
        """Version and options."""
        kept = f"|keep:{','.join(self.keep)}" if self.keep else ""
        return f"xner:{__version__}|affixes{kept}"

    def schema(self, corpus: Corpus) -> pa.Schema:
        return with_columns(corpus.schema, types_of(_MADE))

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Learn the affixes."""
        require_columns(corpus, *_NEEDED)

        def learn(folder: Path) -> None:
            forms, done = Forms(), 0
            for batch in corpus.select(*_WORDS).batches():
                forms.add(batch)
                done += batch.num_rows
                self.tell("learn affixes", done / max(1, len(corpus)))
            forms.learned(self.keep).save(folder / _FILE)

        path = work.once("affixes", learn) / _FILE
        return Prepared(StripLearned(path=path, signed=self.signature), corpus)

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        with TemporaryDirectory(prefix="xner-") as folder:
            made = self.prepare(corpus, AllAtOnce(Path(folder), len(corpus), self.tell))
            yield from made.stage.batches(made.corpus, report)


strip_affixes = function_of(StripAffixes)


@declare
class StripLearned(Stage):
    """Narrows entities with affixes that were learned.

    Attributes:
        path: file of the affixes.
        signed: signature of the result.
    """

    name: ClassVar[str] = "strip_affixes"
    figures: ClassVar[tuple[Figure, ...]] = _FIGURES

    path: Path = field(kw_only=True)
    signed: str = field(kw_only=True)

    @property
    def columns(self) -> Columns:
        """It needs a projection with offsets of the target tokens."""
        return Columns(("target_tokens", "target_entities", "target_offsets"), (_MADE,), (_MADE,))

    def schema(self, corpus: Corpus) -> pa.Schema:
        return with_columns(corpus.schema, types_of(_MADE))

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        report.signature = self.signed
        affixes = Affixes.load(self.path)
        for batch in corpus.batches():
            column, stripped = _stripped(batch, affixes)
            report.add(sentences=batch.num_rows, spans=len(values_of(column)))
            report.add(stripped=len(stripped), affixes=[a for names in stripped for a in names])
            yield replace_columns(batch, {_MADE: column})


def _stripped(batch: pa.RecordBatch, affixes: Affixes) -> tuple[pa.ListArray, list[list[str]]]:
    """New offsets of the target entities, and the affixes of each entity that was narrowed.

    An entity that did not cover its tokens is left as it is.
    """
    entities, words = batch["target_entities"], batch["target_tokens"]
    whole = entity_offsets(entities, batch["target_offsets"])
    held = batch[_MADE] if _MADE in batch.schema.names else whole
    spans, covers = fields_of(held, "start", "end"), fields_of(whole, "start", "end")
    rows = offsets_of(entities)
    first = (offsets_of(words) - offsets_of(words)[0])[rows_of(rows)]
    start, end = fields_of(entities, "start", "end")
    names = [
        values_of(words).take(pa.array(at)).to_pylist() for at in (first + start, first + end - 1)
    ]
    prefix, suffix = affixes.of(names[0])[:, 0], affixes.of(names[1])[:, 1]
    same = (spans[0] == covers[0]) & (spans[1] == covers[1])
    used_up = (end - start == 1) & (prefix + suffix >= np.array(list(map(len, names[0])), np.int64))
    prefix, suffix = np.where(same & ~used_up, prefix, 0), np.where(same, suffix, 0)
    stripped = [
        [f"{names[0][i][: prefix[i]]}-"] * bool(prefix[i])
        + [f"-{names[1][i][-suffix[i] :]}"] * bool(suffix[i])
        for i in np.flatnonzero(prefix + suffix).tolist()
    ]
    edges = ((spans[0] + prefix).astype(np.int32), (spans[1] - suffix).astype(np.int32))
    return struct_lists(OFFSETS, rows - rows[0], *edges), stripped
