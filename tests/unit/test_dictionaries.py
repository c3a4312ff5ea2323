"""Words of Parquet files that are read as dictionaries: faster, with the same results."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from xner.columns import TOKENS, WORD_TYPES
from xner.formats import parquet
from xner.jobs import run_job
from xner.stages.passing import to_write
from xner.stages.project import Project

WORDS = ("source_tokens", "target_tokens")
ROWS = 300


def pairs(rows=ROWS):
    draw = random.Random(5)
    words = [
        "Ada",
        "(Ada)",
        "lebt",
        "in",
        "Nairobi",
        "ナイロビ",
        "نيروبي",
        "n̈",
        "",
        *map(str, range(40)),
    ]
    columns = {name: [] for name in (*WORDS, "source_entities", "links")}
    for _ in range(rows):
        length = draw.choice([0, 1, 4, 9])
        for name in WORDS:
            columns[name].append([draw.choice(words) for _ in range(length)])
        spans = [{"start": i, "end": i + 1, "label": "PER"} for i in range(0, length, 3)]
        columns["source_entities"].append(spans)
        columns["links"].append([{"source": i, "target": i} for i in range(length)])
    return pa.table(columns)


def cast(table, kind):
    for name in WORDS:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    return table


def written(path, table, **options):
    pq.write_table(table, path, **options)
    return xner.scan(path)


def batches(corpus):
    return list(corpus.with_dictionaries(WORDS).batches())


LEAVES = ["source_tokens.list.element", "target_tokens.list.element"]
DELTA = {"use_dictionary": False, "column_encoding": dict.fromkeys(LEAVES, "DELTA_BYTE_ARRAY")}
SHORT = {
    "use_dictionary": False,
    "column_encoding": dict.fromkeys(LEAVES, "DELTA_LENGTH_BYTE_ARRAY"),
}


@pytest.mark.parametrize(
    ("kind", "options", "stored"),
    [
        (TOKENS, {}, True),
        (TOKENS, {"row_group_size": 70, "data_page_version": "2.0"}, True),
        (TOKENS, {"version": "1.0", "data_page_size": 100}, True),
        (TOKENS, {"dictionary_pagesize_limit": 100, "data_page_size": 100}, False),
        (TOKENS, {"use_dictionary": False}, False),
        (TOKENS, DELTA, False),
        (TOKENS, SHORT, False),
        (pa.large_list(pa.large_string()), {}, True),
        (pa.list_(pa.binary()), {"store_schema": False}, True),
        (pa.list_(pa.dictionary(pa.int8(), pa.string())), {}, True),
    ],
)  # fmt: skip
def test_words_are_the_same_however_they_are_stored(tmp_path, kind, options, stored):
    table = pairs()
    corpus = written(tmp_path / "a.parquet", cast(table, kind), **options)
    read = batches(corpus)
    kind = WORD_TYPES if stored else TOKENS
    assert all(batch[name].type == kind for batch in read for name in WORDS)
    for name in WORDS:
        assert [row for batch in read for row in batch[name].to_pylist()] == table[name].to_pylist()
    part = corpus.with_dictionaries(WORDS).part(65, 145).select("target_tokens")
    found = [row for batch in part.batches() for row in batch["target_tokens"].to_pylist()]
    assert found == table["target_tokens"].to_pylist()[65:145]


def test_files_that_are_stored_in_other_ways_are_read_as_one(tmp_path):
    table = pairs()
    written(tmp_path / "0.parquet", table.slice(0, 100))
    written(tmp_path / "1.parquet", table.slice(100), use_dictionary=LEAVES[1:])
    corpus = xner.scan(tmp_path)
    [batch] = batches(corpus)
    assert [batch[name].type for name in WORDS] == [TOKENS, WORD_TYPES]
    for name in WORDS:
        assert batch[name].to_pylist() == table[name].to_pylist()
    sides = xner.scan([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "*.parquet")
    [batch] = batches(sides)
    assert batch["target_tokens"].to_pylist() == table["target_tokens"].to_pylist()


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"score": {"alignment": 1.0}}, "shards/"),
        ({}, "out.parquet"),
        ({"candidates": "ngrams", "relabel": 0.6}, "out.parquet"),
    ],
)
def test_jobs_write_what_they_write_from_strings(tmp_path, monkeypatch, options, output):
    monkeypatch.chdir(tmp_path)
    corpus = written("a.parquet", pairs(), row_group_size=110)
    for columns in ("all", "new"):
        made = []
        for name in ("coded", "strings"):
            if name == "strings":
                monkeypatch.setattr(Project, "takes_dictionaries", lambda *_: False)
            path = f"{columns}-{name}-{output}"
            run_job(Project(**options), corpus, path, columns=columns, part_rows=80)
            made.append(pq.read_table(path))
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        assert made[0].equals(made[1], check_metadata=True)
        assert made[0].num_rows == ROWS


def test_who_takes_dictionaries(tmp_path):
    corpus = written(tmp_path / "a.parquet", pairs())
    assert Project().takes_dictionaries(corpus)
    assert not Project().takes_dictionaries(corpus.select(*WORDS, "source_entities"))


def test_text_that_repeats_is_written_a_few_rows_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_TEXT", 1 << 20)
    table = pa.table({"source_tokens": [["x" * 2000]] * 20, "target_tokens": [["y"]] * 20})
    [batch] = batches(written(tmp_path / "a.parquet", table))
    corpus = xner.Corpus.from_batches([batch], "a")
    parts = list(to_write(corpus, frozenset({"id"})))
    assert [part.num_rows for part in parts] == [8, 8, 4]
    assert pa.Table.from_batches(parts).cast(table.schema) == table


def test_damaged_words_are_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({name: [[b"a", b"\xff\xfe"]] for name in WORDS})
    pq.write_table(table, path, store_schema=False)
    with pytest.raises(xner.FormatError, match=r"a.parquet: column 'source_tokens' should hold"):
        batches(xner.scan(path))
    corpus = written(path, pa.table({name: [["a", None]] for name in WORDS}))
    with pytest.raises(xner.InputError, match="has a null where a token should be"):
        batches(corpus)
