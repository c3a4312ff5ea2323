"""Experiments: files that were read and checked, with all rows of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xner.corpus import StrPath
from xner.errors import UsageError
from xner.experiments import yaml_files
from xner.experiments.convert import convert
from xner.experiments.language import Language, find_languages
from xner.experiments.models import Model, find_models
from xner.experiments.schema import File
from xner.experiments.systems import (
    System,
    aligner_choices,
    available,
    check_used,
    make_systems,
)
from xner.options import unknown
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
    notes: tuple[str, ...]


def load(config: StrPath | Mapping[str, Any], output: StrPath | None = None) -> Experiment:
    """Read and check an experiment.

    Args:
        config: a YAML file, or its content; then paths are relative to the working directory.
        output: folder of results, instead of the one in the file.

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
    for i, published in enumerate(file.published):
        _check_known(published.f1, names, "language", f"{origin}: published[{i + 1}].f1")
    return Experiment(
        origin=origin,
        folder=folder,
        output=output,
        file=file,
        languages=tuple(languages),
        systems=tuple(kept),
        models=models,
        compare=_compared(file, systems, rows, origin),
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


def _check_known(given: Iterable[str], known: Sequence[str], kind: str, place: str) -> None:
    for name in given:
        if name not in known:
            raise unknown(kind, name, known, place)


def _check_distinct(values: Sequence[object], place: str) -> None:
    for i, value in enumerate(values):
        if value in values[:i]:
            raise UsageError(f"{place}: has {value!r} twice")
