"""Back-translation: entities from one text onto another of the same language, and mended links."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from tests.corpora import SameWords, labelled
from xner.columns import COLUMNS, LINKS
from xner.corpus import Corpus
from xner.jobs import run_job
from xner.stages.back_translate import AlignTarget, align_tgt, back_translate
from xner.stages.refine import Refine, refine
from xner.translation.fake import FakeTranslator

ENGLISH = [
    ("Anna visits Rome .", [(0, 1, "PER"), (2, 3, "LOC")]),
    ("It rains in Rome .", [(3, 4, "LOC")]),
    ("Anna sings .", [(0, 1, "PER")]),
    ("He visits us .", []),
]
# The words that were translated into ENGLISH, in an order of their own.
GERMAN = [
    "In Rom ist Anna zu Gast .",
    "In Rom regnet es .",
    "Es singt Anna .",
    "Er besucht uns .",
]
WORDS = {"visits": "besucht", "Rome": "Rom", "rains": "regnet", "It": "Es", "in": "in",
         "sings": "singt", "He": "Er", "us": "uns"}  # fmt: skip


def pairs(times=10, links=None):
    table = labelled(ENGLISH * times).table
    target = pa.array([row.split() for row in GERMAN * times], COLUMNS["target_tokens"])
    table = table.append_column("target_tokens", target)
    if links is not None:
        keys = ("source", "target", "weight")
        made = [[dict(zip(keys, link, strict=True)) for link in row] for row in links]
        table = table.append_column("links", pa.array(made, LINKS))
    return Corpus.from_table(table, "pairs")


def back(times=10, links=None, **options):
    return back_translate(
        pairs(times, links), "eng", "deu", translator=FakeTranslator(WORDS), **options
    )


def names(made, side="target"):
    return [
        [(" ".join(words[e["start"] : e["end"]]), e["label"], e["source"]) for e in entities]
        for words, entities in zip(
            made.table[f"{side}_tokens"].to_pylist(),
            made.table[f"{side}_entities"].to_pylist(),
            strict=True,
        )
    ]


def test_entities_cross_back():
    made = back(1)
    assert names(made, "back") == [
        [("Anna", "PER", 0), ("Rom", "LOC", 1)], [("Rom", "LOC", 0)], [("Anna", "PER", 0)], [],
    ]  # fmt: skip
    assert made.table["back_text"].to_pylist()[0] == "Anna besucht Rom."
    assert +made.report.outcomes == {"marked": 4}
    assert made.report.as_dict()["sentences"] == 4
    assert made.report.as_dict()["translations"] == {"translated": 4}
    assert "eng_Latn>deu_Latn|fake(" in made.report.signature
    assert "target_entities" not in made.columns
    with pytest.raises(xner.InputError, match="already has back_tokens"):
        back_translate(made, "eng", "deu", translator=FakeTranslator(WORDS))


def test_align_tgt_projects_in_one_language():
    # The rows come ten times over, so scores that count other sentences would learn them whole.
    made = align_tgt(back(), aligner=SameWords(), score={"overlap": 1.0})
    assert names(made)[:4] == [
        [("Rom", "LOC", 1), ("Anna", "PER", 0)], [("Rom", "LOC", 0)], [("Anna", "PER", 0)], [],
    ]  # fmt: skip
    assert made.table["outcomes"].to_pylist()[0] == ["projected", "projected"]
    summary = made.report
    assert (summary.entities, summary.outcomes["projected"], summary.spans) == (40, 40, 40)
    assert "aligner:same|align_tgt(xner:" in summary.signature


def test_entities_that_did_not_cross_keep_their_outcome():
    made = align_tgt(back(markers="none"))
    assert made.table["outcomes"].to_pylist()[0] == ["marker_lost", "marker_lost"]
    assert made.report.outcomes["marker_lost"] == made.report.entities == 40
    assert names(made)[0] == []


def test_the_back_translation_as_source():
    rows = back(1, beside=False).table.to_pylist()
    assert rows[0]["source_tokens"] == ["Anna", "besucht", "Rom", "."]
    assert [e["source"] for e in rows[0]["source_entities"]] == [0, 1]
    assert rows[0]["target_tokens"] == GERMAN[0].split()


def test_align_tgt_needs_a_back_translation():
    with pytest.raises(xner.InputError, match="no column 'back_tokens'"):
        align_tgt(pairs())
    table = back(1).table
    entities = [[{**e, "source": None} for e in row] for row in table["back_entities"].to_pylist()]
    at = table.column_names.index("back_entities")
    table = table.set_column(at, "back_entities", pa.array(entities, COLUMNS["target_entities"]))
    with pytest.raises(xner.InputError, match="has no source"):
        align_tgt(Corpus.from_table(table))


def test_refine_adds_links_only_where_there_are_none():
    # The direct links know Anna alone.
    direct = [[(0, 3, 1.0)], [], [(0, 2, 1.0)], []] * 10
    made = refine(back(links=direct), aligner=SameWords())
    row = {(x["source"], x["target"]): x["weight"] for x in made.table["links"].to_pylist()[0]}
    assert row == {(0, 3): 1.0, (2, 1): 1.0, (3, 6): 1.0}
    signature = made.schema.metadata[b"xner.links"].decode()
    assert signature.startswith("refine(given,backoff,noisy-or,same,xner:")
    out = xner.project(made, score={"overlap": 1.0})
    assert names(out)[0] == [("Rom", "LOC", 1), ("Anna", "PER", 0)]
    assert "aligner:refine(given" in out.report.signature


def test_refine_averages():
    direct = [[(0, 3, 1.0)], [], [(0, 2, 1.0)], []] * 10
    made = refine(back(links=direct), combine="average", paths="sum", aligner=SameWords())
    row = {(x["source"], x["target"]): x["weight"] for x in made.table["links"].to_pylist()[0]}
    assert row == {(0, 3): 1.0, (2, 1): 0.5, (3, 6): 0.5}
    whole = refine(back(), seed=2)
    assert all(0 < x["weight"] <= 1 for x in whole.table["links"].to_pylist()[0])
    with pytest.raises(xner.UsageError, match="combine is 'best'"):
        refine(back(), combine="best")
    with pytest.raises(xner.UsageError, match="paths is 'max'; choose one of noisy-or, sum"):
        refine(back(), paths="max")
    with pytest.raises(xner.InputError, match="no column 'back_tokens'"):
        refine(pairs())


def test_the_translation_as_it_was_written_is_marked():
    table = back(1).table.select(["id", "source_tokens", "source_entities"])
    texts = pa.array(["Anna visits Rome.", None, "Anna sings .", "He visits us ."])
    offsets = [
        [(0, 4), (5, 11), (12, 16), (16, 17)], [], [(0, 4), (5, 10), (11, 12)],
        [(0, 2), (3, 9), (10, 12), (13, 14)],
    ]  # fmt: skip
    asked = []

    class Asked(FakeTranslator):
        def translate(self, texts, source, target):
            own = list(texts)
            asked.extend(own)
            return super().translate(own, source, target)

    rows = [[{"start": a, "end": b} for a, b in row] for row in offsets]
    table = table.append_column("source_text", texts)
    table = table.append_column("source_offsets", pa.array(rows, COLUMNS["source_offsets"]))
    batches = table.combine_chunks().to_batches()
    back_translate(Corpus.from_batches(batches, "written"), "eng", "deu", translator=Asked(WORDS))
    assert asked[2:] == [
        "[Anna] visits [Rome].", "It rains in [Rome].", "[Anna] sings .", "He visits us .",
    ]  # fmt: skip


@pytest.mark.parametrize("stage", [AlignTarget(), AlignTarget(candidates="ngrams"), Refine()])
@pytest.mark.parametrize("linked", [False, True])
def test_a_job_in_parts_gives_the_same(tmp_path, stage, linked):
    """What depends on all rows is prepared before the parts are processed."""
    direct = [[(0, 0, 0.5)], [(1, 2, 1.0)], [], [(0, 0, 1.0)]]
    corpus = back(10, direct * 10 if linked else None)
    done = run_job(stage, corpus, f"{tmp_path}/out/", part_rows=16)
    whole = stage(corpus)
    shards = sorted((tmp_path / "out").glob("*.parquet"))
    made = pa.concat_tables(map(pq.read_table, shards))
    assert len(shards) == 3
    assert made.to_pylist() == whole.table.to_pylist()
    assert made.schema.metadata == whole.table.schema.metadata
    assert done.report.signature == whole.report.signature
    assert done.report.sentences == 40
    assert done.report.state["values"].keys() == whole.report.state["values"].keys()
    if stage.name == "align_tgt":
        assert done.report.outcomes == whole.report.outcomes
