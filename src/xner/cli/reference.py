"""The reference page of all options, docs/options.md: `python -m xner.cli.reference`."""

from __future__ import annotations

from typing import Any

from xner.callables import FORM
from xner.cli.flags import flag_of
from xner.options import (
    Option,
    choices_of,
    describe_type,
    options_of,
    shown_default,
    types_of,
)
from xner.stages import find_stage, stage_names
from xner.stages.base import Stage

_HEAD = """# Options

This page is generated from the declarations in the code: `python -m xner.cli.reference`.

Every stage is a class in `xner.stages`; its fields are its options. They are the keyword arguments
of the function of the same name, the flags of the command, and the settings in experiment files
(see [running.md](running.md)). Options without a flag can only be set from Python or in experiment
files.
"""
_COLUMNS = ("option", "flag", "type", "default", "meaning")


def reference() -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *(_section(find_stage(name)) for name in stage_names())])


def _section(stage: type[Stage]) -> str:
    summary = (stage.__doc__ or "").partition("\n\n")[0]
    lines = [f"## {stage.name}", "", " ".join(summary.split()), ""]
    lines += ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    types = types_of(stage)
    for name, declared in options_of(stage).items():
        if name != "progress":
            lines.append(_row(name, declared, types[name]))
    return "\n".join([*lines, ""])


def _row(name: str, declared: Option, hint: Any) -> str:
    flag = flag_of(name, declared)
    cells = [
        f"`{name}`",
        f"`{flag}`" if flag else "",
        _type(declared, hint),
        shown_default(declared),
        _meaning(declared),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(declared: Option, hint: Any) -> str:
    if known := choices_of(hint, declared):
        named = [FORM] if declared.adapt is not None else []
        return ", ".join(f"`{value}`" for value in [*known, *named])
    words = describe_type(hint)
    return f"{words}, {declared.range}" if declared.range else words


def _meaning(declared: Option) -> str:
    presets = {str(shown_default(Option(v, ""))) or "none" for v in declared.presets.values()}
    shown = f" Published presets: {', '.join(sorted(presets))}." if presets else ""
    return declared.help + shown


if __name__ == "__main__":
    print(reference(), end="")
