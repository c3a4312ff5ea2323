"""Labelled and unlabelled corpora for students, from the sentences of the tiny taggers."""

import pyarrow as pa

import xner
from tests.models import tagging
from xner.columns import COLUMNS

FAST = {"from_scratch": "small", "vocabulary": 200, "batch_size": 16, "masked": 0.05,
        "learning_rate": 5e-3, "device": "cpu"}  # fmt: skip


def spans(tags, **more):
    """Entities of IOB2 tags, as values of a column."""
    return [{"start": s, "end": e, "label": n, **more} for s, e, n in xner.spans_from_tags(tags)]


def table(prefix="", **columns):
    """A corpus with these columns; the prefix is added to their names."""
    names = {f"{prefix}{name}": values for name, values in columns.items()}
    return xner.Corpus.from_table(
        pa.table({n: pa.array(v, COLUMNS.get(n)) for n, v in names.items()})
    )


def labelled(count, seed, unseen=False, prefix=""):
    """A corpus with gold entities."""
    rows = tagging.sentences(count, seed, unseen)
    return table(prefix, tokens=[w for w, _ in rows], entities=[spans(t) for _, t in rows])


def words(corpus):
    """The sentences of a corpus without labels."""
    return table(tokens=corpus.table["tokens"].to_pylist())


def f1(gold, model):
    """F1 of a model on labelled sentences of one side."""
    sentences = gold.table["tokens"].to_pylist()
    text = table("source_", tokens=sentences)
    found = xner.tag(text, model=str(model), device="cpu").table
    made = table(tokens=sentences, entities=found["source_entities"].to_pylist())
    return xner.evaluate(gold, made).f1
