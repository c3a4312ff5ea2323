"""The reference page of options, and what help texts of the command line look like."""

import re
import shlex
import subprocess
import sys
from argparse import SUPPRESS
from pathlib import Path

import pytest

import xner
from xner.cli import COMMANDS, find_command, parser
from xner.cli.parsing import GROUPS
from xner.cli.reference import formats_tables, reference
from xner.options import options_of
from xner.stages import find_stage, stage_names

DOCS = Path(xner.__file__).parents[2] / "docs"


@pytest.mark.skipif(not DOCS.is_dir(), reason="not a checkout")
def test_the_page_is_up_to_date():
    written = (DOCS / "options.md").read_text("utf-8")
    assert written == reference(), "run python -m xner.cli.reference > docs/options.md"


@pytest.mark.skipif(not DOCS.is_dir(), reason="not a checkout")
def test_the_tables_of_formats_are_up_to_date():
    written = (DOCS / "formats.md").read_text("utf-8")
    assert formats_tables() in written, "run python -m xner.cli.reference formats"


def test_every_option_is_on_the_page():
    sections = dict(
        re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", reference(), re.MULTILINE | re.DOTALL)
    )
    assert sorted(sections) == stage_names()
    for name, section in sections.items():
        for option in options_of(find_stage(name)):
            assert (f"| `{option}` |" in section) == (option != "progress")


@pytest.mark.parametrize("name", stage_names())
def test_options_are_described_in_sentences(name):
    for option, declared in options_of(find_stage(name)).items():
        assert declared.help, option
        assert declared.help[-1] in ".)", (option, declared.help)
        assert not declared.help.lower().startswith("of "), (option, declared.help)


def page(name, everything, capsys):
    with pytest.raises(SystemExit) as stopped:
        parser(name, everything).parse_args([name, "--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_pages(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    short, full = (page(name, everything, capsys) for everything in (False, True))
    own = parser(name)._subparsers._group_actions[0].choices[name]
    flags = {flag for action in own._actions for flag in action.option_strings}
    assert all(re.search(rf"{flag}\b", full) for flag in flags)
    rare = {f for a in own._actions if a.help == SUPPRESS for f in a.option_strings}
    rare.remove("--help-all")
    assert not any(re.search(rf"^  {flag}\b", short, re.MULTILINE) for flag in rare)
    assert ("--help-all shows the rare options." in short) == bool(rare)
    for shown in (short, full):
        assert "==SUPPRESS==" not in shown
        assert max(map(len, shown.splitlines())) < 80
        assert re.search(r"^examples?:", shown, re.MULTILINE)
    assert len(short.splitlines()) <= 50  # a screen
    headings = re.findall(r"^(?!examples?:)([a-zA-Z ]+):$", short, re.MULTILINE)
    assert headings == sorted(headings, key=GROUPS.index)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_can_be_parsed(name):
    example = find_command(name).example
    if example:
        arguments = shlex.split(example.removeprefix('eval "$(').removesuffix(')"'))
        assert arguments[:2] == ["xner", name]
        parser(name).parse_args(arguments[1:])


def test_the_first_page_lists_commands_in_the_order_of_a_pipeline(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    shown = main_help(capsys)
    rows = re.findall(r"^    (\S+) +(\S.*)$", shown, re.MULTILINE)
    assert dict(rows) == COMMANDS
    places = [list(COMMANDS).index(name) for name in ("translate", "tag", "align", "project")]
    assert places == sorted(places)


def main_help(capsys):
    with pytest.raises(SystemExit):
        parser("").parse_args(["--help"])
    return capsys.readouterr().out


def test_help_starts_without_numpy():
    # TAB and --help must not wait for packages that only commands need.
    script = "import sys, xner.cli; xner.cli.parser(''); print(sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = found.stdout
    assert "'xner.cli.parsing'" in loaded, found.stderr
    for package in ("numpy", "pyarrow", "rich", "numba", "torch"):
        assert f"'{package}'" not in loaded


def test_only_the_chosen_command_gets_its_flags():
    top = parser("align")
    assert top.parse_args(["align", "a", "b", "-o", "c", "--seed", "2"]).command == "align"
    with pytest.raises(SystemExit):
        top.parse_args(["project", "a", "b", "-o", "c", "--max-span", "2"])


def test_public_functions_show_their_options():
    import inspect

    signature = inspect.signature(xner.project)
    assert next(iter(signature.parameters)) == "corpus"
    assert signature.parameters["max_span"].default == 10
    assert list(signature.parameters)[-1] == "progress"
    text = xner.project.__doc__
    assert "    max_span: Longest target n-gram in words." in text
    assert text.index("Args:") < text.index("Returns:") < text.index("Raises:")
    assert list(inspect.signature(xner.translate).parameters)[:3] == [
        "corpus",
        "source_language",
        "target_language",
    ]
    assert list(inspect.signature(xner.train).parameters)[:2] == ["corpora", "output"]


def test_the_first_arguments_may_be_named(tmp_path):
    with pytest.raises(xner.InputError, match="no such file"):
        xner.train(corpora="none.conll", output=tmp_path / "m", from_scratch="small")
    with pytest.raises(xner.UsageError, match="chains is 0; it must be at least 1"):
        xner.align(corpus=object(), chains=0)


def test_wrong_keywords_are_named():
    pairs = object()
    with pytest.raises(xner.UsageError, match="unknown option 'max_spn'; did you mean 'max_span'"):
        xner.project(pairs, max_spn=3)
    with pytest.raises(xner.UsageError, match=r"missing .*source_language"):
        xner.translate(pairs)
