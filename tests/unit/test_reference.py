"""The reference page of options, and what help texts of the command line look like."""

import re
from pathlib import Path

import pytest

import xner
from xner.cli import COMMANDS, parser
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


def test_all_commands_have_help(capsys):
    for name in COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            parser(name).parse_args([name, "--help"])
        assert stopped.value.code == 0
        shown = capsys.readouterr().out
        assert "--json" in shown
        assert "==SUPPRESS==" not in shown


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
