"""Projection of source entities onto target words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.checks import unknown
from xner.experiments.stages import Columns, Settings, Stage, Tell, streamed
from xner.pipeline import settings as projection
from xner.pipeline.project import project_stream, projected_schema
from xner.pipeline.summary import Summary
from xner.solve.constraint import Constraint

_LANGUAGES = {"source_language": "eng", "target_language": "deu"}
"""Stand in for those of the score nmt when a configuration is checked; a run fills them in."""
_NAMES = ("preset", *(field.name for field in fields(projection.Settings)))


def _settings(given: Settings) -> projection.Settings:
    values: dict[str, Any] = dict(given)
    if isinstance(values.get("nmt"), Mapping):
        values["nmt"] = {**_LANGUAGES, **values["nmt"]}
    if "constraint" in values:
        values["constraint"] = Constraint.parse(str(values["constraint"]))
    try:
        return projection.Settings.preset(values.pop("preset", None), **values)
    except TypeError as error:
        raise UsageError(f"a setting has a value of the wrong kind ({error})") from None


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    summary = Summary()
    return streamed(
        lambda: project_stream(corpus, _settings(settings), summary, progress=tell),
        summary,
        corpus,
        projected_schema(corpus.schema),
    )


def _check(settings: Settings) -> None:
    for name in settings:
        if name not in _NAMES:
            raise unknown("setting", name, _NAMES, "project")
    _settings(settings)


def _columns(given: Settings) -> Columns:
    links = ("links",) if getattr(_settings(given), "linked", True) else ()
    return Columns(
        needs=("source_tokens", "source_entities", "target_tokens", *links),
        makes=("target_entities", "outcomes", "solution"),
        uses=("target_candidates", "target_probabilities", "target_tagset"),
        replaces=True,
    )


STAGE = Stage(
    name="project",
    run=_run,
    columns=_columns,
    settings=_NAMES,
    models=frozenset({"nmt"}),
    listed=frozenset({"stop_tokens"}),
    check=_check,
)
