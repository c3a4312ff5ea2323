"""The base classes of stages: options, columns to read and write, and work batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, Self

import pyarrow as pa

from xner.corpus import Corpus, StrPath, as_corpus, is_columns
from xner.effects import Rule
from xner.errors import InputError, UsageError, unknown
from xner.hints import wrapped
from xner.options import (
    UNSET,
    Option,
    build,
    declare,
    is_given,
    option,
    options_of,
    refuse_idle,
    settle,
    types_of,
)
from xner.report import Figure, Progress, Report, silent
from xner.stages.documented import documented
from xner.stages.work import KERNEL_ROWS, MODEL_ROWS, Prepared, Work

if TYPE_CHECKING:
    from xner.training.student import Trained

P = ParamSpec("P")
MODEL = "model"
"""Stands for the column of a stage that trains a model."""
_REUSED = 32
"""Instances of a stage that are kept: checking options takes as long as projecting a sentence."""
_PLAIN = {str, int, float, bool, type(None)}
"""Types of options with which an instance holds nothing else, such as a model."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a stage reads and writes.

    Attributes:
        needs: columns that it requires.
        makes: columns that it can write; it always writes the first. An experiment skips the
            stage if its data has that column.
        uses: columns that it reads if they are there. In an experiment a stage sees no other
            columns than these, those it needs, and `id`.
        replaces: an experiment runs the stage even if its data has the column.
    """

    needs: tuple[str, ...]
    makes: tuple[str, ...]
    uses: tuple[str, ...] = ()
    replaces: bool = False


@declare
class Stage:
    """A step of a pipeline: its fields are its options; calling it runs it on a corpus.

    A custom stage defines `name`, `columns` and `batches`, and is made known to experiments
    with `xner.stages.register`.

    Attributes:
        name: name in experiment files and reports.
        figures: what it reports in addition to sentences, seconds and signature.
        effects: conditions that several options need to have an effect.
    """

    name: ClassVar[str] = ""
    figures: ClassVar[tuple[Figure, ...]] = ()
    not_in_experiments: ClassVar[frozenset[str]] = frozenset()
    effects: ClassVar[tuple[Rule, ...]] = ()

    progress: Progress | None = option(
        None,
        "Function that is called with the name of the stage and the share that is done.",
        flag="",
        in_experiments=False,
    )

    def __post_init__(self) -> None:
        changed = settle(self)
        if of_mixin := getattr(super(), "__post_init__", None):
            of_mixin()
        self.check()
        refuse_idle(self, changed)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The stage with settings from an experiment file; a list may be given as its one item.

        Raises:
            UsageError: a setting is unknown or missing, or a value does not fit.
        """
        types = types_of(cls)
        values = {name: wrapped(value, types.get(name)) for name, value in settings.items()}
        return build(cls, values, "setting")

    @classmethod
    def stand_in(cls, settings: Mapping[str, Any]) -> Self:
        """The stage as far as it is known before a run fills in languages and models."""
        known = {name: o.stand_in for name, o in options_of(cls).items()}
        filled = {name: value for name, value in known.items() if value is not UNSET}
        return cls.of({**filled, **settings})

    @classmethod
    def settings(cls) -> dict[str, Option]:
        """The options that experiment files can set, by name."""
        return {
            name: declared
            for name, declared in options_of(cls).items()
            if declared.in_experiments and name not in cls.not_in_experiments
        }

    @property
    def columns(self) -> Columns:
        """The columns that it reads and writes, with its options."""
        raise NotImplementedError(f"{type(self).__name__} does not define columns")

    @property
    def signature(self) -> str:
        """Version, options and models that decide the result, as far as known before the run."""
        return ""

    @property
    def seeded(self) -> bool:
        """Whether an experiment runs it once per seed."""
        return False

    def require(self) -> None:
        """Raise MissingExtraError if a package that it needs is not installed."""

    def ready(self) -> None:
        """Check what a run needs beyond valid options, before an experiment begins.

        Raises:
            UsageError: an option is missing.
            InputError: a model is not there.
            MissingExtraError: a package is not installed.
        """

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        if of_mixin := getattr(super(), "check", None):
            of_mixin()

    def batches(self, corpus: Corpus, report: Report) -> Iterator[pa.RecordBatch]:
        """Yield the result batch by batch, and fill the report."""
        raise NotImplementedError(f"{type(self).__name__} does not define batches")

    def schema(self, corpus: Corpus) -> pa.Schema:
        """The schema of the result."""
        return corpus.schema

    @property
    def costly(self) -> bool:
        """Whether it runs a model."""
        return False

    def lengthy(self, corpus: Corpus) -> bool:
        """Whether a job on this corpus keeps finished parts also for a single file."""
        return self.costly

    @property
    def threaded(self) -> bool:
        """Whether several threads may run it on different parts of a corpus at the same time."""
        return False

    def takes_dictionaries(self, corpus: Corpus) -> bool:
        """Whether tokens may be `xner.columns.WORD_TYPES`, which are read faster than strings."""
        return False

    @property
    def part_rows(self) -> int:
        """Rows of the parts of a job by default."""
        return MODEL_ROWS if self.costly else KERNEL_ROWS

    def prepare(self, corpus: Corpus, work: Work) -> Prepared:
        """Do what depends on the whole corpus; what remains works on any part of it alone."""
        return Prepared(self, corpus)

    def loaded(self) -> Stage:
        """The stage with its models and statistics in memory, for several parts."""
        return self

    @property
    def tell(self) -> Progress:
        """The function that hears of progress."""
        return self.progress or silent

    def stream(self, corpus: Corpus) -> Corpus:
        """The result as a corpus that runs the stage while it is read.

        Returns:
            A corpus to be read once; its report is complete when all batches were read.
        """
        report = Report(self.figures, self.signature)

        def batches() -> Iterator[pa.RecordBatch]:
            begin = perf_counter()
            yield from self.batches(corpus, report)
            report.seconds = perf_counter() - begin

        return Corpus(batches, len(corpus), corpus.origin, self.schema(corpus), report)

    def __call__(self, corpus: Any) -> Corpus:
        """Run the stage; the result is in memory, with a complete report.

        Args:
            corpus: a corpus, or anything that `xner.Corpus.of` takes.
        """
        return self.stream(self.taken(corpus)).collect()

    def fitting(self, corpus: Corpus) -> Corpus:
        """The corpus without rows that are bad in files which are parallel to it.

        Only files that options of the stage name are read here, and only if the corpus was opened
        with `on_bad_row="quarantine"`.
        """
        return corpus

    def taken(self, given: Any) -> Corpus:
        """What a program hands over, as a corpus; columns that name no side belong to its own."""
        if isinstance(given, Corpus):
            return self.fitting(given)
        sides = self._sides
        return as_corpus(given, sides[0] if len(sides) == 1 else "source", len(sides) == 1)

    @cached_property
    def _sides(self) -> list[str]:
        """The sides whose words it needs."""
        needs = self.columns.needs
        return [name.removesuffix("_tokens") for name in needs if name.endswith("_tokens")]


@declare
class Learner(Stage):
    """A stage that trains a model in a folder."""

    resume: bool = option(
        False,
        "Resume an interrupted run from its last epoch.",
        group="running",
        in_experiments=False,
    )

    def learn(self, corpora: Any, output: StrPath) -> Trained:
        """Train the model, or resume an interrupted run."""
        raise NotImplementedError(f"{type(self).__name__} does not define learn")

    @property
    def seeded(self) -> bool:
        """A student depends on its seed."""
        return True


def function_of(stage: Callable[P, Stage]) -> Callable[Concatenate[Any, P], Corpus]:
    """The public function of a stage: a corpus and the options of the stage as keywords."""

    @lru_cache(_REUSED)
    def reused(given: tuple[tuple[str, type, Any], ...]) -> Stage:
        return _checked(stage, (), {name: value for name, _, value in given})

    def run(corpus: Any, *args: P.args, **options: P.kwargs) -> Any:
        if args or not all(type(value) in _PLAIN for value in options.values()):
            made = _checked(stage, args, options)
        else:
            made = reused(tuple((name, type(value), value) for name, value in options.items()))
        result = made(corpus)
        return _new_columns(corpus, made, result) if is_columns(corpus) else result

    public: Callable[Concatenate[Any, P], Corpus] = documented(run, stage)
    return public


def _checked(
    stage: Callable[..., Stage], args: tuple[Any, ...], options: Mapping[str, Any]
) -> Stage:
    """The stage with these options."""
    try:
        made = stage(*args, **options)
    except TypeError as error:
        raise unfit(stage, options, error) from None
    refuse_idle(made, [name for name, value in options.items() if is_given(value)])
    return made


def _new_columns(given: Mapping[str, Any], stage: Stage, result: Corpus) -> dict[str, list[Any]]:
    """The columns that a stage made from a mapping of columns, as lists."""
    old = {*given, *(f"{side}_{name}" for side in ("source", "target") for name in given)}
    made = [name for name in result.columns if name in stage.columns.makes or name not in old]
    return {name: result.table[name].to_pylist() for name in made}


def unfit(stage: Callable[..., Any], given: Mapping[str, Any], error: TypeError) -> Exception:
    """The error for arguments that the constructor of a stage does not take."""
    known = options_of(stage)
    for name in given:
        if name not in known:
            return unknown("option", name, known)
    if "positional arguments but" in str(error) or "positional argument but" in str(error):
        return UsageError("options are given by name, such as seed=1")
    return error if "required" not in str(error) else UsageError(str(error).partition("() ")[2])


def require_columns(corpus: Corpus, *names: str) -> None:
    """Raise InputError if a corpus lacks a column."""
    held = corpus.columns
    if missing := [name for name in names if name not in held]:
        hint = "; label the source side first (xner tag)" if missing[0] == "source_entities" else ""
        raise InputError(
            f"{corpus.origin}: has no column {missing[0]!r}; it has {', '.join(held)}{hint}"
        )
