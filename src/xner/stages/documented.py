"""Docstring and call signature of a public function, from the options of its stage."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from xner.effects import needed_by
from xner.options import UNSET, Option, choices_of, options_of, shown_default, types_of

_INDENT = "    "
_WIDTH = 100
_CORPUS = (
    (
        "corpus",
        "Corpus that the stage reads, or what `xner.Corpus.of` takes: paths, rows, columns, an "
        "Arrow table, a frame or a dataset.",
    ),
)


def documented(
    function: Callable[..., Any],
    stage: Callable[..., Any],
    first: Sequence[tuple[str, str]] = _CORPUS,
) -> Any:
    """Give a function the name, docstring and signature of a stage.

    Args:
        function: takes the `first` arguments, then the options of the stage.
        stage: declared class; its docstring may have the sections Returns and Raises.
        first: name and description of the arguments before the options.
    """
    options = {n: o for n, o in options_of(stage).items() if n != "progress"}
    options["progress"] = options_of(stage)["progress"]
    function.__name__ = function.__qualname__ = getattr(stage, "name", function.__name__)
    function.__module__ = stage.__module__
    function.__doc__ = _docstring(stage, first, options)
    function.__signature__ = _signature(stage, first, options)  # type: ignore[attr-defined]
    return function


def _signature(
    stage: Callable[..., Any], first: Sequence[tuple[str, str]], options: dict[str, Option]
) -> inspect.Signature:
    own = inspect.signature(stage).parameters
    types = types_of(stage)
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, either) for name, _ in first]
    for name, declared in options.items():
        default = inspect.Parameter.empty if declared.default is UNSET else declared.default
        parameters.append(
            inspect.Parameter(name, own[name].kind, default=default, annotation=types[name])
        )
    return inspect.Signature(sorted(parameters, key=lambda p: p.kind))


def _docstring(
    stage: Callable[..., Any], first: Sequence[tuple[str, str]], options: dict[str, Option]
) -> str:
    text = inspect.getdoc(stage) or ""
    head, marker, tail = _sections(text)
    lines = [head.rstrip(), "", "Args:"]
    for name, description in first:
        lines += _item(name, description)
    for name, declared in options.items():
        lines += _item(name, described(declared, types_of(stage)[name]))
    return "\n".join(lines) + (f"\n\n{marker}{tail}" if marker else "\n")


def _sections(text: str) -> tuple[str, str, str]:
    """Split a docstring before its first section other than the arguments."""
    sections = ("Returns:\n", "Raises:\n", "Example:\n")
    places = [at for at in map(text.find, sections) if at >= 0]
    at = min(places, default=len(text))
    return text[:at], text[at : at + 1], text[at + 1 :]


def _item(name: str, description: str) -> list[str]:
    return textwrap.wrap(
        f"{name}: {description}",
        _WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=2 * _INDENT,
        break_on_hyphens=False,
    )


def described(declared: Option, hint: Any, *, choices: bool = True) -> str:
    """The help text of an option with its choices, range and default."""
    parts = [declared.help]
    known = choices_of(hint, declared) if choices else ()
    if not all(f"`{value}`" in declared.help for value in known):
        parts.append(f"Choices: {', '.join(f'`{value}`' for value in known)}.")
    if needs := needed_by(declared.when):
        parts.append(needs)
    if declared.range:
        parts.append(f"Range: {declared.range}.")
    if default := shown_default(declared):
        parts.append(f"Default: {default}.")
    if declared.presets:
        parts.append(_presets(declared))
    return " ".join(parts)


def _presets(declared: Option) -> str:
    by_value: dict[str, list[str]] = {}
    for preset, value in declared.presets.items():
        shown = shown_default(Option(value, "")) or "none"
        by_value.setdefault(shown, []).append(f"`{preset}`")
    parts = [f"{value} with {', '.join(names)}" for value, names in by_value.items()]
    return f"Presets: {'; '.join(parts)}."
