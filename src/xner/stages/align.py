"""The stage `align`: word links between the two sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Self

import pyarrow as pa

from xner.aligners import Aligner
from xner.aligners.applying import PIECE
from xner.aligners.bitext import Links, checked, joined_links
from xner.aligners.encode import SIDES, encode, encode_batch, encode_sample, encode_side
from xner.aligners.model import AlignmentModel
from xner.aligners.native import NativeAligner
from xner.aligners.pivot import SoftAligner, align_with_pivots
from xner.columns import LINKS, LINKS_MADE_BY, replace_columns, struct_lists, with_columns
from xner.corpus import Corpus, StrPath, scan, scan_side, without_bad_of_side
from xner.corpus import with_links as with_links_from
from xner.effects import GIVEN, NOTHING, Rule, rule, when
from xner.errors import UsageError
from xner.kernels.blocks import thread_count
from xner.languages import find_language
from xner.options import declare, option, options_of
from xner.overlap import ahead, in_order
from xner.report import Figure, Report
from xner.stages.aligner_options import (
    CLASSES,
    GROUP,
    NO_ALIGNER,
    AlignerOptions,
    is_random,
    without_seed,
)
from xner.stages.base import Columns, function_of
from xner.stages.identified import identified
from xner.stages.linking import KeepLinks, linked
from xner.stages.work import Prepared, Work

Bitext = Corpus | StrPath | tuple[StrPath, ...]
_TEXTS = ("fit_on", "pivot", "save_model", "model_languages")
_FITTED = (when(aligner="native", model=NOTHING), when("an aligner that is fitted", fits=True))
_PIVOTED = (
    when(aligner="native", model=NOTHING),
    when("an aligner that computes probabilities of links", pivots=True),
)
_NOT_FITTED: dict[str, Any] = {"fit_on": (), "pivot": (), "save_model": None}


@declare
class FittedOptions(AlignerOptions):
    """Options of stages that align the two sides of a corpus: more text to learn from."""

    fit_on: Sequence[Bitext] = option(
        (),
        "More bitext in the same languages to fit the aligner on: a source and a target file, or "
        "one file with both sides. Only the corpus itself gets links. In Python, corpora can be "
        "given as well.",
        unit="FILE",
        nargs="+",
        repeat=True,
        group=GROUP,
        names="file",
        when=_FITTED,
        rare=True,
    )
    pivot: Sequence[StrPath] = option(
        (),
        "The same sentences in another language, as tokenised text parallel by row. Links through "
        "this language are averaged with the direct ones.",
        unit="FILE",
        repeat=True,
        group=GROUP,
        names="file",
        when=_PIVOTED,
        rare=True,
    )
    save_model: Path | None = option(
        None,
        "File to save the fitted model to, for `--model`.",
        unit="MODEL",
        group=GROUP,
        when=when(aligner="native", model=NOTHING, pivot=NOTHING),
        in_experiments=False,
    )
    model_languages: Sequence[str] = option(
        (),
        "Source and target language, by code or English name: kept in a saved model, and refused "
        "if a fitted model was saved for others.",
        unit="LANGUAGE",
        nargs="+",
        group=GROUP,
        when=(when(aligner="native", save_model=GIVEN), when(aligner="native", model=GIVEN)),
        rare=True,
    )

    def without_aligner(self) -> Self:
        """The stage for a corpus that has links."""
        options = {**NO_ALIGNER, **_NOT_FITTED, "model_languages": ()}
        return replace(self, **options, aligner="native")

    def with_model(self, model: Path | AlignmentModel) -> Self:
        """The stage with a fitted model, for corpora of any size."""
        kept = {name: getattr(self, name) for name in ("seed", "effort", "symmetrisation", "units",
                                                      "threshold")}  # fmt: skip
        options = {**NO_ALIGNER, **_NOT_FITTED, **kept, "model": model}
        return replace(self, **options, aligner="native")

    def fitting(self, corpus: Corpus) -> Corpus:
        for path in self.pivot:
            corpus = without_bad_of_side(path, corpus)
        return corpus

    def samples(self, corpus: Corpus) -> bool:
        """Whether the aligner is fitted on a sample of a corpus, and then applied to all of it."""
        if self.aligner != "native" or self.by_part or self.pivot:
            return False
        aligner = self.make_aligner()
        assert isinstance(aligner, NativeAligner)
        return sum(map(len, [corpus, *self._fit_corpora])) > aligner.fit_pairs

    def applies(self, corpus: Corpus) -> bool:
        """Whether a fitted model aligns a corpus that is too large to be sampled as a whole."""
        applied = self.by_part and not self.pretrained
        return self.samples(corpus) or (applied and len(corpus) > self.part_rows)

    def fit(self, corpus: Corpus) -> AlignmentModel:
        """The model of a random sample of a corpus and of `fit_on`, saved to `save_model`."""
        aligner = self.make_aligner()
        assert isinstance(aligner, NativeAligner)
        corpora = [corpus, *self._fit_corpora]
        self.tell("read", 0.0)
        bitext = encode_sample(
            corpora, aligner.fit_pairs, aligner.seed, lambda share: self.tell("read", share)
        )
        self.tell("fit", 0.0)
        total = sum(map(len, corpora))
        model = aligner.fit(bitext, lambda share: self.tell("fit", share), total)
        return self._saved(model)

    def _saved(self, model: AlignmentModel) -> AlignmentModel:
        """The model with its languages, saved if it should be."""
        model = replace(model, languages=self._language_codes)
        if self.save_model is not None:
            model.save(Path(self.save_model))
        return model

    @property
    def _language_codes(self) -> tuple[str, ...]:
        return tuple(find_language(name).flores for name in self.model_languages)

    @cached_property
    def _fit_corpora(self) -> list[Corpus]:
        return [_fit_corpus(bitext) for bitext in self.fit_on]

    def _check_fitted(self) -> None:
        if len(self.model_languages) not in (0, 2):
            raise UsageError("model_languages takes two languages: that of the source, the target")
        for files in self.fit_on:
            if isinstance(files, list | tuple) and len(files) > 2:
                raise UsageError(
                    f"fit_on has {len(files)} files for one bitext; give a source and a target "
                    f"file, or one file with both sides (on the command line after SOURCE and "
                    f"TARGET, once per bitext)"
                )

    @property
    def fits(self) -> bool:
        """Whether another aligner than native is fitted on the corpus."""
        return self.aligner != "native" and bool(getattr(self._kind, "fitted", True))

    @property
    def pivots(self) -> bool:
        """Whether another aligner than native computes probabilities of links."""
        soft = isinstance(self.aligner, SoftAligner)
        return self.aligner != "native" and bool(getattr(self._kind, "pivots", soft))

    @property
    def _kind(self) -> type:
        return CLASSES[self.aligner] if isinstance(self.aligner, str) else type(self.aligner)

    @cached_property
    def given_for_links(self) -> list[str]:
        """Names of the options that matter only if the corpus is aligned."""
        texts = [name for name in _TEXTS if getattr(self, name)]
        default = options_of(AlignerOptions)["aligner"].default
        return texts + list(self.aligner_options) + ["aligner"] * (self.aligner != default)

    def link(self, corpus: Corpus) -> Corpus:
        """Align a corpus; its links stay in memory and its batches are read when needed.

        Raises:
            UsageError: an option does not go with the aligner.
            InputError: a file is missing or malformed, or is not parallel to the corpus.
            MissingExtraError: the package of the aligner is not installed.
        """
        begin = perf_counter()
        if self.samples(corpus):
            return self.with_model(self.fit(corpus)).link(corpus)
        aligner = self.make_aligner()
        pivots = [scan_side(path, corpus) for path in self.pivot]
        signature = aligner.signature
        signature += "".join(f"+fit_on({c.origin}:{len(c)})" for c in self._fit_corpora)
        signature += "".join(f"+pivot({c.origin})" for c in pivots)
        links = self._links(corpus, aligner, pivots)
        report = Report(Align.figures, signature)
        report.add(sentences=len(corpus), links=len(links.source))
        report.seconds = perf_counter() - begin
        metadata = {LINKS_MADE_BY: signature}

        def batches() -> Iterator[pa.RecordBatch]:
            row = 0
            for batch in corpus.batches():
                column = link_column(links, row, row + batch.num_rows)
                row += batch.num_rows
                yield replace_columns(batch, {"links": column}, metadata=metadata)

        schema = with_columns(corpus.schema, {"links": LINKS}, metadata=metadata)
        return Corpus(batches, len(corpus), corpus.origin, schema, report)

    def _links(self, corpus: Corpus, aligner: Aligner, pivots: list[Corpus]) -> Links:
        if not len(corpus):
            return joined_links([])
        if self.by_part and not self.pretrained:
            self._check_languages(aligner)
            return self._applied(corpus, aligner)
        self.tell("read", 0.0)
        bitext = encode(corpus, self._fit_corpora, lambda share: self.tell("read", share))
        sides = [encode_side(pivot) for pivot in pivots]
        self.tell("align", 0.0)
        if sides:
            if not isinstance(aligner, SoftAligner):
                raise UsageError("pivot needs the probabilities of links; use aligner native")
            return align_with_pivots(
                aligner, bitext, sides, lambda share: self.tell("align", share)
            )
        if self.save_model is not None:
            assert isinstance(aligner, NativeAligner)
            soft, model = aligner.learn(bitext, lambda share: self.tell("align", share))
            self._saved(model)
            return aligner.decide(soft)
        with identified(corpus):
            links = aligner.align(bitext, lambda share: self.tell("align", share))
            return links if isinstance(self.aligner, str) else checked(links, bitext, aligner)

    def _check_languages(self, aligner: Aligner) -> None:
        assert isinstance(aligner, NativeAligner)
        known, given = aligner.fitted_model.languages, self._language_codes
        if known and given and known != given:
            raise UsageError(
                f"the model {self.model} is for {' and '.join(known)}, not {' and '.join(given)}; "
                f"name another model, or leave out model_languages"
            )

    def _applied(self, corpus: Corpus, aligner: Aligner) -> Links:
        """The links of a fitted model, piece by piece."""
        parts, done = [], 0
        batches = ahead(corpus.select(*SIDES).batches())
        pieces = (b.slice(k, PIECE) for b in batches for k in range(0, b.num_rows, PIECE))
        for links in in_order(lambda p: aligner.align(encode_batch(p)), pieces, thread_count()):
            parts.append(links)
            done += len(links.offsets) - 1
            self.tell("align", done / len(corpus))
        return joined_links(parts)


@declare
class Align(FittedOptions):
    """Align the words of each sentence pair.

    Returns:
        The corpus with the column `links`, which replaces existing links. The links are in
        memory; the other columns are read from where the corpus is, at each pass. `.report`
        counts the links.

    Raises:
        UsageError: an option is unknown or does not go with the aligner.
        InputError: a file is missing or malformed, or is not parallel to the corpus.
        MissingExtraError: the package of the aligner is not installed.

    Example:
        >>> linked = xner.align([(["Ada", "lives"], [], ["Ada", "wohnt"])])
        >>> [(link.source, link.target) for link in linked[0].links]
        [(0, 0), (1, 1)]
    """

    name: ClassVar[str] = "align"
    figures: ClassVar[tuple[Figure, ...]] = (Figure("links"),)

    effects: ClassVar[tuple[Rule, ...]] = (
        rule(options_of(FittedOptions).keys() - {"progress"}, when(links=NOTHING)),
    )

    links: Sequence[Path] = option(
        (),
        "Read the links from these files in Pharaoh format instead of aligning. A link of a "
        "further file is used if neither of its words has a link in the files before it.",
        flag="",
        names="file",
    )

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The stage with settings from an experiment file.

        An experiment fills in its seed also for `eflomal`, which takes none but gives other links
        every time.
        """
        return super().of(without_seed(settings))

    @property
    def columns(self) -> Columns:
        """It needs both sides."""
        return Columns(("source_tokens", "target_tokens"), ("links",))

    @property
    def seeded(self) -> bool:
        """Whether another seed, or another run, gives other links."""
        return not self.links and is_random(self.aligner)

    def require(self) -> None:
        """Raise MissingExtraError if the package of the aligner is not installed."""
        if not self.links:
            self.make_aligner()

    def check(self) -> None:
        self._check_fitted()

    @property
    def costly(self) -> bool:
        """Whether the aligner runs a model."""
        return not self.links and self.pretrained

    def lengthy(self, corpus: Corpus) -> bool:
        return self.costly or (not self.links and self.applies(corpus))

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Make the links, or read them from files."""
        if self.links:
            return Prepared(KeepLinks(), with_links_from(corpus, list(map(Path, self.links))))
        return Prepared(KeepLinks(), linked(self, corpus, work))

    def stream(self, corpus: Corpus) -> Corpus:
        """Align a corpus; only its batches are read later."""
        if not self.links:
            return self.link(corpus)
        linked = with_links_from(corpus, list(map(Path, self.links)))
        report = Report(self.figures, linked.schema.metadata[LINKS_MADE_BY].decode())

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in linked.batches():
                report.add(sentences=batch.num_rows, links=len(batch["links"].flatten()))
                yield batch

        return Corpus(batches, len(linked), linked.origin, linked.schema, report)

    def __call__(self, corpus: Any) -> Corpus:
        """Align a corpus, or what `xner.Corpus.of` takes; only its batches are read later."""
        return self.stream(self.taken(corpus))


align = function_of(Align)


def _fit_corpus(bitext: Any) -> Corpus:
    if isinstance(bitext, Corpus):
        return bitext
    if isinstance(bitext, list | tuple):
        return scan(*bitext)
    return scan(bitext)


def link_column(links: Links, first: int, last: int) -> pa.ListArray:
    """The links of the rows `[first, last)` as a column."""
    begin, end = int(links.offsets[first]), int(links.offsets[last])
    parts = (part[begin:end] for part in (links.source, links.target, links.weight))
    return struct_lists(LINKS, links.offsets[first : last + 1] - begin, *parts)
