"""Models: students that rows use as teachers or start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xner.errors import UsageError, unknown
from xner.experiments.convert import convert_row
from xner.experiments.language import Language, training_only
from xner.experiments.pipelines import PIPELINES, TRAIN
from xner.experiments.schema import File, ModelRow, Settings
from xner.experiments.systems import Choice, System, rows_of

STUDENTS = [name for name, steps in PIPELINES.items() if any(step.student for step in steps)]


@dataclass(frozen=True, slots=True)
class Model:
    """A student that is not a row of the table.

    Attributes:
        system: the steps that train it.
        language: language whose training text it learns from; None for that of the column.
    """

    system: System
    language: Language | None


def find_models(
    file: File,
    languages: Sequence[Language],
    aligners: Sequence[Choice],
    origin: str,
    folder: Path,
) -> dict[str, Model]:
    """Return the section `models` by name.

    Args:
        file: the experiment file.
        languages: languages of the experiment.
        aligners: aligners of the experiment; a model uses the first, or the one that it names.
        origin: name of the file.
        folder: folder of the file.

    Raises:
        UsageError: an entry is malformed.
    """
    known = {language.name: language for language in languages}
    models = {}
    for name, given in file.models.items():
        if isinstance(given, str):
            continue
        path = f"models.{name}"
        place = f"{origin}: {path}"
        entry = {"pipeline": "train", "aligners": [aligners[0].name], **(given or {})}
        if "languages" in entry:
            raise UsageError(
                f"{place}.languages: a model learns from one language; give `language`"
            )
        if entry["pipeline"] not in STUDENTS:
            raise unknown("pipeline of students", entry["pipeline"], STUDENTS, place)
        pipeline = str(entry["pipeline"])
        row = _row(pipeline, entry, origin, path)
        systems = rows_of(pipeline, name, row, aligners, file, place)
        if len(systems) != 1:
            raise UsageError(
                f"{place}: defines {len(systems)} models; give one aligner, and no lists of "
                f"settings"
            )
        training = tuple(step for step in systems[0].steps if step.on == TRAIN)
        language = _language(name, row, known, file, folder, place)
        models[name] = Model(replace(systems[0], steps=training), language)
    return models


def _row(pipeline: str, entry: Settings, origin: str, path: str) -> ModelRow:
    steps = (step.name for step in PIPELINES[pipeline])
    return convert_row(entry, ModelRow, steps, origin, path)


def _language(
    name: str,
    row: ModelRow,
    known: Mapping[str, Language],
    file: File,
    folder: Path,
    place: str,
) -> Language | None:
    if row.data is not None:
        if row.language is not None:
            raise UsageError(f"{place}: has both data and a language; give one of the two")
        return training_only(name, row.data, file, folder, f"{place}.data")
    if row.language is None:
        return None
    if row.language not in known:
        raise unknown("language", row.language, known, f"{place}.language")
    return known[row.language]
