"""Stages by name, one file each: what a pipeline is made of.

A file here defines `STAGE`. A stage of one's own is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xner.corpus import Corpus
from xner.errors import UsageError

if TYPE_CHECKING:
    from xner.training.student import Trained

Settings = Mapping[str, Any]
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a stage reads and makes.

    Attributes:
        needs: those it cannot do without.
        makes: those it may make; the first it always makes. Where that one is given in the
            data, the stage is left out.
        uses: those it reads where they are there. A stage sees no other columns but `id`.
        replaces: run it even where what it makes is given.
    """

    needs: tuple[str, ...]
    makes: tuple[str, ...]
    uses: tuple[str, ...] = ()
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A function from corpus to corpus, or to a model, with what must be known to keep its result.

    Attributes:
        name: as pipelines and settings name it.
        run: gives the corpus with the columns it makes. The result may have `.summary` with
            `as_dict()` and `signature`, complete once the batches were read, and is read once.
            None for a stage that makes a model.
        columns: by settings.
        settings: names of those it takes; None where `check` can tell alone. `source_language`
            and `target_language` are filled in from the language where they are left out.
        files: those that name files or, where they exist, folders: their content counts.
        models: those that are mappings with settings of a model, its `model` a file like those
            above, its languages filled in likewise.
        taggers: those that name taggers: models of the configuration, folders, or hub ids; `learn`
            is given folders or ids.
        texts: by name of a setting, the one of `taggers` whose training text stands in where it
            is left out; `learn` is given corpora.
        each: by name of a setting, the one of `taggers` that it has a value for each of, where it
            is a list.
        listed: those that are lists by nature; any other list is a grid.
        check: raises UsageError for settings that make no sense, before anything runs, and
            MissingExtraError where a package that they need is not installed.
        seeded: whether settings take a `seed`, so that the stage is run for each.
        learn: makes a model in a folder, or goes on with what a killed run left there. The column
            that such a stage makes is `model`.
    """

    name: str
    run: Callable[[Corpus, Settings, Tell], Corpus] | None
    columns: Callable[[Settings], Columns]
    settings: tuple[str, ...] | None
    files: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    taggers: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    each: Mapping[str, str] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    check: Callable[[Settings], None] = lambda settings: None
    seeded: Callable[[Settings], bool] = lambda settings: False
    learn: Callable[[Corpus, Settings, Path, Tell], Trained] | None = None


LANGUAGES = ("source_language", "target_language")
TRANSLATOR = ("translator", "model", "beams", "device", "precision", "batch_tokens", "options")
"""Settings of stages that translate."""


def translator_options(settings: Settings, *own: str) -> dict[str, Any]:
    """Settings but the languages and the stage's `own`, with what `options` holds."""
    given = {k: v for k, v in settings.items() if k not in ("options", *LANGUAGES, *own)}
    return {**given, **settings.get("options", {})}


def streamed(
    stream: Callable[[], Iterator[pa.RecordBatch]], summary: Any, given: Corpus, schema: pa.Schema
) -> Corpus:
    """The corpus that a stage makes batch by batch, as it is written.

    Args:
        stream: yields the batches; called once.
        summary: grows as they come; its `seconds` are set at the end.
        given: what the stage was given, which has as many rows.
        schema: of the batches.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        begin = perf_counter()
        yield from stream()
        summary.seconds = perf_counter() - begin

    made = Corpus(batches, len(given), given.origin, schema)
    made.summary = summary
    return made


MODEL = "model"
"""What stands for the column of a stage that makes a model."""

_REGISTERED: dict[str, Stage] = {}


def register(stage: Stage) -> None:
    """Make a stage known by its name, in place of one that has it."""
    _REGISTERED[stage.name] = stage


def registered() -> list[str]:
    """Names of the stages that were registered in this process."""
    return sorted(_REGISTERED)


def stage_names() -> list[str]:
    """Every stage that can be named."""
    return sorted({*_REGISTERED, *(module.name for module in iter_modules(__path__))})


def find_stage(name: str) -> Stage:
    """The stage of that name.

    Raises:
        UsageError: there is none.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if not name.isidentifier() or find_spec(f"{__name__}.{name}") is None:
        raise UsageError(
            f"there is no stage {name!r}; there are {', '.join(stage_names())}, and others can "
            f"be registered (docs/running.md)"
        )
    stage = import_module(f"{__name__}.{name}").STAGE
    assert isinstance(stage, Stage)
    return stage
