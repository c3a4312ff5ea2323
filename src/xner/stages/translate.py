"""The stage `translate`: the side that a corpus lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa

from xner._version import __version__
from xner.columns import (
    LINKS_MADE_BY,
    OFFSETS,
    TOKENS,
    TRANSLATION_MADE_BY,
    replace_columns,
    struct_lists,
    types_of,
    with_columns,
)
from xner.corpus import Corpus
from xner.effects import Rule, rules_of
from xner.errors import InputError, UsageError
from xner.inference.record_batches import by_batch
from xner.languages import LANGUAGE_CODES, Language, find_language
from xner.options import declare, option, options_of, required
from xner.report import Figure, Report
from xner.services.client import checked_address
from xner.stages.base import Columns, Stage, function_of
from xner.stages.identified import with_ids
from xner.stages.used import SERVICE, Used
from xner.translation.base import OUTCOMES, Translated, Translator
from xner.translation.custom import as_translator, checked
from xner.translation.options import (
    AllTranslatorOptions,
    LlmTranslatorOptions,
    TranslatorOptions,
)
from xner.translation.registry import TRANSLATORS, make_translator
from xner.translation.text import join_words
from xner.words import find_words


@declare
class Translating(Stage, AllTranslatorOptions):
    """A stage that translates between the languages of the two sides."""

    effects: ClassVar[tuple[Rule, ...]] = rules_of(
        {
            **dict.fromkeys(("nllb", "ctranslate2"), options_of(TranslatorOptions)),
            "llm": options_of(LlmTranslatorOptions),
        },
        "translator",
    )

    source_language: str = required(
        f"Language of the labelled side. {LANGUAGE_CODES}",
        kw_only=False,
        unit="CODE",
        stand_in="eng",
        group="translation",
    )
    target_language: str = required(
        f"Language of the other side. {LANGUAGE_CODES}",
        kw_only=False,
        unit="CODE",
        stand_in="deu",
        group="translation",
    )
    translator: str | Translator = option(
        "nllb",
        "Translator: nllb, ctranslate2, llm or module:name. `nllb` runs the model in transformers, "
        "`ctranslate2` in CTranslate2; `llm` is a language model at an address; `module:name` is "
        "your own function (docs/plugins.md).",
        choices=TRANSLATORS,
        adapt=as_translator,
        group="translation",
    )

    def check(self) -> None:
        super().check()
        start, end = self.languages
        if start == end:
            raise UsageError(f"both languages are {start.name} ({start.flores}); name two")

    def ready(self) -> None:
        super().ready()
        if self.translator == "llm":
            checked_address(self.address)

    @property
    def languages(self) -> tuple[Language, Language]:
        """The languages of source and target."""
        return find_language(self.source_language), find_language(self.target_language)

    def make_translator(self) -> Translator:
        """The translator with its options.

        Raises:
            UsageError: options are given for an object, or do not go with the translator.
            InputError: the model cannot be loaded.
            MissingExtraError: a package is not installed.
        """
        options = options_of(AllTranslatorOptions)
        given = {name: getattr(self, name) for name in options}
        given = {name: v for name, v in given.items() if v != options[name].default}
        if isinstance(self.translator, str):
            return make_translator(self.translator, given)
        return self.translator

    @property
    def costly(self) -> bool:
        """It runs a model."""
        return True

    def loaded(self) -> Self:
        """The stage with its model in memory."""
        defaults = {name: o.default for name, o in options_of(AllTranslatorOptions).items()}
        return replace(self, **defaults, translator=self.make_translator())


@declare
class Translate(Translating):
    """Translate one side of a corpus into the other.

    The column `source_text` (or `target_text`) is translated if the corpus has it, otherwise the
    words, joined as the language writes them.

    Returns:
        The corpus in memory with tokens, text and offsets of the new side, and
        `translation_outcome`. `.report` counts the outcomes.

    Raises:
        InputError: a column is missing or already there, or the model cannot be loaded.
        UsageError: a language, translator or option is unknown, or an option is out of its range.
        MissingExtraError: a package of the extra `models` or `ctranslate2` is not installed.
        ResourceError: a sentence does not fit into the memory of the device.

    Example:
        >>> from xner.translation.fake import FakeTranslator  # word by word, without a model
        >>> translator = FakeTranslator({"lives": "wohnt", "Rome": "Rom"})
        >>> words = ["Ada", "lives", "in", "Rome"]
        >>> out = xner.translate([words], "eng", "deu", translator=translator)
        >>> out[0].target_tokens
        ['Ada', 'wohnt', 'in', 'Rom']
    """

    name: ClassVar[str] = "translate"
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("outcomes", "", OUTCOMES),
        Figure("split", "in pieces"),
        Figure("words"),
        SERVICE,
    )

    fill: Literal["target", "source"] = option(
        "target",
        "Side to write: `target`, to train on it, or `source`, to tag it. It is translated from "
        "the other side.",
    )
    replace: bool = option(
        False,
        "Replace the side to write, and drop the columns that depend on it.",
        in_experiments=False,
    )

    @property
    def given(self) -> str:
        """The side that is translated."""
        return "source" if self.fill == "target" else "target"

    @property
    def columns(self) -> Columns:
        """It needs the words of the other side, and uses their text."""
        made = (f"{self.fill}_{name}" for name in ("tokens", "text", "offsets"))
        return Columns(
            (f"{self.given}_tokens",), (*made, "translation_outcome"), (f"{self.given}_text",)
        )

    def schema(self, corpus: Corpus) -> pa.Schema:
        own = (f"{self.fill}_{name}" for name in ("tokens", "text", "offsets"))
        columns = types_of(*own, "translation_outcome")
        return with_columns(
            corpus.schema, columns, drop=self._stale, metadata={LINKS_MADE_BY: None}
        )

    @property
    def _stale(self) -> tuple[str, ...]:
        """Columns that depend on the words of the side to write."""
        own = tuple(f"{self.fill}_{name}" for name in ("tokens", "entities", "text", "offsets"))
        return (*own, "translation_outcome", "links", "outcomes", "solution", "scored_candidates")

    def _check_columns(self, corpus: Corpus) -> None:
        names = corpus.columns
        if names and f"{self.given}_tokens" not in names and f"{self.given}_text" not in names:
            raise InputError(
                f"{corpus.origin}: has no column {self.given}_tokens to translate; it has "
                f"{', '.join(names)}"
            )
        present = [name for name in self._stale if name in names]
        if present and not self.replace:
            raise InputError(
                f"{corpus.origin}: already has {', '.join(present)}, which would not fit a new "
                f"translation; remove them from the file, or replace them (--replace)"
            )

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        self._check_columns(corpus)
        start, end = self.languages if self.fill == "target" else reversed(self.languages)
        translator = self.make_translator()
        used = Used(translator)
        report.signature = f"xner:{__version__}|{start.flores}>{end.flores}|{translator.signature}"
        self.tell("translate", 0.0)

        def run(texts: Iterator[str]) -> Iterator[Translated]:
            for done, result in enumerate(checked(translator, texts, start, end), 1):
                self.tell("translate", done / max(1, len(corpus)))
                yield result

        def texts(batch: pa.RecordBatch) -> Iterable[str]:
            return texts_of(batch, self.given, start)

        for batch, results in with_ids(corpus, by_batch(corpus.batches(), texts, run)):
            columns = _columns(self.fill, results, end)
            report.add(
                sentences=len(results),
                outcomes=[one.outcome for one in results],
                split=sum(one.pieces > 1 for one in results),
                words=len(columns[f"{self.fill}_tokens"].flatten()),
            )
            report.add(service=used.since())
            yield replace_columns(
                batch,
                columns,
                drop=self._stale,
                metadata={TRANSLATION_MADE_BY: report.signature, LINKS_MADE_BY: None},
            )


translate = function_of(Translate)


def texts_of(batch: pa.RecordBatch, side: str, language: Language) -> Iterable[str]:
    """The text of every row of one side: as given, or its words joined."""
    rows = batch.num_rows
    names = batch.schema.names
    written = batch[f"{side}_text"].to_pylist() if f"{side}_text" in names else [None] * rows
    if f"{side}_tokens" not in names:
        return [text or "" for text in written]
    words = batch[f"{side}_tokens"]
    return (
        text if text is not None else join_words(own.as_py(), language)
        for text, own in zip(written, words, strict=True)
    )


def _columns(side: str, results: list[Translated], language: Language) -> dict[str, pa.Array]:
    """The columns of the new side."""
    texts = [one.text for one in results]
    spans = [find_words(text, language) for text in texts]
    tokens = [
        [text[start:end] for start, end in own] for text, own in zip(texts, spans, strict=True)
    ]
    return {
        f"{side}_tokens": pa.array(tokens, TOKENS),
        f"{side}_text": pa.array(texts, pa.string()),
        f"{side}_offsets": _offset_column(spans),
        "translation_outcome": pa.array([one.outcome for one in results], pa.string()),
    }


def _offset_column(spans: list[list[tuple[int, int]]]) -> pa.ListArray:
    offsets = np.cumsum([0, *map(len, spans)]).astype(np.int32)
    flat = np.array([span for own in spans for span in own], np.int32).reshape(-1, 2)
    return struct_lists(OFFSETS, offsets, flat[:, 0], flat[:, 1])
