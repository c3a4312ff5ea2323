"""Label Studio's JSON: a task per sentence or sentence pair, for correction and back.

Entities are predictions of the model `xner`. When tasks are read, the last annotation that was not
cancelled counts, or else the last prediction. `data.xner` has what Label Studio does not show.

JSON-MIN, the short export, is read as well. It has a record for each annotation, whose id is the
number of its task, and neither relations nor scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec
import pyarrow as pa

from xner.errors import FormatError
from xner.formats.losses import side_of
from xner.formats.registry import FEATURES, FURTHER, Format
from xner.formats.rows import (
    Place,
    Row,
    Texts,
    by_rows,
    entity,
    places,
    touched,
)
from xner.formats.streams import Output, open_output, open_text
from xner.words import find_words

FORMAT = Format(
    "label-studio",
    "Label Studio JSON",
    (".json",),
    frozenset(FEATURES) - {FURTHER},
    "a task per sentence or pair; entities are predictions, or annotations after correction",
    streams=False,
)
_LINK = ("source", "target", "weight")
_SIDES = ("source_text", "target_text", "text")
_FURTHER = "further annotations of a task"


def _rows(path: Path, encoding: str, lost: Counter[str]) -> Iterator[Row]:
    with open_text(path, encoding) as file:
        content = file.read()
    try:
        tasks = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not JSON ({error})") from None
    if not isinstance(tasks, list):
        raise FormatError(f"{path}: not a list of tasks; export the project as JSON")
    for number, task in enumerate(_last_of_each(tasks, lost), 1):
        try:
            yield _row(task, lost)
        except FormatError as error:
            raise FormatError(f"{path}: row {number}: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise FormatError(
                f"{path}: row {number}: not a task of Label Studio with text spans "
                f"({type(error).__name__}: {error}); export the project as JSON"
            ) from None


inspect, read = by_rows(_rows)


def _last_of_each(tasks: list[Any], lost: Counter[str]) -> list[Any]:
    """The tasks; of records of JSON-MIN, the last one of each task, as a task."""
    if not any(_is_short(task) for task in tasks):
        return tasks
    last = {
        str(task.get("id", number)) if _is_short(task) else number: task
        for number, task in enumerate(tasks)
    }
    lost.update({_FURTHER: len(tasks) - len(last)})
    return [_task_of(task) if _is_short(task) else task for task in last.values()]


def _is_short(task: Any) -> bool:
    """Whether it is a record of JSON-MIN, with the texts of a task beside its regions."""
    return isinstance(task, dict) and "data" not in task and any(name in task for name in _SIDES)


def _task_of(record: dict[str, Any]) -> dict[str, Any]:
    """The task of a record of JSON-MIN, whose regions are lists by the name of their labels."""
    results = [
        {"type": "labels", "to_name": name.replace("label", "text"), "value": value}
        for name, values in record.items()
        if isinstance(values, list)
        for value in values
        if isinstance(value, dict) and "labels" in value
    ]
    return {"data": record, "annotations": [{"result": results}]}


def _row(task: Mapping[str, Any], lost: Counter[str]) -> Row:
    data = task["data"]
    own: dict[str, Any] = data.get("xner") or {}
    names = [name for name in _SIDES if isinstance(data.get(name), str)]
    if not names:
        raise FormatError(f"has no text in {', '.join(_SIDES)} of its data")
    name = own.get("id", data.get("id"))
    row: Row = {} if name is None else {"id": str(name)}
    spans, relations = _results(_chosen(task, lost), names, lost)
    order: dict[str, int] = {}
    for name in names:
        prefix = name.removesuffix("text")
        found = sorted(spans[name], key=_order)
        if prefix == "source_":
            order = {region.get("id", i): i for i, region in enumerate(found)}
        row |= _side(prefix, data[name], own, found)
        for each, region in zip(row[f"{prefix}entities"], found, strict=True):
            each["source"] = order.get(relations.get(region.get("id", ""), "")) if prefix else None
    if "links" in own:
        row["links"] = [dict(zip(_LINK, link, strict=True)) for link in own["links"]]
    if "outcomes" in own and len(own["outcomes"]) == len(row.get("source_entities", ())):
        row["outcomes"] = own["outcomes"]
    elif "outcomes" in own:
        lost["outcomes of changed source entities"] += len(own["outcomes"])
    return row


def _chosen(task: Mapping[str, Any], lost: Counter[str]) -> list[dict[str, Any]]:
    """The results of the annotation that counts, or else of the prediction."""
    made = [one for one in task.get("annotations") or () if not one.get("was_cancelled")]
    lost.update({_FURTHER: max(len(made) - 1, 0)})
    chosen = made or list(task.get("predictions") or ())
    return list(chosen[-1]["result"]) if chosen else []


def _results(
    results: list[dict[str, Any]], names: list[str], lost: Counter[str]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """The regions with a label by the name of their text, and the source of each target region."""
    spans: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    relations = {}
    for result in results:
        kind = result.get("type")
        if kind == "relation":
            relations[result["to_id"]] = result["from_id"]
            continue
        if kind != "labels":
            lost[f"results of the type {kind}"] += 1
            continue
        name = names[0] if len(names) == 1 else result["to_name"]
        if name not in spans:
            raise FormatError(f"a region belongs to {name!r}, which is not a text of the task")
        for label in result["value"]["labels"]:
            spans[name].append({**result, "label": label})
    return spans, relations


def _order(region: Mapping[str, Any]) -> tuple[float, int]:
    """Regions that xner wrote keep their order; others follow by their place."""
    _, _, number = str(region.get("id", "")).rpartition("-")
    return int(number) if number.isdecimal() else float("inf"), region["value"]["start"]


def _side(prefix: str, text: str, own: Mapping[str, Any], regions: list[dict[str, Any]]) -> Row:
    """The columns of one side."""
    words: list[Place] = [(s, e) for s, e in own.get(f"{prefix}offsets", ())]
    tokens = own.get(f"{prefix}tokens")
    if tokens is None:
        words = find_words(text)
        tokens = [text[start:end] for start, end in words]
    entities, spans = [], []
    for region in regions:
        value, label = region["value"], region["label"]
        start, end = int(value["start"]), int(value["end"])
        own_words = touched(words, start, end) if 0 <= start < end <= len(text) else None
        if own_words is None:
            raise FormatError(f"the span [{start}, {end}) contains no word of the text")
        entities.append(entity(*own_words, label, score=region.get("score")))
        spans.append((start, end))
    return {
        f"{prefix}tokens": tokens,
        f"{prefix}entities": entities,
        f"{prefix}text": text,
        f"{prefix}offsets": places(words),
        f"{prefix}entity_offsets": places(spans),
    }


class _Writer:
    """Writes one list of tasks."""

    def __init__(self, file: Output) -> None:
        self._file, self._before = file, b"[\n"

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write a task for each row of a batch."""
        names = batch.schema.names
        prefixes = [p for p in ("source_", "target_", "") if f"{p}tokens" in names]
        sides = {p: Texts(side_of(batch, p.removesuffix("_"))) for p in prefixes}
        links, outcomes = (
            batch[name].to_pylist() if name in names else None for name in ("links", "outcomes")
        )
        for i in range(batch.num_rows):
            task = _task(sides, i)
            more = task["data"]["xner"]
            if links is not None:
                more["links"] = [[link[name] for name in _LINK] for link in links[i]]
            if outcomes is not None:
                more["outcomes"] = outcomes[i]
            self._file.write(self._before + msgspec.json.encode(task))
            self._before = b",\n"

    def close(self) -> None:
        """Write the end."""
        self._file.write(b"\n]\n")


def _task(sides: Mapping[str, Texts], i: int) -> dict[str, Any]:
    data: dict[str, Any] = {"id": next(iter(sides.values())).ids[i]}
    more: dict[str, Any] = {"id": data["id"]}
    results: list[dict[str, Any]] = []
    for prefix, side in sides.items():
        data[f"{prefix}text"] = side.texts[i]
        more |= {f"{prefix}tokens": side.tokens[i], f"{prefix}offsets": side.offsets[i]}
        for j, (each, (start, end)) in enumerate(zip(side.entities[i], side.spans[i], strict=True)):
            region = f"{prefix or 'text_'}{j}".replace("_", "-")
            value = {"start": start, "end": end, "text": side.texts[i][start:end]}
            results.append({
                "id": region, "type": "labels", "from_name": f"{prefix}label",
                "to_name": f"{prefix}text", "value": {**value, "labels": [each["label"]]},
            })  # fmt: skip
            if each["score"] is not None:
                results[-1]["score"] = each["score"]
            if each["source"] is not None and prefix == "target_" and "source_" in sides:
                results.append({"type": "relation", "direction": "right", "to_id": region,
                                "from_id": f"source-{each['source']}"})  # fmt: skip
    data["xner"] = more
    return {"data": data, "predictions": [{"model_version": "xner", "result": results}]}


@contextmanager
def writer(partial: Path, path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    """Open a file for writing."""
    with open_output(partial, path) as file:
        made = _Writer(file)
        yield made
        made.close()


def labeling_config(labels: Collection[str], prefixes: Collection[str]) -> str:
    """The labeling interface of a project, for the tasks that `writer` makes.

    Args:
        labels: labels of entities.
        prefixes: `source_` and `target_`, or an empty one for tasks with one text.
    """
    # Without the style, Label Studio counts several spaces as one.
    lines = ["<View>", "  <Style>.htx-text { white-space: pre-wrap; }</Style>"]
    for prefix in prefixes:
        lines.append(f'  <Labels name="{prefix}label" toName="{prefix}text">')
        lines += [f"    <Label value={quoteattr(label)}/>" for label in sorted(labels)]
        lines.append("  </Labels>")
        lines.append(f'  <Text name="{prefix}text" value="${prefix}text"/>')
    return "\n".join([*lines, "</View>", ""])
