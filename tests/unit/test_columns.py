"""Only the columns that are needed are read."""

import pickle

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq
import pytest

import xner
from xner.cli import main
from xner.corpus.choosing import columns_to_read
from xner.formats import parquet
from xner.jobs import run_job
from xner.stages.project import Project

ROWS = 5


@pytest.fixture
def pairs(tmp_path):
    table = pa.table(
        {
            "id": [f"x{i}" for i in range(ROWS)],
            "domain": ["news"] * ROWS,
            "source_tokens": [["a", "b"]] * ROWS,
            "source_entities": [[{"start": 0, "end": 1, "label": "PER"}]] * ROWS,
            "target_tokens": [["c"]] * ROWS,
            "links": [[{"source": 0, "target": 0, "weight": 1.0}]] * ROWS,
        }
    )
    xner.Corpus.from_table(table).write(tmp_path / "pairs.parquet")
    (tmp_path / "other.align").write_text("1-0\n" * ROWS)
    (tmp_path / "words.txt").write_text("w\n" * ROWS)
    return tmp_path / "pairs.parquet"


@pytest.fixture
def read(monkeypatch):
    """The columns of each batch that was read from Parquet."""
    seen = []
    conform = parquet._conform

    def watched(batch, path, dictionaries=()):
        if batch.num_rows:
            seen.append(batch.schema.names)
        return conform(batch, path, dictionaries)

    monkeypatch.setattr(parquet, "_conform", watched)
    return seen


def test_other_columns_of_a_file_are_not_read(pairs, read):
    words = xner.scan(pairs).select("source_tokens", "id")
    assert words.table.column_names == words.columns == ["source_tokens", "id"]
    assert read == [["id", "source_tokens"]]
    assert len(words) == ROWS
    part = pickle.loads(pickle.dumps(words.part(1, 3)))
    assert part.table == xner.read(pairs).table.select(["source_tokens", "id"]).slice(1, 2)
    assert words.part(1, 3).select("id").table["id"].to_pylist() == ["x1", "x2"]
    assert read[-1] == ["id"]


def test_columns_of_the_other_side_are_not_read(pairs, read):
    both = xner.scan(pairs, pairs.with_name("words.txt"))
    assert both.table.column_names == ["id", "source_tokens", "source_entities", "target_tokens"]
    assert read == [["id", "source_tokens", "source_entities"]]


def test_files_without_a_wanted_column_are_not_read(pairs, read):
    both = xner.scan(pairs, pairs.with_name("words.txt"), links=pairs.with_name("other.align"))
    assert both.select("target_tokens").table["target_tokens"].to_pylist() == [["w"]] * ROWS
    assert not read
    links = both.select("links").table
    assert links["links"].to_pylist()[0][0]["source"] == 1
    assert read == [["source_tokens"]]  # the links are checked against the words
    assert both.select("id").table["id"].to_pylist()[0] == "x0"


def test_made_ids_do_not_depend_on_the_columns(tmp_path):
    (tmp_path / "en.txt").write_text("a\nb\n")
    (tmp_path / "de.txt").write_text("c\nd\n")
    both = xner.scan(tmp_path / "en.txt", tmp_path / "de.txt")
    assert both.select("id", "target_tokens").table["id"].to_pylist() == ["en-0", "en-1"]


def test_bad_rows_are_left_out_of_every_choice(pairs):
    lines = ["0-0\n"] * ROWS
    lines[2] = "9-9\n"
    pairs.with_name("other.align").write_text("".join(lines))
    kept = xner.scan(pairs, links=pairs.with_name("other.align"), on_bad_row="quarantine")
    chosen = kept.select("id")
    assert chosen.table["id"].to_pylist() == ["x0", "x1", "x3", "x4"]
    assert chosen.bad == kept.bad
    assert kept.select("links", "id").part(1, 3).table["id"].to_pylist() == ["x1", "x3"]


def test_columns_of_any_corpus(pairs):
    eager, lazy = xner.read(pairs), xner.scan(pairs)
    made = xner.Corpus(lazy.batches, ROWS, "made", lazy.schema)
    for corpus in (eager, made):
        assert corpus.select("id").part(2, 4).table["id"].to_pylist() == ["x2", "x3"]
    with pytest.raises(xner.UsageError, match="has no column 'target_text'; it has id, domain"):
        lazy.select("target_text")


@pytest.mark.parametrize(
    ("wanted", "held", "left"),
    [
        (["source_entities"], ["id", "source_tokens", "source_tags"], ["id"]),
        (["target_tokens"], ["tokens", "tags", "links"], ["links"]),
        (["target_offsets"], ["target_offsets", "target_text", "target_tokens"], []),
        (["source_probabilities"], ["source_probabilities", "source_tagset", "source_tokens"], []),
        (["back_entities"], ["back_entities", "back_tokens", "source_tokens"], ["source_tokens"]),
    ],
)
def test_columns_that_are_checked_together_are_read_together(wanted, held, left):
    assert columns_to_read(wanted, held) == [name for name in held if name not in left]


def test_columns_of_a_part_of_several_row_groups(pairs):
    pq.write_table(pq.read_table(pairs), pairs, row_group_size=2)
    assert xner.scan(pairs).select("domain").part(3, 5).table.num_rows == 2


def project(source, output, *more):
    options = ["--quiet", "--score", "alignment=1", *more]
    return main(["project", str(source), "-o", str(output), *options])


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "shards/"])
def test_only_new_columns_are_written(pairs, read, tmp_path, name, capsys):
    project(pairs, f"{tmp_path}/all{name}")
    before = len(read)
    project(pairs, f"{tmp_path}/{name}", "--columns", "new")
    needed = ["id", "source_tokens", "source_entities", "target_tokens", "links"]
    assert all(columns == needed for columns in read[before:])
    new, everything = _rows(tmp_path, name), _rows(tmp_path, f"all{name}")
    assert new.column_names == ["id", "target_entities", "outcomes", "solution"]
    assert new == everything.select(new.column_names)
    assert "domain" in everything.column_names


def _rows(folder, name):
    path = folder / (f"{name}part-00000.parquet" if name.endswith("/") else name)
    table = pq.read_table(path) if path.suffix == ".parquet" else pj.read_json(path)
    return table.replace_schema_metadata(None)


def test_links_that_the_run_made_are_new(pairs, tmp_path, capsys):
    path = tmp_path / "unlinked.parquet"
    pq.write_table(pq.read_table(pairs).drop_columns(["links"]), path)
    project(path, tmp_path / "out.parquet", "--columns", "new")
    assert "links" in pq.read_schema(tmp_path / "out.parquet").names


def test_formats_of_one_side_read_what_they_hold(pairs, read, tmp_path, capsys):
    project(pairs, tmp_path / "out.conll")
    assert all("domain" not in columns for columns in read)
    assert project(pairs, tmp_path / "out.conll", "--columns", "new") == 2
    assert ".conll files have no columns to choose" in capsys.readouterr().err
    main(["align", str(pairs), "-o", str(tmp_path / "out.align"), "--quiet"])
    assert len((tmp_path / "out.align").read_text().splitlines()) == ROWS


def test_a_job_does_not_mix_choices_of_columns(pairs, tmp_path, capsys):
    project(pairs, f"{tmp_path}/shards/", "--columns", "new")
    assert project(pairs, f"{tmp_path}/shards/") == 2
    message = "the choice of columns (--columns) was 'new', and is 'all' now"
    assert message in capsys.readouterr().err
    with pytest.raises(xner.UsageError, match="columns is 'some'; choose one of all, new"):
        run_job(Project(), xner.scan(pairs), tmp_path / "x.jsonl", columns="some")
