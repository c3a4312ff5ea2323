"""Experiments: files that were read and checked, with all rows of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xner.corpus import StrPath
from xner.errors import UsageError, unknown
from xner.experiments import yaml_files
from xner.experiments.changes import changed
from xner.experiments.convert import convert
from xner.experiments.language import Language, find_languages
from xner.experiments.models import Model, find_models
from xner.experiments.published import load_published
from xner.experiments.schema import File, Published
from xner.experiments.systems import (
    System,
    aligner_choices,
    available,
    check_used,
    make_systems,
)
from xner.stages import stage_names


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything that a run needs.

    Attributes:
        origin: name of the file, for messages.
        folder: folder that relative paths refer to.
        output: folder of results.
        file: content of the file.
        languages: columns of the table.
        systems: rows of the table.
        models: models that rows can name, by name.
        compare: pairs of rows to compare; the F1 of the second is subtracted from the first's.
        published: published figures; those beside rows that were left out are left out too.
        notes: one line for each aligner that was left out.
    """

    origin: str
    folder: Path
    output: Path
    file: File
    languages: tuple[Language, ...]
    systems: tuple[System, ...]
    models: Mapping[str, Model]
    compare: tuple[tuple[str, str], ...]
    published: tuple[Published, ...]
    notes: tuple[str, ...]


def load(
    config: StrPath | Mapping[str, Any],
    output: StrPath | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Experiment:
    """Read and check an experiment.

    Args:
        config: a YAML file, or its content; then paths are relative to the working directory.
        output: folder of results, instead of the one in the file.
        changes: values that replace those of the file, by path (`xner.experiments.changes`).

    Raises:
        UsageError: a key, name or setting is unknown or does not fit.
        InputError: a file cannot be read.
        MissingExtraError: the package of an aligner that is not optional is missing.
    """
    if isinstance(config, Mapping):
        content, origin, folder = config, "config", Path()
    else:
        path = Path(config)
        content, origin, folder = yaml_files.load(path), str(path), path.parent
    if not content:
        raise UsageError(f"{origin}: is empty; docs/running.md has an example")
    content = changed(content, changes or {}, origin)
    if isinstance(content, Mapping):  # a key without a value is left out
        content = {key: value for key, value in content.items() if value is not None}
    file = convert(_with_text(content), File, origin)
    return _experiment(file, origin, folder, Path(output or folder / file.output))


def _with_text(value: Any) -> Any:
    """Return the content with paths as text."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _with_text(part) for key, part in value.items()}
    return [_with_text(part) for part in value] if isinstance(value, list | tuple) else value


def _experiment(file: File, origin: str, folder: Path, output: Path) -> Experiment:
    _check_known(file.stages, stage_names(), "stage", f"{origin}: stages")
    languages = find_languages(file, origin, folder)
    aligners = aligner_choices(file, origin)
    systems = make_systems(file, aligners, origin)
    models = find_models(file, languages, aligners, origin, folder)
    check_used(file.stages, [*systems, *(model.system for model in models.values())], origin)
    kept, notes = available(systems, aligners, origin)
    available([model.system for model in models.values()], [], f"{origin}: models")
    names = [language.name for language in languages]
    for system in kept:
        _check_known(system.languages or (), names, "language", f"{origin}: {system.name}")
    rows = sorted({system.name for system in kept})
    _check_known([file.baseline] if file.baseline else [], rows, "row", f"{origin}: baseline")
    _check_distinct(file.seeds, f"{origin}: seeds")
    for name, group in file.groups.items():
        _check_distinct(group, f"{origin}: groups.{name}")
        _check_known(group, names, "language", f"{origin}: groups.{name}")
    _check_ids(file, origin)
    return Experiment(
        origin=origin,
        folder=folder,
        output=output,
        file=file,
        languages=tuple(languages),
        systems=tuple(kept),
        models=models,
        compare=_compared(file, systems, rows, origin),
        published=_published(file, systems, kept, names, origin, folder),
        notes=tuple(notes),
    )


def _compared(
    file: File, systems: Sequence[System], kept: Sequence[str], origin: str
) -> tuple[tuple[str, str], ...]:
    """Return the section `compare`, without pairs of rows that were left out for their aligner."""
    names = sorted({system.name for system in systems})
    for i, pair in enumerate(file.compare):
        place = f"{origin}: compare[{i + 1}]"
        _check_distinct(pair, place)
        _check_known(pair, names, "row", place)
    return tuple(pair for pair in file.compare if set(pair) <= set(kept))


def _published(
    file: File,
    systems: Sequence[System],
    kept: Sequence[System],
    languages: Sequence[str],
    origin: str,
    folder: Path,
) -> tuple[Published, ...]:
    """Return the section `published`, without figures beside rows that were left out."""
    found = load_published(file, folder, languages)
    known = sorted({system.name for system in systems})
    shown = {(system.name, system.aligner) for system in kept}
    for i, each in enumerate(found):
        place = f"{origin}: published[{i + 1}]"
        _check_known(each.f1, languages, "language", f"{place}.f1")
        if each.row is None:
            if each.aligner is not None:
                raise UsageError(f"{place}: has an aligner but no row; name both")
            continue
        _check_known([each.row], known, "row", f"{place}.row")
        aligners = [system.aligner for system in systems if system.name == each.row]
        if each.aligner is not None or aligners != [""]:
            _check_known([each.aligner or ""], aligners, "aligner", f"{place}.aligner")
    return tuple(p for p in found if p.row is None or (p.row, p.aligner or "") in shown)


def _check_ids(file: File, origin: str) -> None:
    """Raise UsageError for a name of a model in the section `models` that no setting has."""
    used = set(_texts([file.stages, file.aligners, file.pipelines, file.models]))
    for name, value in file.models.items():
        if isinstance(value, str) and name not in used:
            raise UsageError(f"{origin}: models.{name}: no setting names this model; leave it out")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _check_known(given: Iterable[str], known: Sequence[str], kind: str, place: str) -> None:
    for name in given:
        if name not in known:
            raise unknown(kind, name, known, place)


def _check_distinct(values: Sequence[object], place: str) -> None:
    for i, value in enumerate(values):
        if value in values[:i]:
            raise UsageError(f"{place}: has {value!r} twice")
