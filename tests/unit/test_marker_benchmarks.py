"""The parts of the marker and NMT benchmarks, on made-up sentences."""

import random

import pyarrow as pa
import pytest

pytest.importorskip("torch")

from benchmarks import markers, nmt_score

from tests.models.seq2seq import make_nllb
from xner.columns import COLUMNS
from xner.corpus import Corpus

WORDS = ["Anna", "Roe", "besucht", "heute", "Rom", "und", "Bern", "."]
ENTITIES = [
    {"start": 0, "end": 2, "label": "PER"},
    {"start": 4, "end": 5, "label": "LOC"},
    {"start": 6, "end": 7, "label": "LOC"},
]


def as_published(text, names, entities, splitter, threshold):
    """Finds brackets in order, and takes the next entity for each."""
    words, found = [], []
    for part in text.split("["):
        inside, bracket, after = part.partition("]")
        own = splitter(inside)
        if bracket and entities:
            label = entities.pop(0)["label"]
            found.append(
                {"start_idx": len(words), "end_idx": len(words) + len(own), "label": label}
            )
        words += own + splitter.split(after)
    return words, found


def test_simulated_translations_are_compared():
    cases = [markers.simulate(WORDS, ENTITIES, random.Random(seed)) for seed in range(60)]
    damage = sum((case.damage for case in cases), markers.Counter())
    assert set(damage) == {"kept", "dropped", "broken", "moved", "invented"}
    assert sum(damage.values()) - damage["invented"] == 180
    assert all(case.kept <= case.gold and len(case.gold) == 3 for case in cases)
    differ, equal, _ = markers.compare(cases, as_published)
    assert equal + sum(differ.values()) == 60
    assert 0 < equal < 60
    whole = [case for case in cases if case.damage == {"kept": 3}]
    assert whole
    assert all(markers.ours(case) <= case.gold for case in whole)
    kept, found, wrong = markers.quality(whole, markers.ours)
    assert int(found) == int(kept) > 0 == int(wrong)


def test_the_reasons():
    def reason(text, names=("Rom", "Bern")):
        marked = markers.Marked("", "[]", (), names)
        empty = markers.Counter()
        return markers.reason(
            markers.Case(text, marked, list(names), ["A"] * 2, empty, set(), set())
        )

    assert reason("[[Rom] und Bern") == "unpaired markers"
    assert reason("[R] und Bern", ("R", "x")) == "brackets are counted as letters"
    assert (
        reason("[Roma Roma]", ("Roma Roma", "Roma Rom")) == "several entities above the threshold"
    )
    assert reason("[Roma Roma] [Roma Roma]", ("Roma Roma", "x")) == "several spans for one entity"
    assert reason("Rom") == "none"


def test_the_plain_loop_gives_the_same_scores(tmp_path):
    keys = ("source", "target", "weight")
    links = [dict(zip(keys, (i, i, 1.0), strict=True)) for i in range(len(WORDS))]
    columns = {"source_tokens": [WORDS], "target_tokens": [WORDS], "links": [links]}
    columns["source_entities"] = [ENTITIES[:2]]
    made = pa.table({name: pa.array(value, COLUMNS[name]) for name, value in columns.items()})
    corpus = Corpus.from_table(made)
    rows = nmt_score.sentences(corpus, "all")
    assert len(rows[0]) == 2 * (8 + 7 + 6 + 5 + 4 + 3 + 2)
    assert len(nmt_score.sentences(corpus, "linked")[0]) == 3 + 1
    model = make_nllb(tmp_path / "nllb", [" ".join(WORDS)] * 3)
    costs = [nmt_score.shared(model, rows), nmt_score.plainly(model, rows)]
    gap = abs(costs[0].scores - costs[1].scores.clip(max=1.0)).max()
    assert gap < 1e-4
    assert costs[0].tokens * 2 < costs[1].tokens == costs[1].padded
    assert "largest difference" in nmt_score.agreement(costs)
    assert nmt_score.table(costs, 1)[0].count("\n") == 3
