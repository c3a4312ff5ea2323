"""A configuration of `xner run`: read, checked, and with every row spelled out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xner.corpus import StrPath
from xner.errors import UsageError
from xner.experiments import checks, yaml_files
from xner.experiments.datasets import load_data
from xner.experiments.stages import stage_names
from xner.experiments.systems import System, aligner_choices, checked, make_systems

FORMATS = ("conll", "jsonl", "panx", "parquet", "text")
_KEYS = (
    "title",
    "output",
    "data",
    "languages",
    "source_code",
    "aligners",
    "pipelines",
    "stages",
    "seeds",
    "ignore",
    "bootstrap",
    "baseline",
    "published",
    "write",
)
_LANGUAGE_KEYS = ("source", "target", "gold", "source_code", "target_code")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file, and its format where the suffix does not say it."""

    path: Path
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """A column of the table.

    Attributes:
        name: as it is written there, and for `{language}` in the names of files.
        source: text in the source language; its labels are used where it has them.
        target: text in the target language, by default that of `gold`.
        gold: the labels that the target text is scored on.
        source_code, target_code: what the translator calls the languages.
    """

    name: str
    source: DataFile | None
    target: DataFile | None
    gold: DataFile | None
    source_code: str
    target_code: str


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Confidence intervals: how often sentences are drawn, by which seed, and what they hold."""

    samples: int = 1000
    seed: int = 1
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Published:
    """A row of figures from elsewhere: F1 by language, from 0 to 1."""

    name: str
    cells: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything that a run needs.

    Attributes:
        origin: the file it was read from, for messages.
        folder: what relative paths are relative to.
        output: folder of results.
        title: of the page of results.
        languages: columns of the table.
        systems: its rows.
        seeds: each row that takes a seed is run with each.
        ignore: labels that do not count.
        bootstrap: of the intervals.
        baseline: name of the row that others are compared with, by default the first.
        published: further rows.
        write: suffix of the labelled files to write, or None.
        notes: what was left out, a line each.
    """

    origin: str
    folder: Path
    output: Path
    title: str
    languages: tuple[Language, ...]
    systems: tuple[System, ...]
    seeds: tuple[int, ...]
    ignore: tuple[str, ...]
    bootstrap: Bootstrap
    baseline: str | None
    published: tuple[Published, ...]
    write: str | None
    notes: tuple[str, ...]


def load(config: StrPath | Mapping[str, Any], output: StrPath | None = None) -> Experiment:
    """Read and check a configuration.

    Args:
        config: a YAML file, or its content; then paths are relative to the working directory.
        output: folder of results, instead of the one that is configured.

    Raises:
        UsageError: a key, name or setting is unknown or makes no sense.
        InputError: a file cannot be read.
        MissingExtraError: an aligner's package is missing, and it is not optional.
    """
    if isinstance(config, Mapping):
        given, origin, folder = config, "config", Path()
    else:
        path = Path(config)
        given, origin, folder = yaml_files.load(path), str(path), path.parent
    content = checks.mapping(given, origin)
    if not content:
        raise UsageError(f"{origin}: is empty; docs/running.md has an example")
    checks.check_keys(content, _KEYS, origin)
    made = _experiment(content, origin, folder)
    return made if output is None else replace(made, output=Path(output))


def _experiment(content: Mapping[str, Any], origin: str, folder: Path) -> Experiment:
    languages = _languages(content, origin, folder)
    shared = {
        name: checks.mapping(value, f"{origin}: stages.{name}")
        for name, value in checks.mapping(content.get("stages"), f"{origin}: stages").items()
    }
    checks.check_keys(shared, stage_names(), f"{origin}: stages")
    aligners = aligner_choices(
        content.get("aligners"), f"{origin}: aligners", shared.get("align", {})
    )
    entries = checks.listed(content.get("pipelines"), f"{origin}: pipelines")
    if not entries:
        raise UsageError(f"{origin}: names no pipelines; give at least one, such as [project]")
    systems = make_systems(entries, aligners, shared, f"{origin}: pipelines")
    kept, notes = checked(systems, aligners, origin)
    seeds = checks.listed(content.get("seeds", [1]), f"{origin}: seeds")
    if not seeds or len(set(map(str, seeds))) < len(seeds):
        raise UsageError(f"{origin}: seeds: give at least one, and each of them once")
    return Experiment(
        origin=origin,
        folder=folder,
        output=folder / checks.text(content.get("output", "results"), f"{origin}: output"),
        title=checks.text(content.get("title", "Results"), f"{origin}: title"),
        languages=tuple(languages),
        systems=tuple(kept),
        seeds=tuple(checks.whole(seed, f"{origin}: seeds") for seed in seeds),
        ignore=_texts(content, "ignore", origin),
        bootstrap=_bootstrap(content.get("bootstrap"), f"{origin}: bootstrap"),
        baseline=_baseline(content.get("baseline"), kept, f"{origin}: baseline"),
        published=_published(content, [language.name for language in languages], origin),
        write=_write(content.get("write"), f"{origin}: write"),
        notes=tuple(notes),
    )


def _texts(content: Mapping[str, Any], key: str, origin: str) -> tuple[str, ...]:
    place = f"{origin}: {key}"
    return tuple(checks.text(value, place) for value in checks.listed(content.get(key), place))


def _languages(content: Mapping[str, Any], origin: str, folder: Path) -> list[Language]:
    sets = content.get("data") or []
    entries: dict[str, dict[str, Any]] = {}
    for i, given in enumerate([sets] if isinstance(sets, Mapping) else sets):
        place = f"{origin}: data[{i + 1}]"
        for name, entry in load_data(checks.mapping(given, place), folder, place).items():
            if name in entries:
                raise UsageError(f"{place}: the language {name!r} is there already")
            entries[name] = entry
    own = checks.mapping(content.get("languages"), f"{origin}: languages")
    for name, value in own.items():
        place = f"{origin}: languages.{name}"
        given = checks.mapping(value, place)
        checks.check_keys(given, _LANGUAGE_KEYS, place)
        entries[name] = {**entries.get(name, {}), **given}
    if not entries:
        raise UsageError(f"{origin}: has neither languages nor data; docs/running.md shows them")
    code = checks.text(content.get("source_code", "en"), f"{origin}: source_code")
    return [_language(name, entry, code, origin, folder) for name, entry in entries.items()]


def _language(
    name: str, entry: Mapping[str, Any], code: str, origin: str, folder: Path
) -> Language:
    place = f"{origin}: languages.{name}"
    files = {
        side: _file(entry[side], folder, f"{place}.{side}")
        for side in ("source", "target", "gold")
        if entry.get(side) is not None
    }
    if not files:
        raise UsageError(f"{place}: names no file; give source, target or gold")
    return Language(
        name,
        files.get("source"),
        files.get("target"),
        files.get("gold"),
        checks.text(entry.get("source_code", code), f"{place}.source_code"),
        checks.text(entry.get("target_code", name), f"{place}.target_code"),
    )


def _file(value: Any, folder: Path, place: str) -> DataFile:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, Mapping):
        return DataFile(folder / checks.text(value, place))
    checks.check_keys(value, ("file", "format"), place)
    form = value.get("format")
    if form is not None and form not in FORMATS:
        raise checks.unknown("format", form, FORMATS, place)
    return DataFile(folder / checks.text(value.get("file"), f"{place}.file"), form)


def _bootstrap(given: Any, place: str) -> Bootstrap:
    values = checks.mapping(given, place)
    checks.check_keys(values, ("samples", "seed", "level"), place)
    made = Bootstrap(
        checks.whole(values.get("samples", 1000), f"{place}.samples", 1),
        checks.whole(values.get("seed", 1), f"{place}.seed"),
        checks.share(values.get("level", 0.95), f"{place}.level"),
    )
    if not 0 < made.level < 1:
        raise UsageError(f"{place}.level: should lie between 0 and 1")
    return made


def _baseline(name: Any, systems: list[System], place: str) -> str | None:
    if name is None:
        return None
    names = sorted({system.name for system in systems})
    if name not in names:
        raise checks.unknown("row", name, names, place)
    return str(name)


def _published(content: Mapping[str, Any], known: list[str], origin: str) -> tuple[Published, ...]:
    made = []
    for i, value in enumerate(checks.listed(content.get("published"), f"{origin}: published")):
        place = f"{origin}: published[{i + 1}]"
        row = checks.mapping(value, place)
        checks.check_keys(row, ("name", "f1"), place)
        cells = checks.mapping(row.get("f1"), f"{place}.f1")
        checks.check_keys(cells, known, f"{place}.f1")
        figures = {key: checks.share(cell, f"{place}.f1.{key}") for key, cell in cells.items()}
        made.append(Published(checks.text(row.get("name"), f"{place}.name"), figures))
    return tuple(made)


def _write(value: Any, place: str) -> str | None:
    if value is None:
        return None
    if value not in ("conll", "jsonl", "parquet"):
        raise checks.unknown("format", value, ("conll", "jsonl", "parquet"), place)
    return f".{value}"
