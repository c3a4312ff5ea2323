"""Options are declared once: constructor, checks, presets and help come from the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, get_origin

import pytest

from xner.errors import UsageError
from xner.hints import describe_type, is_listed, members
from xner.options import (
    UNSET,
    build,
    check_value,
    choices_of,
    declare,
    option,
    options_of,
    parse_label,
    parse_weight,
    required,
    settle,
    shown_default,
    signed,
    types_of,
)
from xner.stages import find_stage, stage_names


class Tool(Protocol):
    def work(self) -> None: ...


@declare
class Settings:
    model: str = required("Model to use.", kw_only=False, unit="ID")
    seed: int = option(1, "Random seed.", ge=0, sign="seed:{}")
    rate: float | None = option(None, "Learning rate.", gt=0, lt=1, default_text="by size")
    method: Literal["exact", "greedy"] = option("exact", "Method.", presets={"fast": "greedy"})
    score: Mapping[str, float] = option({"a": 1.0}, "Weights.", presets={"fast": {"b": 0.5}})
    words: Sequence[str] = option((), "Words.")
    tool: str | Tool = option("own", "Tool.", choices=("own", "other"))
    file: Path | None = option(None, "File.")
    preset: str = option("default", "Preset.", choices=("default", "fast"))

    def __post_init__(self) -> None:
        settle(self, self.preset, {"score": {"c": 1.0}} if self.seed == 9 else None)


def test_defaults_and_presets():
    made = Settings("m")
    assert (made.seed, made.method, made.score) == (1, "exact", {"a": 1.0})
    fast = Settings("m", preset="fast")
    assert (fast.method, fast.score) == ("greedy", {"b": 0.5})
    # What the caller gives overrides the preset, also when it equals the usual default.
    assert Settings("m", preset="fast", method="exact").method == "exact"
    assert Settings("m", preset="fast", method=None).method == "greedy"
    assert Settings("m", seed=9).score == {"c": 1.0}
    assert Settings("m", seed=9, score={"a": 2}).score == {"a": 2}


BAD = [
    ({"seed": -1}, "seed is -1; it must be at least 0"),
    ({"seed": 1.5}, "seed is 1.5; it must be an integer"),
    ({"seed": True}, "seed is True; it must be an integer"),
    ({"seed": "1"}, "seed is '1'; it must be an integer"),
    ({"rate": 0}, "rate is 0; it must be above 0 and below 1"),
    ({"rate": float("nan")}, "rate is nan; numbers must be finite"),
    ({"score": {"a": float("inf")}}, "score is {'a': inf}; numbers must be finite"),
    ({"method": "fats"}, "method is 'fats'; choose one of exact, greedy"),
    ({"method": 3}, "method is 3; it must be one of exact, greedy"),
    (
        {"score": {"a": "x"}},
        "score is {'a': 'x'}; it must be a mapping of text to numbers",
    ),
    ({"words": "one two"}, "words is 'one two'; it must be a list of text"),
    ({"words": [1]}, "words is [1]; it must be a list of text"),
    ({"tool": "none"}, "tool is 'none'; choose one of own, other"),
    ({"tool": 3}, "tool is 3; it must be text or an object (Tool)"),
    ({"file": 3}, "file is 3; it must be a path"),
    ({"preset": "slow"}, "preset is 'slow'; choose one of default, fast"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=lambda v: str(v)[:20])
def test_values_are_checked(given, message):
    with pytest.raises(UsageError) as error:
        Settings("m", **given)
    assert str(error.value) == message


def test_objects_and_paths_pass(tmp_path):
    class Hammer:
        def work(self) -> None: ...

    tool = Hammer()
    assert Settings("m", tool=tool).tool is tool
    for other in (object(), Hammer):
        with pytest.raises(UsageError, match=r"it must be text or an object \(Tool\)"):
            Settings("m", tool=other)
    assert Settings("m", file=str(tmp_path)).file == str(tmp_path)
    assert Settings("m", words=("a",)).words == ("a",)


def test_build_names_what_is_unknown_or_missing():
    assert build(Settings, {"model": "m", "seed": 2}).seed == 2
    with pytest.raises(UsageError, match="unknown setting 'sed'; did you mean 'seed'"):
        build(Settings, {"model": "m", "sed": 2}, "setting")
    with pytest.raises(UsageError, match=r"model is missing \(Model to use\)"):
        build(Settings, {"seed": 2})


def test_what_help_and_signatures_show():
    declared, types = options_of(Settings), types_of(Settings)
    assert shown_default(declared["rate"]) == "by size"
    assert shown_default(declared["score"]) == "a=1"
    assert shown_default(declared["model"]) == ""
    assert choices_of(types["method"], declared["method"]) == ("exact", "greedy")
    assert describe_type(types["rate"]) == "a number"
    assert [name for name in types if is_listed(types[name])] == ["words"]
    assert signed(Settings("m", seed=3), ["seed"]) == ["seed:3"]
    assert declared["rate"].range == "above 0 and below 1"


def test_command_line_values():
    assert parse_label("PERSON=PER") == ("PERSON", "PER")
    assert parse_label("MISC=") == ("MISC", None)
    assert parse_weight("edge=0.5") == ("edge", 0.5)
    assert parse_weight("edge") == ("edge", 1.0)
    for parse, text in ((parse_label, "PERSON"), (parse_label, "=PER"), (parse_weight, "a=b")):
        with pytest.raises(UsageError, match="write"):
            parse(text)


@pytest.mark.parametrize("name", stage_names())
def test_defaults_of_stages_fit_and_other_types_are_refused_by_name(name):
    stage = find_stage(name)
    wrong = {int: 3.0, float: "x", bool: 1, str: 3, Path: 3, Callable: 3, Mapping: ["x"]}
    for option_name, declared in options_of(stage).items():
        hint = types_of(stage)[option_name]
        if declared.default is not UNSET:
            check_value(option_name, declared.default, hint, declared)
        kinds = {get_origin(member) or member for member in members(hint)}
        value = next((bad for kind, bad in wrong.items() if kind in kinds), b"x")
        with pytest.raises(UsageError, match=rf"^{option_name} is .*; it must be "):
            check_value(option_name, value, hint, declared)
