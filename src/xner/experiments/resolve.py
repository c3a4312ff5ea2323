"""Settings of a step for one language: files as paths, and language codes filled in."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path
from typing import Any

from xner.errors import UsageError
from xner.experiments.language import Language
from xner.experiments.pipelines import Step
from xner.experiments.schema import Settings
from xner.stages import Stage
from xner.tagging import PREFIXED

_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
"""What can be a model id on the hub; anything else is a path."""


def settings_naming(stage: type[Stage], *kinds: str) -> set[str]:
    """Return the settings of a stage that name things of these kinds (`Option.names`)."""
    return {name for name, declared in stage.settings().items() if declared.names in kinds}


def resolved(
    step: Step,
    stage: type[Stage],
    language: Language,
    folder: Path,
    models: Container[str],
    output: Path,
) -> Settings:
    """Return the settings of a step for a language.

    Files are relative to `folder`, and `{language}` in their names is replaced by the name of the
    language; so is `{output}` in the name of a cache, by `output`, the folder of results. Names of
    `models`, and names of models of a service, are left as they are.

    Raises:
        UsageError: a file or model does not exist.
    """
    settings = dict(step.settings)
    for name in settings_naming(stage, "file") & settings.keys():
        settings[name] = _files(settings[name], name, language, folder)
    if "llm" not in (settings.get("tagger"), settings.get("translator")):
        for name in settings_naming(stage, "model") & settings.keys():
            settings[name] = _files(settings[name], "model", language, folder)
        for name in settings_naming(stage, "tagger") & settings.keys():
            settings[name] = _files(settings[name], "model", language, folder, models)
    settings = _with_cache(settings, language, folder, output)
    codes = {"source_language": language.source_code, "target_language": language.target_code}
    known = stage.settings()
    settings = {**{name: code for name, code in codes.items() if name in known}, **settings}
    for name in settings_naming(stage, "settings") & settings.keys():
        if isinstance(settings[name], dict):
            own = _with_cache({**codes, **settings[name]}, language, folder, output)
            if "model" in own:
                own["model"] = _files(own["model"], "model", language, folder)
            settings[name] = own
    return settings


def _with_cache(settings: Settings, language: Language, folder: Path, output: Path) -> Settings:
    """Resolve the name of a cache, which need not exist."""
    if not isinstance(settings.get("cache"), str):
        return settings
    name = settings["cache"].replace("{language}", language.name)
    return {**settings, "cache": str(folder / name.replace("{output}", str(output.absolute())))}


def _files(
    value: Any, name: str, language: Language, folder: Path, models: Container[str] = ()
) -> Any:
    if isinstance(value, list | tuple):
        return [_files(part, name, language, folder, models) for part in value]
    if not isinstance(value, str) or value in models:
        return value
    written = value.replace("{language}", language.name)
    kind, _, of_kind = written.partition(":")
    if name == "model" and kind in PREFIXED and of_kind:
        inside = folder / of_kind
        return f"{kind}:{inside if inside.exists() else of_kind}"
    path = folder / written
    if path.exists():
        return path
    if name == "model" and _HUB_ID.fullmatch(written):
        return written
    kind = "folder, nor a hub id" if name == "model" else "file"
    raise UsageError(f"{name}: {path}: no such {kind}; check the path")
