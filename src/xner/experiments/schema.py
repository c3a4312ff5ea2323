"""The format of experiment files (docs/running.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1)]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1)]
Seed = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Settings = dict[str, Any]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping with fixed keys."""


class FileEntry(Section, frozen=True):
    """A file whose suffix does not tell its format, or that is not UTF-8."""

    file: Text
    format: Literal["conll", "jsonl", "panx", "parquet", "text"] | None = None
    encoding: Text | None = None


class Sides(Section, frozen=True):
    """Files of source and target text."""

    source: Text | FileEntry | None = None
    target: Text | FileEntry | None = None


class ModelData(Sides, frozen=True):
    """Training text of a model, and the codes of its languages for the translator."""

    source_code: Text | None = None
    target_code: Text | None = None


class LanguageEntry(ModelData, frozen=True):
    """A language: text, gold labels, and training text of students."""

    gold: Text | FileEntry | None = None
    train: Sides | None = None


class DataSet(Section, frozen=True):
    """A published data set in a folder or on the hub, which provides one language or several."""

    loader: Text
    folder: Text | None = None
    hub: Text | None = None
    config: Text | None = None
    languages: Texts | None = None
    split: Text = "test"
    source: Text = "en"
    encoding: Text | None = None


class Row(Section, frozen=True):
    """A row of the table; the settings of each step of its pipeline are further keys."""

    pipeline: Text
    name: Text | None = None
    aligners: Texts | None = None
    languages: Texts | None = None


class ModelRow(Section, frozen=True):
    """A model; the settings of each step of its pipeline are further keys."""

    pipeline: Text = "train"
    aligners: Texts | None = None
    language: Text | None = None
    data: ModelData | None = None


class Bootstrap(Section, frozen=True):
    """Confidence intervals: number of resamples, random seed and confidence level."""

    samples: Annotated[int, Meta(ge=1)] = 1000
    seed: Seed = 1
    level: Annotated[float, Meta(gt=0, lt=1)] = 0.95


class Published(Section, frozen=True):
    """Published figures: F1 by language, from 0 to 1.

    `row` and `aligner` name the row of the table that they stand beside, and `source` says where
    they are published.
    """

    name: Text
    f1: dict[str, Share]
    row: Text | None = None
    aligner: Text | None = None
    source: Text | None = None


class File(Section, frozen=True):
    """An experiment file.

    Rows, models and aligners are checked later, because their keys depend on pipelines and stages.
    """

    pipelines: Annotated[tuple[Text | Settings, ...], Meta(min_length=1)]
    title: Text = "Results"
    output: Text = "results"
    data: DataSet | tuple[DataSet, ...] = ()
    languages: dict[str, LanguageEntry] = {}
    source_code: Text = "en"
    encoding: Text | None = None
    aligners: Texts | Annotated[dict[str, Settings | None], Meta(min_length=1)] = ("native",)
    models: dict[str, Settings | Text | None] = {}
    stages: dict[str, Settings | None] = {}
    seeds: Annotated[tuple[Seed, ...], Meta(min_length=1)] = (1,)
    ignore: tuple[Text, ...] = ()
    bootstrap: Bootstrap = Bootstrap()
    baseline: Text | None = None
    compare: tuple[tuple[Text, Text], ...] = ()
    groups: dict[str, Texts] = {}
    published: tuple[Published, ...] | Text = ()
    write: Literal["conll", "jsonl", "parquet"] | None = None
