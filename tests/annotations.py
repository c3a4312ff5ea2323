"""Small corpora and annotations in tests of formats."""

import pyarrow as pa

from xner.corpus import Corpus, scan_as_is


def corpus_of(*sentences):
    """A corpus of `(id, tokens, entities)` of the target side."""
    names = ("start", "end", "label")
    made = [
        {
            "id": name,
            "target_tokens": tokens,
            "target_entities": [dict(zip(names, span, strict=True)) for span in spans],
        }
        for name, tokens, spans in sentences
    ]
    return Corpus.from_table(pa.Table.from_pylist(made), "made")


def region(name, start, end, label, to="text", **more):
    value = {"start": start, "end": end, "labels": [label]}
    return {"id": name, "type": "labels", "from_name": "label", "to_name": to, "value": value,
            **more}  # fmt: skip


def rows(path, **options):
    """The rows of a file as they are."""
    return scan_as_is(path, **options).corpus.table.to_pylist()


def labelled(row, prefix=""):
    """Words and label of every entity of a row."""
    return [
        (" ".join(row[f"{prefix}tokens"][e["start"] : e["end"]]), e["label"])
        for e in row[f"{prefix}entities"]
    ]


def characters(row, prefix=""):
    """The text of every entity of a row, by its character offsets."""
    text = row[f"{prefix}text"]
    return [text[place["start"] : place["end"]] for place in row[f"{prefix}entity_offsets"]]
