"""A tagger's spans on the target side, to choose from in projection."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from xner.columns import offsets_of
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
            made = batch.drop_columns(["target_entities"]).append_column("target_candidates", spans)
            yield made.replace_schema_metadata(batch.schema.metadata)

    made = Corpus(batches, len(tagged), tagged.origin)
    made.summary = tagged.summary
    return made


def _spans(entities: pa.ListArray) -> pa.ListArray:
    """Start and end of every entity, without its label."""
    offsets = offsets_of(entities)
    values = entities.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    spans = pa.StructArray.from_arrays(
        [values.field("start"), values.field("end")], names=["start", "end"]
    )
    return pa.ListArray.from_arrays(pa.array((offsets - offsets[0]).astype(np.int32)), spans)


STAGE = Stage(
    name="candidates",
    run=_run,
    columns=lambda settings: Columns(
        ("target_tokens",), ("target_candidates", "target_probabilities", "target_tagset")
    ),
    settings=tuple(name for name in tagging.STAGE.settings or () if name != "side"),
    taggers=tagging.STAGE.taggers,
)
