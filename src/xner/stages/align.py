"""The stage `align`: word links between the two sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Self

import pyarrow as pa

from xner.aligners import ALIGNERS, Aligner, aligner_class, make_aligner
from xner.aligners.bitext import Links, checked, joined_links
from xner.aligners.encode import SIDES, encode, encode_batch, encode_sample, encode_side
from xner.aligners.model import AlignmentModel
from xner.aligners.native import NativeAligner
from xner.aligners.pivot import SoftAligner, align_with_pivots
from xner.columns import LINKS, LINKS_MADE_BY, replace_columns, struct_lists, with_columns
from xner.corpus import Corpus, StrPath, scan, scan_side
from xner.corpus import with_links as with_links_from
from xner.errors import UsageError
from xner.options import Option, declare, option, options_of, shown_default
from xner.overlap import ahead
from xner.report import Figure, Report
from xner.stages.base import Columns, Stage, function_of
from xner.stages.linking import KeepLinks, linked
from xner.stages.work import Prepared, Work

Bitext = Corpus | StrPath | tuple[StrPath, StrPath]
_CLASSES = {name: aligner_class(name) for name in ALIGNERS}
_GROUP = "word aligner"
_BOUNDS = ("ge", "gt", "le", "lt")


def _owners(name: str) -> dict[str, Option]:
    """The declarations of an option by the aligners that take it."""
    found = {aligner: options_of(kind).get(name) for aligner, kind in _CLASSES.items()}
    return {aligner: declared for aligner, declared in found.items() if declared is not None}


def _of_aligners(name: str, **declared: Any) -> Any:
    """An option that aligners declare; None stands for the default of the chosen aligner."""
    owners = _owners(name)
    first = next(iter(owners.values()))
    defaults: dict[str, list[str]] = {}
    for aligner, each in owners.items():
        defaults.setdefault(shown_default(each), []).append(aligner)
    shown = [
        value if len(defaults) == 1 else f"{value} ({', '.join(names)})"
        for value, names in defaults.items()
        if value
    ]
    helps: dict[str, list[str]] = {}
    for aligner, each in owners.items():
        helps.setdefault(each.help, []).append(aligner)
    text = first.help if len(helps) == 1 else " ".join(
        f"{_joined(names)}: {text}" for text, names in helps.items()
    )  # fmt: skip
    only = f" Only for {_joined(list(owners))}." if len(helps) == 1 else ""
    choices = tuple(dict.fromkeys(chain.from_iterable(each.choices for each in owners.values())))
    bounds = {name: {getattr(each, name) for each in owners.values()} for name in _BOUNDS}
    return option(
        None,
        text + only,
        choices=choices,
        **{name: values.pop() for name, values in bounds.items() if len(values) == 1},
        default_text=", ".join(shown),
        unit=first.unit,
        group=_GROUP,
        **declared,
    )


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@declare
class AlignerOptions(Stage):
    """A stage that can align words: the aligner and its options."""

    aligner: str | Aligner = option(
        "native",
        "Word aligner: `native` needs no model and no other package, `eflomal` and `fast_align` "
        "are other statistical aligners, `simalign` and `awesome` use a pretrained encoder. In "
        "Python also an object with `align(bitext)` and `signature`.",
        choices=ALIGNERS,
        group=_GROUP,
    )
    seed: int | None = _of_aligners("seed")
    symmetrisation: str | None = _of_aligners("symmetrisation")
    threshold: float | None = _of_aligners("threshold", flag="--link-threshold")
    chains: int | None = _of_aligners("chains")
    effort: float | None = _of_aligners("effort")
    fit_pairs: int | None = _of_aligners("fit_pairs")
    iterations: int | None = _of_aligners("iterations")
    favor_diagonal: bool | None = _of_aligners("favor_diagonal", flag="")
    model: str | Path | AlignmentModel | None = _of_aligners("model", names="model")
    layer: int | None = _of_aligners("layer")
    matching: str | None = _of_aligners("matching")
    token_type: str | None = _of_aligners("token_type")
    distortion: float | None = _of_aligners("distortion")
    extraction: str | None = _of_aligners("extraction")
    device: str | None = _of_aligners("device")
    precision: str | None = _of_aligners("precision")
    batch_tokens: int | None = _of_aligners("batch_tokens")

    @property
    def aligner_options(self) -> dict[str, Any]:
        """The options of the aligner that were given."""
        names = (name for name in options_of(AlignerOptions) if name not in _NOT_OF_ALIGNERS)
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return given | ({"model": str(self.model)} if isinstance(self.model, Path) else {})

    def make_aligner(self) -> Aligner:
        """The aligner with its options.

        Raises:
            UsageError: the aligner does not take an option.
            MissingExtraError: its package is not installed.
        """
        if isinstance(self.aligner, str):
            return make_aligner(self.aligner, self.aligner_options)
        if self.aligner_options:
            raise UsageError(
                f"aligner is an object, so {next(iter(self.aligner_options))} would have no "
                f"effect; leave it out"
            )
        return self.aligner

    @property
    def pretrained(self) -> bool:
        """Whether the aligner is a pretrained encoder, which is not fitted on the corpus."""
        return isinstance(self.aligner, str) and not _CLASSES[self.aligner].fitted

    @property
    def by_part(self) -> bool:
        """Whether the links of a sentence pair do not depend on other pairs."""
        return self.pretrained or (self.aligner == "native" and self.model is not None)

    def with_aligner(self) -> Self:
        """The stage with its aligner as an object, which keeps a model for several parts."""
        return replace(self, **_NO_ALIGNER, aligner=self.make_aligner())


_NOT_OF_ALIGNERS = {"aligner", *options_of(Stage)}
_NO_ALIGNER = {name: None for name in options_of(AlignerOptions) if name not in _NOT_OF_ALIGNERS}
_NOT_FITTED: dict[str, Any] = {"fit_on": (), "pivot": (), "save_model": None}


@declare
class FittedOptions(AlignerOptions):
    """Options of stages that align the two sides of a corpus: more text to learn from."""

    fit_on: Sequence[Bitext] = option(
        (),
        "More bitext in the same languages to fit the aligner on: a source and a target file, or "
        "one file with both sides. In Python also corpora. Only the corpus itself gets links.",
        unit="FILE",
        nargs="+",
        repeat=True,
        group=_GROUP,
        names="file",
    )
    pivot: Sequence[StrPath] = option(
        (),
        "The same sentences in another language, as tokenised text parallel by row. Links through "
        "this language are averaged with the direct ones. Only for native.",
        unit="FILE",
        repeat=True,
        group=_GROUP,
        names="file",
    )

    save_model: Path | None = option(
        None,
        "Save the fitted model of the aligner to this file, for `--model`. Only for native.",
        unit="MODEL",
        group=_GROUP,
        in_experiments=False,
    )

    def without_aligner(self) -> Self:
        """The stage for a corpus that has links."""
        options = {**_NO_ALIGNER, **_NOT_FITTED}
        return replace(self, **options, aligner="native")

    def with_model(self, model: Path | AlignmentModel) -> Self:
        """The stage with a fitted model, for corpora of any size."""
        kept = {name: getattr(self, name) for name in ("seed", "effort", "symmetrisation",
                                                      "threshold")}  # fmt: skip
        options = {**_NO_ALIGNER, **_NOT_FITTED, **kept, "model": model}
        return replace(self, **options, aligner="native")

    def samples(self, corpus: Corpus) -> bool:
        """Whether the aligner is fitted on a sample of a corpus, and then applied to all of it."""
        if self.aligner != "native" or self.by_part or self.pivot:
            return False
        aligner = self.make_aligner()
        assert isinstance(aligner, NativeAligner)
        return sum(map(len, [corpus, *self._fit_corpora])) > aligner.fit_pairs

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
        if self.save_model is not None:
            model.save(Path(self.save_model))
        return model

    @property
    def _fit_corpora(self) -> list[Corpus]:
        return [_fit_corpus(bitext) for bitext in self.fit_on]

    def _check_fitted(self) -> None:
        kind = _CLASSES[self.aligner] if isinstance(self.aligner, str) else type(self.aligner)
        if self.fit_on and not getattr(kind, "fitted", True):
            raise UsageError(f"fit_on does not go with aligner {self.aligner}: it is not fitted")
        if self.save_model is not None and (self.aligner != "native" or self.pivot):
            raise UsageError("save_model saves the model of aligner native, without pivot")
        if self.aligner == "native" and self.model is not None:
            for name in ("fit_on", "pivot", "save_model", "chains", "fit_pairs"):
                if getattr(self, name):
                    raise UsageError(
                        f"model is a fitted model, so {name} would have no effect; leave it out"
                    )
        for files in self.fit_on:
            if isinstance(files, list | tuple) and len(files) > 2:
                raise UsageError(
                    f"fit_on has {len(files)} files for one bitext; give a source and a target "
                    f"file, or one file with both sides (on the command line after SOURCE and "
                    f"TARGET, once per bitext)"
                )
        if self.pivot and not getattr(kind, "pivots", isinstance(self.aligner, SoftAligner)):
            raise UsageError("pivot needs the probabilities of links; use aligner native")

    @property
    def given_for_links(self) -> list[str]:
        """Names of the options that matter only if the corpus is aligned."""
        texts = [name for name in ("fit_on", "pivot", "save_model") if getattr(self, name)]
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
            model.save(Path(self.save_model))
            return aligner.decide(soft)
        links = aligner.align(bitext, lambda share: self.tell("align", share))
        return links if isinstance(self.aligner, str) else checked(links, bitext, aligner)

    def _applied(self, corpus: Corpus, aligner: Aligner) -> Links:
        """The links of a fitted model, batch by batch."""
        parts, done = [], 0
        for batch in ahead(corpus.select(*SIDES).batches()):
            parts.append(aligner.align(encode_batch(batch)))
            done += batch.num_rows
            self.tell("align", done / len(corpus))
        return joined_links(parts)


@declare
class Align(FittedOptions):
    """Align the words of each sentence pair.

    Returns:
        The corpus with the column `links`, which replaces links that it has. The links are in
        memory; the other columns are read from where the corpus is, at each pass. `.report`
        counts the links.

    Raises:
        UsageError: an option is unknown or does not go with the aligner.
        InputError: a file is missing or malformed, or is not parallel to the corpus.
        MissingExtraError: the package of the aligner is not installed.
    """

    name: ClassVar[str] = "align"
    figures: ClassVar[tuple[Figure, ...]] = (Figure("links"),)

    links: Sequence[Path] = option(
        (),
        "Read the links from these files in Pharaoh form instead of aligning. Links of each "
        "further file are used between words that have none from the files before it.",
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
        if self.links and (given := self.given_for_links):
            raise UsageError(
                f"links are read from files, so {given[0]} would have no effect; leave it out"
            )
        self._check_fitted()

    @property
    def costly(self) -> bool:
        """Whether the aligner runs a model."""
        return not self.links and self.pretrained

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

    def __call__(self, corpus: Corpus) -> Corpus:
        """Align a corpus; only its batches are read later."""
        return self.stream(corpus)


align = function_of(Align)


def takes(aligner: str | Aligner, name: str) -> bool:
    """Whether an aligner takes an option."""
    return isinstance(aligner, str) and aligner in _owners(name)


def is_random(aligner: str | Aligner) -> bool:
    """Whether an aligner gives other links for another seed, or in every run."""
    return isinstance(aligner, str) and bool(getattr(_CLASSES.get(aligner), "random", False))


def without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without the seed of the run, if the aligner takes none."""
    aligner = settings.get("aligner", "native")
    varies = is_random(aligner) and not takes(aligner, "seed")
    return {name: v for name, v in settings.items() if name != "seed" or not varies}


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
