"""Small corpora for tests, and Hypothesis strategies that draw them."""

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from xner.aligners.bitext import Links
from xner.columns import COLUMNS
from xner.corpus import Corpus

# A corpus holds float32: a twin must see the same 0.1, or ties fall otherwise.
WEIGHTS = st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.25, float(np.float32(0.1)), 0.0])


def corpus(rows, origin="test"):
    """A corpus of `(source length, target length, entities, links)` rows.

    Entities are `(start, end)` or `(start, end, label)`, links `(source, target, weight)`.
    """
    names = ["source_tokens", "target_tokens", "source_entities", "links"]
    columns = {name: [] for name in names}
    for source, target, entities, links in rows:
        columns["source_tokens"].append([f"s{i}" for i in range(source)])
        columns["target_tokens"].append([f"t{i}" for i in range(target)])
        columns["source_entities"].append(
            [{"start": e[0], "end": e[1], "label": e[2] if len(e) > 2 else "PER"} for e in entities]
        )
        columns["links"].append([{"source": i, "target": j, "weight": w} for i, j, w in links])
    arrays = {name: pa.array(columns[name], COLUMNS[name]) for name in names}
    ids = pa.array([f"row-{i}" for i in range(len(rows))])
    return Corpus.from_table(pa.table({"id": ids, **arrays}), origin)


def side_of(sentences, side="source"):
    """A corpus of one side, without entities."""
    return Corpus.from_table(
        pa.table({f"{side}_tokens": pa.array(sentences, pa.list_(pa.string()))})
    )


def spans_of(tagged, side="source"):
    """Start, end and label of the entities of every sentence."""
    rows = tagged.table[f"{side}_entities"].to_pylist()
    return [[(e["start"], e["end"], e["label"]) for e in row] for row in rows]


@st.composite
def sentences(draw, longest=9):
    """One row for `corpus`: empty sides, overlapping entities, repeated links included."""
    source = draw(st.integers(0, longest))
    target = draw(st.integers(0, longest))
    entities, links = [], []
    if source:
        bounds = st.tuples(st.integers(0, source - 1), st.integers(1, 4))
        entities = [(s, min(source, s + n)) for s, n in draw(st.lists(bounds, max_size=5))]
    if source and target:
        link = st.tuples(st.integers(0, source - 1), st.integers(0, target - 1), WEIGHTS)
        links = draw(st.lists(link, max_size=20))
    return source, target, entities, links


@st.composite
def long_sentences(draw):
    """A row of about 500 words a side, with many links and entities."""
    seed = draw(st.randoms(use_true_random=False))
    source, target = 500, 480 + seed.randrange(40)
    starts = [seed.randrange(source - 6) for _ in range(seed.randrange(25))]
    entities = [(s, s + 1 + seed.randrange(6)) for s in starts]
    links = []
    for i in range(source):
        for _ in range(seed.randrange(3)):
            j = min(target - 1, max(0, i + seed.randrange(-4, 5)))
            links.append((i, j, seed.choice([1.0, 0.5])))
    return source, target, entities, links


def labelled(rows, origin="test"):
    """A corpus of one side: `(words parted by spaces, entities (start, end, label))` rows."""
    keys = ("start", "end", "label")
    entities = [[dict(zip(keys, entity, strict=True)) for entity in row[1]] for row in rows]
    columns = {
        "id": pa.array([f"row-{i}" for i in range(len(rows))]),
        "source_tokens": pa.array([row[0].split() for row in rows], COLUMNS["source_tokens"]),
        "source_entities": pa.array(entities, COLUMNS["source_entities"]),
    }
    return Corpus.from_table(pa.table(columns), origin)


class SameWords:
    """An aligner that links words that begin alike."""

    signature = "same"

    def __init__(self, letters=3):
        self.letters = letters

    def align(self, bitext, progress=None):
        rows = [self._pairs(bitext, n) for n in range(bitext.aligned)]
        source, target = np.array([pair for row in rows for pair in row], np.int32).reshape(-1, 2).T
        offsets = np.cumsum([0, *map(len, rows)])
        return Links(offsets, source.copy(), target.copy(), np.ones(len(source), np.float32))

    def _pairs(self, bitext, n):
        sides = [
            [side.words[i][: self.letters] for i in side.ids[side.offsets[n] : side.offsets[n + 1]]]
            for side in (bitext.source, bitext.target)
        ]
        return [(i, j) for i, a in enumerate(sides[0]) for j, b in enumerate(sides[1]) if a == b]
