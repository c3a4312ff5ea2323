"""Code blocks of README.md and docs/*.md: found, parsed, and run.

A comment directly above a block says what a test may do with it:

    <!-- parse only: downloads a model -->    options and keywords are checked, nothing runs
    <!-- file: experiment.yaml -->            saved under this name before any block runs
    <!-- output -->                           the block above prints these lines
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import yaml

import xner
from xner.cli import COMMANDS, main, parser

ROOT = Path(__file__).parents[1]
LANGUAGES = {"bash", "python", "yaml", "json", "text", "html"}
_COMMENT = re.compile(r"<!-- (parse only|file|output)(?:: (.+?))? -->")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        reason: why it is only parsed.
        file: name under which it is saved.
        output: whether it is what the block above prints.
    """

    page: Path
    line: int
    language: str
    text: str
    reason: str | None
    file: str | None
    output: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """The pages whose blocks are checked."""
    return [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")),
        *sorted((ROOT / "docs").glob("*.md")),
    ]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, without directives such as `{toctree}`."""
    found, lines = [], page.read_text("utf-8").splitlines()
    start = None
    for at, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        if start is None:
            start = at
            continue
        language = lines[start].strip().strip("`")
        above = _COMMENT.fullmatch(lines[start - 1].strip()) if start else None
        indent = len(lines[start]) - len(lines[start].lstrip())
        text = "\n".join(line[indent:] for line in lines[start + 1 : at]) + "\n"
        said = {above[1]: above[2]} if above else {}
        if not language.startswith("{"):
            reason, file = said.get("parse only"), said.get("file")
            found.append(Block(page, start + 1, language, text, reason, file, "output" in said))
        start = None
    return found


def commands(block: Block) -> list[list[str]]:
    """The commands of a block of bash, without comments, in the order of the text."""
    text = block.text.replace("\\\n", " ")
    parts = [part for line in text.splitlines() for part in _split(line)]
    return [part for part in parts if part]


def _split(line: str) -> list[list[str]]:
    words: list[list[str]] = [[]]
    for word in shlex.split(line, comments=True):
        if word in ("&&", "|", ";"):
            words.append([])
        else:
            words[-1].append(word)
    return words


def parse(block: Block) -> None:
    """Check a block without running it."""
    if block.language == "bash":
        for command in commands(block):
            _parse_command(command)
    elif block.language == "python":
        _parse_python(block.text)
    elif block.language == "yaml":
        yaml.safe_load(block.text)


def _parse_command(command: list[str]) -> None:
    if command[0] == "xner":
        if command[1] in COMMANDS:
            _check_options(command)
        else:
            assert command[1] in ("--help", "--version"), f"no command {command[1]}"
    elif command[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(command[2]), f"no module {command[2]}"


def _check_options(command: list[str]) -> None:
    with redirect_stderr(io.StringIO()) as said:
        try:
            parser(command[1]).parse_args(command[1:])
        except SystemExit as stopped:
            if stopped.code:
                raise AssertionError(f"{shlex.join(command)}: {said.getvalue()}") from None


def _parse_python(text: str) -> None:
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner, name = call.func.value, call.func.attr
            if isinstance(owner, ast.Name) and owner.id == "xner":
                assert name in xner.__all__, f"no function xner.{name}"
                _check_keywords(name, [k.arg for k in call.keywords if k.arg])


def _check_keywords(name: str, given: list[str]) -> None:
    parameters = inspect.signature(getattr(xner, name)).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        assert set(given) <= set(parameters), f"xner.{name} has no {set(given) - set(parameters)}"


def run(block: Block, namespace: dict[str, object]) -> str:
    """Run a block in the current folder and return what it prints.

    `xner` runs in this process; other commands do not run.
    """
    with redirect_stdout(io.StringIO()) as printed:
        if block.language == "python":
            exec(compile(block.text, str(block), "exec"), namespace)
        for command in commands(block) if block.language == "bash" else ():
            if command[0] == "xner":
                assert main(command[1:]) == 0, f"{block}: {shlex.join(command)}"
            else:
                _parse_command(command)
    return printed.getvalue()
