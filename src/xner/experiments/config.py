"""A configuration of `xner run`: read, checked, and with every row spelled out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xner.corpus import StrPath
from xner.errors import UsageError
from xner.experiments import checks, yaml_files
from xner.experiments.language import Language, find_languages, source_code
from xner.experiments.models import Model, find_models
from xner.experiments.systems import System, aligner_choices, checked, make_systems
from xner.stages import stage_names

_KEYS = (
    "title",
    "output",
    "data",
    "languages",
    "source_code",
    "aligners",
    "models",
    "pipelines",
    "stages",
    "seeds",
    "ignore",
    "bootstrap",
    "baseline",
    "compare",
    "groups",
    "published",
    "write",
)


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
        models: by name, what rows may name as a teacher or as what a student starts from.
        seeds: each row that takes a seed is run with each.
        ignore: labels that do not count.
        bootstrap: of the intervals.
        baseline: name of the row that others are compared with, by default the first.
        compare: pairs of rows that are compared, the second's F1 taken from the first's.
        groups: languages by the name of their group, such as those with few resources.
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
    models: Mapping[str, Model]
    seeds: tuple[int, ...]
    ignore: tuple[str, ...]
    bootstrap: Bootstrap
    baseline: str | None
    compare: tuple[tuple[str, str], ...]
    groups: Mapping[str, tuple[str, ...]]
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
    languages = find_languages(content, origin, folder)
    shared = _shared(content.get("stages"), f"{origin}: stages")
    aligners = aligner_choices(
        content.get("aligners"), f"{origin}: aligners", shared.get("align", {})
    )
    entries = checks.listed(content.get("pipelines"), f"{origin}: pipelines")
    if not entries:
        raise UsageError(f"{origin}: names no pipelines; give at least one, such as [project]")
    systems = make_systems(entries, aligners, shared, f"{origin}: pipelines")
    code = source_code(content, origin)
    models = find_models(
        content.get("models"), languages, aligners, shared, code, folder, f"{origin}: models"
    )
    kept, notes = checked(systems, aligners, origin)
    checked([model.system for model in models.values()], [], f"{origin}: models")
    names = [language.name for language in languages]
    for system in kept:
        _check_known(system.languages or (), names, "language", f"{origin}: {system.name}")
    return Experiment(
        origin=origin,
        folder=folder,
        output=folder / checks.text(content.get("output", "results"), f"{origin}: output"),
        title=checks.text(content.get("title", "Results"), f"{origin}: title"),
        languages=tuple(languages),
        systems=tuple(kept),
        models=models,
        seeds=_seeds(content.get("seeds", [1]), f"{origin}: seeds"),
        ignore=_texts(content, "ignore", origin),
        bootstrap=_bootstrap(content.get("bootstrap"), f"{origin}: bootstrap"),
        baseline=_baseline(content.get("baseline"), kept, f"{origin}: baseline"),
        compare=_compare(content.get("compare"), systems, kept, f"{origin}: compare"),
        groups=_groups(content.get("groups"), names, f"{origin}: groups"),
        published=_published(content, names, origin),
        write=_write(content.get("write"), f"{origin}: write"),
        notes=tuple(notes),
    )


def _shared(given: Any, place: str) -> dict[str, Mapping[str, Any]]:
    """The section `stages`: settings by stage."""
    stages = checks.mapping(given, place)
    checks.check_keys(stages, stage_names(), place)
    return {name: checks.mapping(value, f"{place}.{name}") for name, value in stages.items()}


def _seeds(given: Any, place: str) -> tuple[int, ...]:
    seeds = checks.listed(given, place)
    if not seeds or len(set(map(str, seeds))) < len(seeds):
        raise UsageError(f"{place}: give at least one, and each of them once")
    return tuple(checks.whole(seed, place) for seed in seeds)


def _texts(content: Mapping[str, Any], key: str, origin: str) -> tuple[str, ...]:
    place = f"{origin}: {key}"
    return tuple(checks.text(value, place) for value in checks.listed(content.get(key), place))


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
    _check_known([name], sorted({system.name for system in systems}), "row", place)
    return str(name)


def _check_known(given: Sequence[Any], known: Sequence[str], kind: str, place: str) -> None:
    for name in given:
        if name not in known:
            raise checks.unknown(kind, name, known, place)


def _compare(
    given: Any, systems: list[System], kept: list[System], place: str
) -> tuple[tuple[str, str], ...]:
    """Pairs of names, without those of rows that are left out for their aligner."""
    names, there = (sorted({system.name for system in some}) for some in (systems, kept))
    made = []
    for i, value in enumerate(checks.listed(given, place)):
        where = f"{place}[{i + 1}]"
        pair = checks.listed(value, where)
        if len(pair) != 2 or pair[0] == pair[1]:
            raise UsageError(f"{where}: give the names of two rows, not {value!r}")
        _check_known(pair, names, "row", where)
        if pair[0] in there and pair[1] in there:
            made.append((str(pair[0]), str(pair[1])))
    return tuple(made)


def _groups(given: Any, languages: list[str], place: str) -> dict[str, tuple[str, ...]]:
    made = {}
    for name, value in checks.mapping(given, place).items():
        members = checks.listed(value, f"{place}.{name}")
        if not members:
            raise UsageError(f"{place}.{name}: the group has no language")
        if len(set(map(str, members))) < len(members):
            raise UsageError(f"{place}.{name}: names a language twice")
        _check_known(members, languages, "language", f"{place}.{name}")
        made[name] = tuple(members)
    return made


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
