"""Declaration of options: each is one dataclass field, from which everything else is derived.

    @declare
    class Align(Stage):
        seed: int = option(1, "Random seed.", ge=0)

The field gives the keyword argument of the public function with its type, the command-line flag,
the check of values in Python and in experiment files, and the row of the reference table.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import (
    Any,
    Literal,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from xner.callables import FORM, adapted
from xner.effects import Rule, When, why_idle
from xner.errors import NoEffectError, UsageError, unknown
from xner.hints import describe_type, fits, is_optional, members

T = TypeVar("T")
_KEY = "xner"
_LARGEST = 2**63 - 1


class Unset:
    """The type of `UNSET`: an option that the caller left out."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """The declaration of an option, without its name and type.

    Attributes:
        default: value if the caller gives none; `UNSET` if the option is required.
        help: one or two sentences, for the command line and the reference table.
        choices: allowed values. Empty if any value of the type is allowed.
        ge, gt, le, lt: bounds of a number.
        presets: values that presets set, by the name of the preset.
        default_text: describes a default that depends on other options or on the hardware.
        unit: name of the value in usage lines, such as `WORDS` or `FILE`.
        flag: command-line flag, such as `--label`. By default the name with dashes; empty if the
            option cannot be given on the command line.
        parse: converts the text of one command-line argument.
        repeat: the flag may be repeated; the values are collected in a list.
        nargs: number of arguments of the flag, as in `argparse`.
        group: heading of the flag in `--help`.
        rare: the flag is on the page of `--help-all` only.
        sign: format of the option in signatures, such as `max_span:{}`.
        names: what the value names in an experiment file: a `file`, a `model` (hub id or folder),
            a `tagger` (one of the experiment's models, a hub id or folder), or `settings` of a
            model, which is named by the key `model`.
        text_of: name of the option that lists taggers whose training text is the default.
        each_of: name of the option that lists the taggers to which the values belong.
        stand_in: value with which an experiment is checked before a run fills the option in.
        in_experiments: the option can be set in experiment files.
        adapt: converts a function, or any object that is given, to the interface that the option
            takes. Text of the form `module:name` names such an object.
        when: conditions, one of which has to hold for the option to have an effect. None if it
            always has one.
    """

    default: Any
    help: str
    choices: Sequence[Any] = ()
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    presets: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    default_text: str = ""
    unit: str = ""
    flag: str | None = None
    parse: Callable[[str], Any] | None = None
    repeat: bool = False
    nargs: str | int | None = None
    group: str = ""
    rare: bool = False
    sign: str = ""
    names: Literal["", "file", "model", "tagger", "settings"] = ""
    text_of: str = ""
    each_of: str = ""
    stand_in: Any = UNSET
    in_experiments: bool = True
    adapt: Callable[[Any], Any] | None = None
    when: Sequence[When] = ()

    @property
    def range(self) -> str:
        """The allowed range in words, such as `at least 1`."""
        bounds = (
            ("at least", self.ge),
            ("above", self.gt),
            ("at most", self.le),
            ("below", self.lt),
        )
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def option(default: Any, text: str, *, kw_only: bool = True, **declared: Any) -> Any:
    """Declare an option as a field of a dataclass.

    Args:
        default: value if the caller gives none.
        text: help text.
        kw_only: the option is a keyword argument only.
        **declared: further fields of `Option`; `when` may be a single condition.

    An option with presets is `UNSET` in the constructor, so that the class can tell whether the
    caller gave it.
    """
    if isinstance(declared.get("when"), When):
        declared["when"] = (declared["when"],)
    made = Option(default, text, **declared)
    initial = UNSET if made.presets else default
    if default is UNSET:
        return dataclasses.field(kw_only=kw_only, metadata={_KEY: made})
    if isinstance(initial, dict | list | set):
        return dataclasses.field(
            default_factory=initial.copy, kw_only=kw_only, metadata={_KEY: made}
        )
    return dataclasses.field(default=initial, kw_only=kw_only, metadata={_KEY: made})


def like(cls: Any, name: str, **changed: Any) -> Any:
    """Declare an option as another class does.

    Args:
        cls: the class with the declaration.
        name: the option.
        **changed: fields of `Option` that differ.
    """
    declared = dataclasses.replace(options_of(cls)[name], **changed)
    return dataclasses.field(default=declared.default, kw_only=True, metadata={_KEY: declared})


def required(text: str, *, kw_only: bool = True, **declared: Any) -> Any:
    """Declare an option that has no default; the arguments are those of `option`."""
    return option(UNSET, text, kw_only=kw_only, **declared)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(required, like))
def declare(cls: type[T]) -> type[T]:
    """Make a frozen dataclass of a class whose fields are options."""
    return dataclasses.dataclass(frozen=True)(cls)


def options_of(cls: Any) -> dict[str, Option]:
    """The options of a declared class by name, in the order of their declaration."""
    return _options_of(cls)


@cache
def _options_of(cls: Any) -> dict[str, Option]:
    return {
        field.name: field.metadata[_KEY]
        for field in dataclasses.fields(cls)
        if _KEY in field.metadata
    }


def types_of(cls: Any) -> dict[str, Any]:
    """The types of the options of a declared class."""
    return _types_of(cls)


@cache
def _types_of(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {name: hints[name] for name in options_of(cls)}


def is_given(value: object) -> bool:
    """Whether the caller gave the value of an option that is left out by default."""
    return value is not UNSET and value is not None


def settle(
    made: Any, preset: str | None = None, given: Mapping[str, Any] | None = None
) -> list[str]:
    """Replace values that were left out, and check all options of a new instance.

    Args:
        made: an instance of a declared class; call this in its `__post_init__`.
        preset: name of the preset whose values replace those that were left out.
        given: values that replace those of the preset, for options that were left out; an
            option that has such a value counts as left out.

    Returns:
        Names of the options whose values are not those of the preset or the default.

    Raises:
        UsageError: a value has the wrong type, or is out of its range.
    """
    types = types_of(type(made))
    changed = []
    implied = (given or {}).get
    for name, declared in options_of(type(made)).items():
        value = getattr(made, name)
        if value is None and declared.default is None:
            continue
        usual = declared.presets.get(preset or "", declared.default)
        if value is UNSET or (value is None and not is_optional(types[name])):
            value = (given or {}).get(name, usual)
            object.__setattr__(made, name, value)
        elif not any(_same(value, each) for each in (usual, declared.default, implied(name))):
            changed.append(name)
        if declared.adapt is not None and value is not None:
            value = adapted(name, value, declared.adapt)
            object.__setattr__(made, name, value)
        if value is not declared.default:  # a test checks the defaults
            check_value(name, value, types[name], declared)
    return changed


def _same(value: Any, usual: Any) -> bool:
    """Whether a value is the usual one, also if it was converted."""
    if value is usual or (type(value) is type(usual) and value == usual):
        return True
    return isinstance(usual, str) and str(value) == usual


@declare
class Checked:
    """Options that are checked when an instance is created."""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            UsageError: a value has the wrong type or is out of its range.
        """
        settle(self)


def refuse_idle(made: Any, names: Iterable[str]) -> None:
    """Refuse options that have no effect.

    Args:
        made: an instance of a declared class; its attribute `effects` may have further conditions.
        names: options that the caller gave.

    Raises:
        NoEffectError: an option has no effect.
    """
    known = options_of(type(made))
    rules: Sequence[Rule] = getattr(made, "effects", ())
    for name in names:
        if why := why_idle(made, name, known[name].when, rules):
            raise NoEffectError(name, why)


def choices_of(hint: Any, declared: Option) -> tuple[Any, ...]:
    """The allowed values of an option: declared ones, or those of its literal type."""
    literals = [get_args(member) for member in members(hint) if get_origin(member) is Literal]
    return tuple(declared.choices) or tuple(value for values in literals for value in values)


def check_value(name: str, value: Any, hint: Any, declared: Option) -> None:
    """Raise UsageError unless a value fits the type, choices and range of its option."""
    if value is None and is_optional(hint):
        return
    known = choices_of(hint, declared)
    if known and isinstance(value, str) and value not in known:
        named = f", or {FORM}" if declared.adapt is not None else ""
        raise UsageError(f"{name} is {value!r}; choose one of {', '.join(map(str, known))}{named}")
    if not fits(value, hint):
        raise UsageError(f"{name} is {value!r}; it must be {describe_type(hint)}")
    for number in _numbers_in(value):
        if isinstance(number, Integral) and abs(int(number)) > _LARGEST:
            raise UsageError(f"{name} is too large; an integer must be at most {_LARGEST}")
        if not math.isfinite(number):
            raise UsageError(f"{name} is {value}; numbers must be finite")
    if isinstance(value, Real):
        _check_range(name, float(value), declared)


def _numbers_in(value: Any) -> list[Any]:
    """The number that a value is, or those in a list or mapping."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple | set | frozenset):
        value = [value]
    return [item for item in value if isinstance(item, Real)]


def _check_range(name: str, value: float, declared: Option) -> None:
    outside = (
        (declared.ge is not None and value < declared.ge)
        or (declared.gt is not None and value <= declared.gt)
        or (declared.le is not None and value > declared.le)
        or (declared.lt is not None and value >= declared.lt)
    )
    if outside:
        raise UsageError(f"{name} is {value:g}; it must be {declared.range}")


def build(
    cls: Callable[..., T], given: Mapping[str, Any], kind: str = "option", place: str = ""
) -> T:
    """An instance of a declared class from options by name.

    Args:
        cls: the class.
        given: options by name.
        kind: what errors call an option.
        place: precedes errors about unknown and missing options, such as `aligner native`.

    Raises:
        UsageError: an option is unknown or missing, a value does not fit, or an option that is
            given has no effect, also if its value is the default.
    """
    known = options_of(cls)
    for name in given:
        if name not in known:
            raise unknown(kind, name, known, place)
    for name, declared in known.items():
        if declared.default is UNSET and given.get(name, UNSET) is UNSET:
            meaning = declared.help.partition(". ")[0].rstrip(".")
            where = f"{place}: " if place else ""
            raise UsageError(f"{where}{name} is missing ({meaning})")
    made = cls(**given)
    refuse_idle(made, [name for name, value in given.items() if is_given(value)])
    return made


def shown_default(declared: Option) -> str:
    """The default of an option as people read it; empty if it has none."""
    value = declared.default
    if declared.default_text:
        return declared.default_text
    if value is UNSET or value is None or value is False or value in ((), {}):
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={weight:g}" for name, weight in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def signed(made: Any, names: Iterable[str]) -> list[str]:
    """The parts of a signature that options give, each by the format that it declares."""
    declared = options_of(type(made))
    return [declared[name].sign.format(getattr(made, name)) for name in names]


def parse_label(text: str) -> tuple[str, str | None]:
    """Parse OLD=NEW of `--label`; an empty NEW drops the label.

    Raises:
        UsageError: the text does not have this form.
    """
    old, equals, new = text.partition("=")
    if not old or not equals:
        raise UsageError(f"--label {text}: write OLD=NEW, or OLD= to drop the label")
    return old, new or None


def parse_weight(text: str) -> tuple[str, float]:
    """Parse NAME=WEIGHT, or NAME for a weight of 1.

    Raises:
        UsageError: the weight is not a number.
    """
    name, equals, number = text.partition("=")
    try:
        return name, float(number) if equals else 1.0
    except ValueError:
        raise UsageError(f"{text}: write NAME=WEIGHT, for example {name}=1") from None


def as_list(value: Any) -> list[Any]:
    """The values of an option that takes one value or several."""
    return list(value) if isinstance(value, list | tuple) else [value]
