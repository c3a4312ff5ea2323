"""Generated parts of the documentation.

`python -m xner.cli.reference` prints docs/options.md, `python -m xner.cli.reference formats` the
tables of docs/formats.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from xner.callables import FORM
from xner.cli.flags import flag_of
from xner.effects import needed_by
from xner.formats import MODULES
from xner.formats.registry import FEATURES
from xner.hints import describe_type
from xner.options import Option, choices_of, options_of, shown_default, types_of
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
    needs = needed_by(declared.when)
    return declared.help + (f" {needs}" if needs else "") + shown


def formats_tables() -> str:
    """The tables of file formats in Markdown: names and suffixes, and what each keeps."""
    forms = [module.FORMAT for module in MODULES]
    named = [
        [
            form.title,
            f"`{form.name}`",
            " ".join(f"`{suffix}`" for suffix in form.suffixes),
            form.summary,
            "batch by batch" if form.streams else "as a whole",
            f"`{form.extra}`" if form.extra else "",
        ]
        for form in forms
    ]
    keeps = [
        [f"{name}: {meaning}", *("yes" if name in form.keeps else "" for form in forms)]
        for name, meaning in FEATURES.items()
    ]
    first = _table(("format", "name", "suffixes", "content", "read", "extra"), named)
    return f"{first}\n{_table(('', *(f'`{form.name}`' for form in forms)), keeps)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(formats_tables() if sys.argv[1:] == ["formats"] else reference(), end="")
