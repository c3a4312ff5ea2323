"""The benchmark of reading and writing, on a handful of pairs."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks import scale_io, synthetic

import xner


@pytest.fixture(scope="module")
def table():
    return pa.concat_tables(synthetic.pairs(500))


def test_synthetic_pairs_are_a_corpus_without_repetition(table):
    corpus = xner.Corpus.from_table(table)
    assert len(corpus) == 500
    sentences = [" ".join(row) for row in table["source_tokens"].to_pylist()]
    assert len(set(sentences)) > 490
    assert table["links"].combine_chunks().flatten().field("weight").null_count == 0
    entities = table["source_entities"].combine_chunks().flatten().field("label")
    assert set(entities.to_pylist()) == {"PER", "LOC", "ORG", "MISC"}
    assert pa.concat_tables(synthetic.pairs(500)) == table
    assert pa.concat_tables(synthetic.pairs(10, seed=2)) != table.slice(0, 10)


def test_pairs_do_not_depend_on_the_number_of_rows(table, monkeypatch):
    monkeypatch.setattr(synthetic, "CHUNK", 100)
    parts = list(synthetic.pairs(250))
    assert [part.num_rows for part in parts] == [100, 100, 50]
    assert len(set(pa.concat_tables(parts)["id"].to_pylist())) == 250


def test_the_tables_of_the_page(table, tmp_path, monkeypatch):
    monkeypatch.setattr(scale_io, "SHARD", 300)

    def project(source, output, rows, *options, tree=None):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        pq.write_table(table, out / "part-00000.parquet")
        return scale_io.Cost(2.0, 3.0, 100.0)

    monkeypatch.setattr(scale_io, "project", project)
    page = scale_io.whole_command(tmp_path, 500, before=tmp_path)
    assert [path.name for path in sorted((tmp_path / "pairs").iterdir())] == [
        "0.parquet", "1.parquet",
    ]  # fmt: skip
    assert page.count("| 250 | 100 |") == 8
    assert (tmp_path / "few.parquet").is_file()
    assert page.startswith("`--columns new` against the earlier commit: 1.0 times as fast with ")
    page = scale_io.settings(tmp_path / "out" / "part-00000.parquet", tmp_path / "scratch")
    assert "| chosen by xner |" in page


def test_a_run_that_loses_rows_ends_the_benchmark(tmp_path, monkeypatch):
    child = "import sys; print('{\"sentences\": 4}'); print('[1.5, 20]', file=sys.stderr)"
    monkeypatch.setattr(scale_io, "_CHILD", child)
    cost = scale_io.project(tmp_path, "out.parquet", 4, tree=tmp_path)
    assert (cost.cpu, cost.memory) == (1.5, 20)
    with pytest.raises(SystemExit, match="xner project failed"):
        scale_io.project(tmp_path, "out.parquet", 5)
