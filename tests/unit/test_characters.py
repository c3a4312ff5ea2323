"""Texts, and character offsets of tokens and entities, through files and stages."""

import json
import pickle

import pyarrow as pa
import pytest

import xner
from xner.errors import InputError
from xner.jobs import run_job
from xner.stages.project import Project
from xner.tagging.fake import FakeTagger

# Entities inside a token (Kenya), with the space before them (the second), and nested ones.
SOURCE = [
    ("Kenyas Mann", [(0, 6), (7, 11)], [(0, 1, "LOC"), (0, 2, "PER")], [(0, 5), (0, 11)]),
    ("in  Bonn", [(0, 2), (4, 8)], [(1, 2, "LOC")], [(3, 8)]),
    ("", [], [], []),
]
TARGET = [("Un 𝒽ombre kenyan", [(0, 2), (3, 9), (10, 16)]), ("à Bonn", [(0, 1), (2, 6)]), ("", [])]
LINKS = [[(0, 2), (1, 1)], [(1, 1)], []]


def _spans(rows):
    return [[dict(zip(("start", "end"), span, strict=True)) for span in row] for row in rows]


def columns(**changes):
    """Columns of a corpus with texts."""
    names = ("start", "end", "label")
    made = {
        "source_tokens": [[text[a:b] for a, b in words] for text, words, _, _ in SOURCE],
        "source_text": [text for text, *_ in SOURCE],
        "source_offsets": _spans([words for _, words, _, _ in SOURCE]),
        "source_entities": [
            [dict(zip(names, e, strict=True)) for e in entities] for _, _, entities, _ in SOURCE
        ],
        "source_entity_offsets": _spans([exact for *_, exact in SOURCE]),
        "target_tokens": [[text[a:b] for a, b in words] for text, words in TARGET],
        "target_text": [text for text, _ in TARGET],
        "target_offsets": _spans([words for _, words in TARGET]),
        "links": [[{"source": s, "target": t} for s, t in row] for row in LINKS],
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


@pytest.fixture
def pairs():
    return xner.Corpus.from_table(pa.table(columns(id=["a", "b", "c"])))


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_offsets_pass_through_files_parts_and_stages(pairs, tmp_path, suffix):
    path, out = tmp_path / f"pairs{suffix}", f"{tmp_path}/out/"
    pairs.write(path)
    read = xner.scan(path)
    assert read.table.to_pydict() == pairs.table.to_pydict()
    assert pickle.loads(pickle.dumps(read.part(1, 3))).table.to_pydict() == {
        name: values[1:] for name, values in pairs.table.to_pydict().items()
    }
    run_job(Project(method="exact"), read, out, part_rows=1)
    made = xner.read(out).table
    given = made.select(pairs.columns).to_pydict()
    assert given == pairs.table.to_pydict()
    # The target entities have offsets as well: those of their tokens.
    assert made["target_entities"].to_pylist()[1][0]["start"] == 1
    assert made["target_entity_offsets"].to_pylist()[1:] == _spans([[(2, 6)], []])
    first = made["target_entities"].to_pylist()[0]
    words = TARGET[0][1]
    exact = [(words[e["start"]][0], words[e["end"] - 1][1]) for e in first]
    assert made["target_entity_offsets"].to_pylist()[0] == _spans([exact])[0]


def test_two_files_keep_their_texts(pairs, tmp_path):
    for side in ("source", "target"):
        pairs.select(*(n for n in pairs.columns if n.startswith(side))).write(
            tmp_path / f"{side}.parquet"
        )
    both = xner.scan(tmp_path / "source.parquet", tmp_path / "target.parquet")
    assert both.select("source_entity_offsets", "target_text").table.to_pydict() == {
        name: pairs.table[name].to_pylist() for name in ("source_entity_offsets", "target_text")
    }


def test_one_unnamed_side_keeps_its_offsets(pairs, tmp_path):
    side = {n.removeprefix("source_"): v for n, v in columns().items() if n.startswith("source_")}
    path = tmp_path / "one.parquet"
    xner.Corpus.from_table(pa.table(side)).write(path)
    read = xner.scan(path, side="source").table
    assert read["source_entity_offsets"].to_pylist() == side["entity_offsets"]
    assert "target_entity_offsets" not in xner.scan(path, side="target").columns


def test_new_entities_replace_offsets(pairs):
    tagged = xner.tag(pairs, tagger=FakeTagger({"Kenyas Mann": "PER", "Bonn": "LOC"}))
    expected = _spans([[(0, 11)], [(4, 8)], []])
    assert tagged.table["source_entity_offsets"].to_pylist() == expected
    dropped = xner.project(tagged.select("source_tokens", "source_entities", "target_tokens"))
    assert "target_entity_offsets" not in dropped.columns


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_entity_offsets": _spans([[(0, 5)], [(3, 8)], []])}, r"has 1 spans for 2 ent"),
        ({"source_entity_offsets": _spans([[(0, 5), (0, 6)], [(3, 8)], []])}, r"\[0, 6\) in sour"),
        ({"source_entity_offsets": _spans([[(0, 5), (6, 11)], [(3, 8)], []])}, r"\[6, 11\) in so"),
        ({"source_entity_offsets": _spans([[(0, 5), (0, 12)], [(3, 8)], []])}, r"\[0, 12\) in s"),
        ({"source_entity_offsets": _spans([[(0, 5), (0, 11)], [(1, 8)], []])}, r"\[1, 8\) in so"),
        ({"source_offsets": None}, "no 'source_offsets'"),
    ],
)
def test_offsets_that_do_not_fit(change, message):
    with pytest.raises(InputError, match=message):
        xner.Corpus.from_table(pa.table(columns(**change)))


def test_files_of_texts_are_split_into_words(tmp_path):
    rows = [
        {"source_text": text, "source_entities": spans, "target_text": "à Bonn"}
        for text, spans in [
            ("in  Bonn", [{"start": 3, "end": 8, "label": "LOC"}]),
            ("Bonn", [{"start": 0, "end": 9, "label": "LOC"}]),
        ]
    ]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.raises(InputError, match=r"texts.jsonl:2: the characters \[0, 9\) in source_ent"):
        xner.read(path)
    kept = xner.scan(path, on_bad_row="quarantine")
    assert [bad["row"] for bad in kept.bad] == [2]
    kept.select("source_text", "target_text").write(tmp_path / "texts.parquet")
    words = xner.scan(tmp_path / "texts.parquet").select("target_tokens", "source_offsets")
    assert words.part(0, 1).table.to_pydict() == {
        "target_tokens": [["à", "Bonn"]],
        "source_offsets": _spans([[(0, 2), (4, 8)]]),
    }
    assert kept[0].source_entities[0].text == " Bonn"
