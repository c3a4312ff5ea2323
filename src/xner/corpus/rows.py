"""Sentence pairs as Python lists, tuples and dicts, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from numbers import Integral, Real
from typing import Any, NamedTuple

import pyarrow as pa

from xner.columns import COLUMNS, Where
from xner.conforming import fit
from xner.errors import InputError, UsageError

ROW_FORMS = (
    "a row is (source, target) or (source, target, links), where source is (words, spans), "
    "target is words, words are a list of strings or a text, a span is (start, end, label) or a "
    "dict, and a link is (source word, target word) or (source word, target word, weight); "
    "or (words, spans, target); or a dict with the names of columns"
)


class _Form(NamedTuple):
    """The form of tuples in a column of structs.

    what: names one in error messages. keys: its fields, by position. usual: types of the values
    of tuples that fit without a closer look.
    """

    what: str
    keys: tuple[str, ...]
    usual: set[tuple[type, ...]]


_SPAN = _Form("a span", ("start", "end", "label"), {(int, int, str)})
_LINK = _Form("a link", ("source", "target", "weight"), {(int, int), (int, int, float)})
_PLACE = _Form("a span", ("start", "end"), {(int, int)})
_FORMS = {
    name: form
    for names, form in (
        (("entities", "source_entities", "target_entities", "back_entities"), _SPAN),
        (("links",), _LINK),
        (("target_candidates", "source_offsets", "target_offsets", "offsets"), _PLACE),
        (("entity_offsets", "source_entity_offsets", "target_entity_offsets"), _PLACE),
    )
    for name in names
}


def batch_of_rows(rows: Sequence[Any], where: Where, single: bool = False) -> pa.RecordBatch:
    """The columns of rows.

    Args:
        rows: in one of the forms of `ROW_FORMS`.
        where: names a row in error messages.
        single: a row of words alone, or of words and spans, is one sentence and not a pair.

    Raises:
        UsageError: a row has none of these forms.
        InputError: a value has the wrong type.
    """
    dicts = [
        row if isinstance(row, Mapping) else _of_tuple(row, where(i), single)
        for i, row in enumerate(rows)
    ]
    names = dict.fromkeys(chain.from_iterable(dicts))
    return batch_of_columns({name: [row.get(name) for row in dicts] for name in names}, where)


def batch_of_columns(columns: Mapping[str, Sequence[Any]], where: Where) -> pa.RecordBatch:
    """A batch of columns of Python values; tuples in columns of structs become structs.

    Columns that xner knows have the types of `xner.columns`.

    Raises:
        InputError: a value has the wrong type, or columns differ in length.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        (one, rows), (other, more) = (
            min(lengths.items(), key=_second),
            max(lengths.items(), key=_second),
        )
        raise InputError(f"column {one!r} has {rows} rows, but {other!r} has {more}")
    arrays = [_array(name, values, where) for name, values in columns.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _second(item: tuple[str, int]) -> int:
    return item[1]


def _array(name: str, values: Sequence[Any], where: Where) -> pa.Array:
    kind = COLUMNS.get(name)
    if name in _FORMS:
        values = [_structs(name, value, where(i)) for i, value in enumerate(values)]
    try:
        made = pa.array(values, kind)
        return made if kind is None else fit(made, kind, name)
    except (pa.ArrowException, TypeError, OverflowError):
        pass
    for i, value in enumerate(values):
        try:
            pa.array([value], kind)
        except (pa.ArrowException, TypeError, OverflowError):
            wanted = _IN_WORDS.get(str(kind), str(kind))
            raise InputError(f"{where(i)}: {name} is {_short(value)}, not {wanted}") from None
    raise InputError(f"column {name!r}: rows differ in the types of their values")


_IN_WORDS = {"list<item: string>": "a list of strings", "string": "text"}


def _structs(name: str, value: Any, row: str) -> Any:
    """Tuples of a list as dicts."""
    form = _FORMS[name]
    if value is None:
        return None
    if isinstance(value, str | Mapping):
        raise InputError(f"{row}: {name} is {_short(value)}, not a list")
    try:
        items = list(value)
    except TypeError:
        raise InputError(f"{row}: {name} is {_short(value)}, not a list") from None
    return [_struct(name, item, form, row) for item in items]


def _struct(name: str, item: Any, form: _Form, row: str) -> Mapping[str, Any]:
    if type(item) is dict:
        return item
    if not isinstance(item, tuple) or tuple(map(type, item)) not in form.usual:
        if isinstance(item, Mapping):
            return item
        if not _is_struct(item, form):
            raise InputError(
                f"{row}: {form.what} in {name} is {_short(item)}; write ({', '.join(form.keys)}) "
                f"or a dict with these keys"
            )
    if len(item) < len(form.keys):
        return {"source": item[0], "target": item[1], "weight": 1.0}
    return dict(zip(form.keys, item, strict=True))


def _is_struct(item: Any, form: _Form) -> bool:
    """Whether a tuple or list has the form."""
    lengths = (len(form.keys), len(form.keys) - (form is _LINK))
    fits = isinstance(item, tuple | list) and len(item) in lengths
    return fits and all(map(_is_field, form.keys, item))


def _is_field(key: str, value: Any) -> bool:
    if type(value) is int:
        return key != "label"
    if isinstance(value, bool):
        return False
    if key == "label":
        return isinstance(value, str)
    return isinstance(value, Real if key == "weight" else Integral)


def _of_tuple(row: Any, place: str, single: bool) -> dict[str, Any]:
    """A row in one of the forms of tuples."""
    if single and not isinstance(row, str) and (_are_words(row) or _is_labelled(row)):
        return _side(row, "")
    if isinstance(row, tuple | list) and 2 <= len(row) <= 4:
        parts = list(row)
        if len(parts) < 4 and _is_labelled(parts[0]):
            return _pair(*parts)
        if len(parts) == 2 and all(map(_are_words, parts)):
            return _pair(*parts)
        if len(parts) > 2 and _are_words(parts[0]):
            words, middle, last, *links = parts
            if _are_words(last) and not (middle and _are_words(middle)):
                return _pair((words, middle), last, *links)
            if _are_words(middle):
                return _pair((words, last), middle, *links)
    raise UsageError(f"{place} is {_short(row)}; {ROW_FORMS}")


def is_row(given: Sequence[Any]) -> bool:
    """Whether a tuple is one row, and not several rows."""
    return 2 <= len(given) <= 4 and (_are_words(given[0]) or _is_labelled(given[0]))


def _pair(source: Any, target: Any, links: Any = None) -> dict[str, Any]:
    """The columns of a pair."""
    made = _side(source, "source_") | _side(target, "target_")
    return made if links is None else {**made, "links": links}


def _side(side: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(side, list | tuple) and isinstance(side, Mapping):
        return {f"{prefix}{name}": value for name, value in side.items()}
    words, spans = side if _is_labelled(side) else (side, None)
    made = {f"{prefix}{'text' if isinstance(words, str) else 'tokens'}": words}
    return made if spans is None else {**made, f"{prefix}entities": spans}


def _is_labelled(side: Any) -> bool:
    """Whether a side is (words, spans) or a dict."""
    if not isinstance(side, tuple | list):
        return isinstance(side, Mapping)
    if len(side) != 2 or isinstance(side[1], str):
        return False
    return _are_words(side[0]) and _are_spans(side[1])


def _are_words(value: Any) -> bool:
    """Whether a value is a text or a list of words; an empty list may be one."""
    if isinstance(value, str):
        return True
    return _is_list(value) and all(issubclass(kind, str) for kind in set(map(type, value)))


def _are_spans(value: Any) -> bool:
    return _is_list(value) and not any(issubclass(kind, str) for kind in set(map(type, value)))


def _is_list(value: Any) -> bool:
    """Whether a value is a list or an array; not a text or a mapping."""
    if isinstance(value, list | tuple):
        return True
    return (isinstance(value, Sequence) and not isinstance(value, str)) or hasattr(value, "tolist")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
