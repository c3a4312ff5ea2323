"""Command-line flags from declared options, and the options that a command line gives."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

from xner.cli.parsing import CommandParser
from xner.errors import NoEffectError
from xner.hints import members
from xner.options import UNSET, Option, build, choices_of, options_of, types_of
from xner.stages.documented import described

T = TypeVar("T")
_PREFIX = "option_"
_SNAKE = re.compile(r"\b[a-z]+(_[a-z]+)+\b")
"""What can be the name of an option only."""
_KINDS = (int, float, Path)


def flag_of(name: str, declared: Option) -> str:
    """The flag of an option; empty if it has none."""
    return f"--{name.replace('_', '-')}" if declared.flag is None else declared.flag


def add_flags(
    command: CommandParser,
    declared_by: Callable[..., Any],
    *,
    skip: Collection[str] = (),
    prefix: str = _PREFIX,
    optional: bool = False,
    flags: Mapping[str, str] | None = None,
    common: Collection[str] | None = None,
) -> None:
    """Add a flag for every option of a declared class.

    Args:
        command: parser to extend.
        declared_by: the class.
        skip: names of options to leave out.
        prefix: what precedes the names in the namespace.
        optional: no flag is required.
        flags: flags by option, instead of those that are declared.
        common: options that are not rare, instead of those that are declared so.
    """
    hints = types_of(declared_by)
    known = flags_of(declared_by) if flags is None else flags
    for name, declared in options_of(declared_by).items():
        flag = known.get(name)
        if not flag or name in skip:
            continue
        arguments = _arguments(hints[name], declared)
        arguments["help"] = _help(hints[name], declared, known)
        if declared.default is UNSET and not optional:
            arguments["required"] = True
        command.add_argument(
            flag,
            dest=prefix + name,
            default=argparse.SUPPRESS,
            group=declared.group,
            rare=declared.rare if common is None else name not in common,
            **arguments,
        )


def _help(hint: Any, declared: Option, flags: Mapping[str, str]) -> str:
    """The text of a help page, with flags in place of the names of options."""
    text = described(declared, hint, choices=False).replace("`", "").replace("%", "%%")
    return _SNAKE.sub(lambda name: flags.get(name[0], name[0]), text)


def _arguments(hint: Any, declared: Option) -> dict[str, Any]:
    """Arguments of `add_argument` that follow from the type of an option."""
    kinds = [get_origin(member) or member for member in members(hint)]
    if bool in kinds:
        if declared.default is True:
            return {"action": argparse.BooleanOptionalAction}
        return {"action": "store_true"}
    made: dict[str, Any] = {}
    if declared.parse is None:
        # Text stays as typed where it may be a hub id: Path would drop the dot of ./folder.
        typed = [kind for kind in _KINDS if kind in kinds]
        made["type"] = typed[0] if typed and str not in kinds else str
        choices = choices_of(hint, declared)
        if choices and declared.adapt is None:
            made["choices"] = choices
        elif choices:
            made["metavar"] = "NAME"
    if declared.repeat:
        made["action"] = "append"
    if declared.nargs is not None:
        made["nargs"] = declared.nargs
    if declared.unit and "choices" not in made:
        made["metavar"] = declared.unit
    return made


def options_given(
    namespace: argparse.Namespace, declared_by: Callable[..., Any], prefix: str = _PREFIX
) -> dict[str, Any]:
    """The options of a declared class that the command line gives.

    Raises:
        UsageError: a value does not have the form that its option needs.
    """
    hints = types_of(declared_by)
    found: dict[str, Any] = {}
    for name, declared in options_of(declared_by).items():
        if hasattr(namespace, prefix + name):
            found[name] = _value(getattr(namespace, prefix + name), hints[name], declared)
    return found


def flags_of(declared_by: Callable[..., Any]) -> dict[str, str]:
    """The flags of a declared class by the names of their options."""
    flags = {name: flag_of(name, declared) for name, declared in options_of(declared_by).items()}
    return {name: flag for name, flag in flags.items() if flag}


def build_from_flags(
    declared_by: Callable[..., T],
    given: Mapping[str, Any],
    place: str = "",
    flags: Mapping[str, str] | None = None,
) -> T:
    """An instance of a declared class from options of the command line.

    Args:
        declared_by: the class.
        given: options by name.
        place: precedes errors about unknown and missing options.
        flags: flags by option, as in `add_flags`.

    Raises:
        UsageError: an option is unknown, missing or without effect, or a value does not fit.
    """
    try:
        return build(declared_by, given, place=place)
    except NoEffectError as error:
        known = flags_of(declared_by) if flags is None else flags
        raise NoEffectError(error.option, _with_flags(str(error), known)) from None


def _with_flags(message: str, known: Mapping[str, str]) -> str:
    """A message with flags in place of the names of options."""
    names = "|".join(known)
    return re.sub(rf"\b({names})\b", lambda found: known[found[0]], message)


def _value(value: Any, hint: Any, declared: Option) -> Any:
    if declared.parse is not None:
        parts = [declared.parse(text) for text in (value if declared.repeat else [value])]
        value = parts if declared.repeat else parts[0]
    if declared.repeat and _is_mapping(hint):
        return dict(value)
    if declared.nargs is not None and declared.repeat:
        return [tuple(files) if len(files) > 1 else files[0] for files in value]
    return value


def _is_mapping(hint: Any) -> bool:
    kinds = [get_origin(member) or member for member in members(hint)]
    return any(isinstance(kind, type) and issubclass(kind, Mapping) for kind in kinds)
