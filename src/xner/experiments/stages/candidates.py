"""A tagger's spans on the target side, to choose from in projection."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from xner.columns import (
    CANDIDATES,
    fields_of,
    offsets_of,
    replace_columns,
    struct_lists,
    with_columns,
)
from xner.corpus import Corpus
from xner.experiments.stages import Columns, Settings, Stage, Tell, find_stage
from xner.experiments.stages import tag as tagging


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    tag = find_stage("tag").run
    assert tag is not None
    tagged = tag(corpus, {**settings, "side": "target"}, tell)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in tagged.batches():
            spans = _spans(batch["target_entities"])
            yield replace_columns(batch, {"target_candidates": spans}, drop=["target_entities"])

    schema = with_columns(
        tagged.schema, {"target_candidates": CANDIDATES}, drop=["target_entities"]
    )
    made = Corpus(batches, len(tagged), tagged.origin, schema)
    made.summary = tagged.summary
    return made


def _spans(entities: pa.ListArray) -> pa.ListArray:
    """Start and end of every entity, without its label."""
    offsets = offsets_of(entities)
    return struct_lists(CANDIDATES, offsets - offsets[0], *fields_of(entities, "start", "end"))


STAGE = Stage(
    name="candidates",
    run=_run,
    columns=lambda settings: Columns(
        ("target_tokens",), ("target_candidates", "target_probabilities", "target_tagset")
    ),
    settings=tuple(name for name in tagging.STAGE.settings or () if name != "side"),
    taggers=tagging.STAGE.taggers,
)
