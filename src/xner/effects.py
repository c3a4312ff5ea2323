"""When an option has an effect: conditions on other options, in code and in words.

    merge_distance: int = option(1, "…", when=(when(method="heuristic"), when(candidates="runs")))

An option with several conditions has an effect if one of them holds. An option that is given
without one is refused (`xner.options.refuse_idle`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class _Kind:
    """The type of `GIVEN` and `NOTHING`."""


NOTHING = _Kind()
"""Stands for None, False and empty values."""
GIVEN = _Kind()
"""Stands for any other value."""


@dataclass(frozen=True, slots=True)
class When:
    """A condition: each of these attributes has one of its values.

    Attributes:
        values: allowed values by name of an option or property. An object that lacks the
            attribute meets the condition.
        words: the condition in words; by default those of `values`.
        title: what messages call the attribute, if there is only one; by default its name.
    """

    values: Mapping[str, tuple[Any, ...]]
    words: str = ""
    title: str = ""

    def holds(self, made: Any) -> bool:
        """Whether an object meets the condition."""
        return not self.unmet(made)

    def unmet(self, made: Any) -> dict[str, tuple[Any, ...]]:
        """The values that an object would need in place of those that it has, by name."""
        return {
            name: wanted
            for name, wanted in self.values.items()
            if hasattr(made, name) and not _is_one(getattr(made, name), wanted)
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition of several options of a class.

    Attributes:
        names: the options.
        when: has to hold for each of them, in addition to what they declare.
    """

    names: frozenset[str]
    when: When


def when(words: str = "", **values: Any) -> When:
    """A condition on options and properties: a value, or a tuple of allowed values, by name."""
    listed = {n: value if isinstance(value, tuple) else (value,) for n, value in values.items()}
    return When(listed, words)


def rule(names: Collection[str], condition: When) -> Rule:
    """A condition of several options."""
    return Rule(frozenset(names), condition)


def rules_of(
    taken: Mapping[str, Iterable[str]],
    attribute: str,
    *,
    title: str = "",
    custom: Collection[str] = (),
) -> tuple[Rule, ...]:
    """Conditions of options that only some components take.

    Args:
        taken: names of the options of each component.
        attribute: option or property that names the component.
        title: what messages call the attribute; by default its name.
        custom: options that also a component without a name takes, for which the attribute is
            empty.
    """
    owners: dict[str, tuple[str, ...]] = {}
    for component, names in taken.items():
        owners |= {name: (*owners.get(name, ()), component) for name in names}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, components in owners.items():
        groups.setdefault((*components, *([""] if name in custom else [])), []).append(name)
    found = []
    for components, names in groups.items():
        if set(components) != {*taken, ""}:
            found.append(Rule(frozenset(names), When({attribute: components}, title=title)))
    return tuple(found)


def needed_by(conditions: Iterable[When]) -> str:
    """What an option needs to have an effect, as a sentence; empty if it needs nothing."""
    needs = dict.fromkeys(_needs(condition) for condition in conditions)
    found = ", or ".join(n if n.startswith("without ") else f"with {n}" for n in needs)
    return f"Only {found}." if found else ""


def _needs(condition: When) -> str:
    if condition.words:
        return condition.words
    values = condition.values.items()
    chosen = [
        name if wanted == (GIVEN,) else _values(condition.title or name, wanted)
        for name, wanted in values
        if wanted != (NOTHING,)
    ]
    without = [name for name, wanted in values if wanted == (NOTHING,)]
    parts = [" and ".join(chosen)] if chosen else []
    parts += [f"without {' and '.join(without)}"] if without else []
    return " and ".join(parts)


def why_idle(made: Any, name: str, own: Iterable[When], rules: Iterable[Rule]) -> str:
    """Say why an option has no effect; empty if it has one.

    Args:
        made: an object with all options.
        name: the option.
        own: the conditions that it declares, one of which has to hold.
        rules: the conditions of several options, each of which has to hold.
    """
    groups = [tuple(own), *((each.when,) for each in rules if name in each.names)]
    for conditions in groups:
        if not conditions or any(condition.holds(made) for condition in conditions):
            continue
        changes = dict.fromkeys(_change(each, made) for each in conditions)
        return (
            f"{name} has no effect {_held(made, conditions)}; leave it out, or "
            f"{', or '.join(changes)}"
        )
    return ""


def _is_one(value: Any, wanted: tuple[Any, ...]) -> bool:
    empty = value is None or value is False or value in ((), [], {}, "")
    if (NOTHING if empty else GIVEN) in wanted:
        return True
    plain = value is None or isinstance(value, str | int | float)
    return any(value is each or (plain and value == each) for each in wanted)


def _change(condition: When, made: Any) -> str:
    """What to do to meet a condition."""
    if condition.words:
        return f"choose {condition.words}"
    unmet = condition.unmet(made)
    chosen = [
        _values(condition.title or name, wanted)
        for name, wanted in unmet.items()
        if wanted not in ((NOTHING,), (GIVEN,))
    ]
    steps = {
        "choose": chosen,
        "give": [name for name, wanted in unmet.items() if wanted == (GIVEN,)],
        "leave out": [name for name, wanted in unmet.items() if wanted == (NOTHING,)],
    }
    return " and ".join(f"{verb} {' and '.join(what)}" for verb, what in steps.items() if what)


def _values(name: str, values: tuple[Any, ...]) -> str:
    """The allowed values of an option, in words."""
    *first, last = [str(value) for value in values if value not in (None, "")]
    return f"{name} {', '.join(first)} or {last}" if first else f"{name} {last}"


def _held(made: Any, conditions: Iterable[When]) -> str:
    """What an object has instead of what the conditions ask for, in words."""
    held: dict[str, str] = {}
    missing = []
    for condition in conditions:
        for name, wanted in {} if condition.words else condition.unmet(made).items():
            value, title = getattr(made, name), condition.title or name
            if value != "" and _is_one(value, (NOTHING,)):
                missing.append(title)
            else:
                held[name] = _shown(title, value, wanted)
    parts = [f"with {' and '.join(held.values())}"] if held else []
    parts += [f"without {' and '.join(dict.fromkeys(missing))}"] if missing else []
    return " and ".join(parts) or "with the other options"


def _shown(title: str, value: Any, wanted: tuple[Any, ...]) -> str:
    if wanted == (NOTHING,):
        return title
    named = isinstance(value, str | int | float) and value != ""
    return f"{title} {value}" if named else f"a custom {title}"
