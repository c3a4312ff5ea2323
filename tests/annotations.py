"""Small corpora and annotations in tests of formats."""

import pyarrow as pa

from xner.corpus import Corpus


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
