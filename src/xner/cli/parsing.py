"""The parser of a command: options in groups, and rare ones only on the page of --help-all."""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterable
from difflib import get_close_matches
from textwrap import wrap
from typing import Any

GROUPS = (
    "input",
    "output",
    "model",
    "translation",
    "alignment",
    "scoring",
    "score nmt",
    "solver",
    "student",
    "teachers",
    "doubtful projections",
    "llm service",
    "links",
    "running",
)
"""Headings of help pages, in their order."""
RUNNING = GROUPS[-1]
_SENTENCES = re.compile(r"(?<=\.) |(?<=\.\)) ")
_WIDTH, _COLUMN = 100, 26
_LEAST = 18
_LONG = 18
"""Characters of a flag and its choices; longer choices are in the text."""


class CommandParser(argparse.ArgumentParser):
    """The parser of one command.

    Attributes:
        everything: rare options are on the help page too.
        example: command line, with which the help page ends.
    """

    def __init__(self, *, prog: str, everything: bool = False) -> None:
        """Create the groups, and --help and --help-all.

        Args:
            prog: as of `argparse.ArgumentParser`.
            everything: whether rare options are on the help page.
        """
        super().__init__(prog=prog, add_help=False, formatter_class=PageFormat, allow_abbrev=False)
        self.everything, self.example = everything, ""
        self._titled = {title: self.add_argument_group(title) for title in GROUPS}
        self.add_argument("-h", "--help", action="help", help="Show this page.", group=RUNNING)
        self.add_argument(
            "--help-all", action="help", help="Show rare options as well.", group=RUNNING, rare=True
        )

    def add_argument(
        self, *flags: str, group: str = "", rare: bool = False, **given: Any
    ) -> argparse.Action:
        """Add an argument to a group.

        Args:
            *flags: as of `argparse.ArgumentParser.add_argument`.
            group: heading; by default `input` for positional arguments, else `output`.
            rare: it is on the page of --help-all only.
            **given: as of `argparse.ArgumentParser.add_argument`.
        """
        title = group or ("output" if flags[0].startswith("-") else "input")
        if title not in self._titled:
            self._titled[title] = self.add_argument_group(title)
        choices = given.get("choices")
        shown = len(flags[-1]) + len(",".join(map(str, choices or ())))
        if choices and len(choices) > 1 and "metavar" not in given and shown > _LONG:
            given["metavar"] = "NAME"
            if not all(str(choice) in given.get("help", "") for choice in choices):
                given["help"] = _with_choices(given["help"], choices)
        if not self.everything:
            given["help"] = argparse.SUPPRESS if rare else shortened(given["help"])
        return self._titled[title].add_argument(*flags, **given)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse arguments that the command does not know, with its usage and near matches."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            flag = rest[0].partition("=")[0]
            near = _near(flag, self._option_string_actions)
            hint = f"did you mean {' or '.join(near)}? " if flag.startswith("-") and near else ""
            self.error(f"unknown argument {flag}; {hint}{self.prog} --help-all lists all options")
        return found, rest

    def format_usage(self) -> str:
        """The usage line: required arguments only."""
        return f"usage: {self._usage()}\n".replace("%%", "%")

    def format_help(self) -> str:
        """The help page."""
        self.usage = self._usage()
        note, self.epilog = self.epilog, self._ending()
        try:
            return super().format_help()
        finally:
            self.usage, self.epilog = None, note

    def _usage(self) -> str:
        words = [self.prog, "[OPTIONS]"]
        actions = sorted(self._actions, key=lambda action: not action.option_strings)
        for action in actions:
            name = action.metavar or action.dest.upper()
            if action.option_strings:
                words += [f"{action.option_strings[0]} {name}"] if action.required else []
            elif action.nargs == "?":
                words.append(f"[{name}]")
            else:
                words.append(f"{name} ..." if action.nargs == "+" else str(name))
        indent = " " * len(f"usage: {self.prog} ")
        lines = wrap(" ".join(words), _width() - len("usage: "), break_on_hyphens=False)
        return f"\n{indent}".join(lines).replace("%", "%%")

    def _ending(self) -> str | None:
        rare = {f for a in self._actions if a.help == argparse.SUPPRESS for f in a.option_strings}
        more = "--help-all shows the rare options." if rare - {"--help-all"} else ""
        note = self.epilog or ""
        parts = [f"example: {self.example}" if self.example else "", note.rstrip(), more]
        return "\n".join(part for part in parts if part) or None


def _near(flag: str, known: Iterable[str]) -> list[str]:
    """Known flags that an unknown one may mean: longer ones, else those of similar spelling."""
    flags, end = list(known), flag.removeprefix("-")
    longer = [one for one in flags if one.startswith(flag) or one.endswith(end)]
    return longer if end.strip("-") and longer else get_close_matches(flag, flags, n=2, cutoff=0.6)


def _width() -> int:
    """Characters of a line."""
    return min(shutil.get_terminal_size().columns, _WIDTH) - 1


def shortened(text: str) -> str:
    """The first sentence of a help text, its choices and its default."""
    first, *rest = _SENTENCES.split(text)
    kept = [part for part in rest if part.startswith(("Choices: ", "Default: "))]
    return " ".join([first, *kept])


def _with_choices(text: str, choices: Iterable[Any]) -> str:
    listed = f"Choices: {', '.join(map(str, choices))}."
    before, found, after = text.partition(" Default: ")
    return f"{before} {listed}{found}{after}"


class PageFormat(argparse.HelpFormatter):
    """Pages of at most 100 columns; texts with lines of their own keep them."""

    def __init__(self, prog: str, **given: Any) -> None:
        super().__init__(prog, **{"max_help_position": _COLUMN, "width": _width(), **given})
        # argparse forgets that commands are indented twice.
        self._action_max_length = _LEAST

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            further = "  " if line.startswith((" ", "example:")) else ""
            lines += wrap(line, width, subsequent_indent=further, break_on_hyphens=False) or [""]
        return "\n".join(lines)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"
