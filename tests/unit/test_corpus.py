"""Pairing files, and what a corpus refuses."""

import json

import pyarrow as pa
import pytest

import xner
from tests.corpora import corpus
from xner.columns import COLUMNS, replace_columns, with_columns
from xner.corpus import read_as_is
from xner.formats import files, parquet

EN = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\n\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "en.conll").write_text(EN)
    (tmp_path / "doc.conll").write_text("-DOCSTART-\tO\n\n" + EN)
    (tmp_path / "de.txt").write_text("Die EU sagt\nPeter\n")
    (tmp_path / "docs.txt").write_text("-DOCSTART-\nDie EU sagt\nPeter\n")
    (tmp_path / "de.align").write_text("0-1 1-2\n0-0\n")
    return tmp_path


def test_pairs_have_ids_and_links(folder):
    pairs = xner.read(folder / "en.conll", folder / "de.txt", links=folder / "de.align")
    assert len(pairs) == 2
    assert pairs.columns == ["id", "source_tokens", "source_entities", "target_tokens", "links"]
    assert pairs.table["id"].to_pylist() == ["en-0", "en-1"]
    assert "2 rows" in repr(pairs)


def test_scan_reads_again_and_read_does_not(folder):
    lazy = xner.scan(folder / "en.conll", folder / "de.txt")
    eager = lazy.collect()
    (folder / "de.txt").write_text("Die EU sprach\nPeter\n")
    assert lazy.table["target_tokens"].to_pylist()[0][2] == "sprach"
    assert eager.table["target_tokens"].to_pylist()[0][2] == "sagt"


@pytest.mark.parametrize(
    ("source", "target", "docstart", "rows"),
    [
        ("doc.conll", "de.txt", "auto", 2),
        ("doc.conll", "docs.txt", "auto", 3),
        ("doc.conll", "docs.txt", "keep", 3),
        ("doc.conll", "de.txt", "skip", 2),
        ("doc.conll", "en.conll", "auto", 2),
        ("doc.conll", "doc.conll", "keep", 3),
    ],
)
def test_docstart_rows(folder, source, target, docstart, rows):
    assert len(xner.read(folder / source, folder / target, docstart=docstart)) == rows


@pytest.mark.parametrize(
    ("source", "target", "docstart"),
    [("doc.conll", "de.txt", "keep"), ("doc.conll", "docs.txt", "skip")],
)
def test_docstart_rows_that_do_not_line_up(folder, source, target, docstart):
    with pytest.raises(xner.ParallelError, match="-DOCSTART- rows in all"):
        xner.read(folder / source, folder / target, docstart=docstart)


def test_sides_of_different_length(folder):
    (folder / "short.txt").write_text("Die EU sagt\n")
    with pytest.raises(xner.ParallelError) as caught:
        xner.read(folder / "en.conll", folder / "short.txt")
    assert "short.txt: 1 rows" in str(caught.value)
    assert "row 2 has no partner" in str(caught.value)


@pytest.mark.parametrize("link", ["2-0", "0-3", "5-9"])
def test_links_out_of_bounds_name_file_and_line(folder, link):
    (folder / "de.align").write_text(f"0-1\n\n0-0 {link}\n".replace("\n\n", "\n", 1))
    with pytest.raises(xner.InputError, match=rf"de\.align:2: the link {link} is out of bounds"):
        xner.read(folder / "en.conll", folder / "de.txt", links=folder / "de.align")


def test_target_labels_are_ignored(folder):
    (folder / "de.conll").write_text(
        "Die\tB-XXX\nEU\tI-XXX\n\nPeter\n".replace("Peter\n", "P\tO\n")
    )
    pairs = xner.read(folder / "en.conll", folder / "de.conll")
    assert "target_entities" not in pairs.columns


def test_a_target_of_bare_words(folder):
    (folder / "de.conll").write_text("Die\nEU\n\nPeter\n")
    pairs = xner.read(folder / "en.conll", folder / "de.conll")
    assert pairs.table["target_tokens"].to_pylist() == [["Die", "EU"], ["Peter"]]


@pytest.mark.parametrize("name", ["en.conll", "de.txt"])
def test_one_side_alone_is_no_pair(folder, name):
    with pytest.raises(xner.FormatError, match="name the target file as well"):
        xner.read(folder / name)


@pytest.mark.parametrize("name", ["a.docx", "a", "a.align"])
def test_unknown_suffixes(folder, name):
    with pytest.raises(xner.UsageError, match="the suffix must say the format"):
        xner.read(folder / name, folder / "de.txt")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, 1, [(0, 2)], [])], r"\[0, 2\) in source_entities does not fit"),
        ([(1, 1, [(-1, 1)], [])], r"\[-1, 1\)"),
        ([(1, 1, [(1, 1)], [])], r"\[1, 1\)"),
        ([(0, 0, [], []), (1, 1, [(0, 1, "")], [])], "empty label"),
        ([(1, 1, [], [(0, 1, 1.0)])], "0-1 is out of bounds"),
        ([(1, 1, [], [(0, 0, -1.0)])], "weights must be finite and at least 0"),
        ([(1, 1, [], [(0, 0, float("nan"))])], "weights must be finite and at least 0"),
    ],
)
def test_tables_are_checked(rows, message):
    with pytest.raises(xner.InputError, match=f"test: row {len(rows)}: .*{message}"):
        corpus(rows)


def test_columns_of_the_wrong_type():
    with pytest.raises(xner.FormatError, match="'links' should hold a list"):
        xner.Corpus.from_table(pa.table({"links": [1, 2]}))


class FailingAligner:
    signature = "failing"

    def align(self, bitext, progress=None):
        raise AssertionError("aligned, although labels are missing")


def test_missing_columns_are_named():
    given = {"source_tokens": [["a"]], "target_tokens": [["b"]]}
    links = {"links": [[{"source": 0, "target": 0}]]}
    for columns, options in [(given | links, {}), (given, {"aligner": FailingAligner()})]:
        unlabelled = xner.Corpus.from_table(pa.table(columns))
        with pytest.raises(xner.InputError, match=r"'source_entities'.*xner tag"):
            xner.project(unlabelled, **options)


def test_slices_of_a_table_are_read_at_their_place():
    rows = [(2, 2, [(0, 1, "A")], [(0, 1, 1.0)]), (3, 3, [(2, 3, "B")], [(2, 0, 1.0)])]
    whole = corpus(rows).table
    part = xner.project(xner.Corpus.from_table(whole.slice(1))).table
    entity = part["target_entities"].to_pylist()[0][0]
    assert (entity["start"], entity["end"], entity["label"]) == (0, 1, "B")


def test_writing_needs_a_folder(folder):
    pairs = xner.read(folder / "en.conll", folder / "de.txt")
    with pytest.raises(xner.OutputError, match="does not exist; create it"):
        pairs.write(folder / "nowhere" / "x.jsonl")
    (folder / "x.jsonl").mkdir()
    with pytest.raises(xner.OutputError, match="is a folder"):
        pairs.write(folder / "x.jsonl")


def test_nothing_is_left_of_a_failed_write(folder):
    pairs = xner.scan(folder / "en.conll", folder / "de.txt")
    before = sorted(folder.iterdir())
    (folder / "de.txt").write_bytes(b"Die EU sagt\n\xff\n")
    with pytest.raises(xner.FormatError, match=r"de\.txt:2: not UTF-8"):
        pairs.write(folder / "out.jsonl")
    assert sorted(folder.iterdir()) == before


def test_write_keeps_the_old_file_until_it_is_done(folder):
    pairs = xner.scan(folder / "en.conll", folder / "de.txt")
    pairs.write(folder / "out.jsonl")
    good = (folder / "out.jsonl").read_bytes()
    (folder / "de.txt").write_bytes(b"Die EU sagt\n\xff\n")
    with pytest.raises(xner.FormatError):
        pairs.write(folder / "out.jsonl")
    assert (folder / "out.jsonl").read_bytes() == good


def test_sides_are_written_apart(folder):
    pairs = xner.read(folder / "en.conll", folder / "de.txt", links=folder / "de.align")
    pairs.write(folder / "s.conll", side="source")
    pairs.write(folder / "t.txt")
    pairs.write(folder / "l.align")
    assert (folder / "s.conll").read_text() == EN
    assert (folder / "t.txt").read_text() == "Die EU sagt\nPeter\n"
    assert (folder / "l.align").read_text() == "0-1 1-2\n0-0\n"
    with pytest.raises(xner.UsageError, match="choose source or target"):
        pairs.write(folder / "s.conll", side="left")


def test_one_side_of_a_file(tmp_path):
    labelled = tmp_path / "a.conll"
    labelled.write_text("Kisumu\tB-LOC\n\nno\tO\n\n")
    source = xner.read(labelled, side="source")
    assert source.columns == ["id", "source_tokens", "source_entities"]
    assert xner.read(labelled, side="target").columns == ["id", "target_tokens"]
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"tokens": ["a"], "entities": [], "note": 1}\n')
    assert xner.read(rows, side="source").columns[1:] == [
        "source_tokens",
        "source_entities",
        "note",
    ]
    assert xner.read(rows, side="target").columns[1:] == ["target_tokens", "note"]
    again = tmp_path / "b.jsonl"
    source.write(again)
    assert xner.read(again, side="source").table.equals(source.table)
    with pytest.raises(xner.FormatError, match="neither a column 'tokens' nor 'target_tokens'"):
        xner.read(again, side="target")
    with pytest.raises(xner.FormatError, match="`side` reads one side"):
        xner.read(labelled)
    with pytest.raises(xner.UsageError, match="choose source or target"):
        xner.read(labelled, side="left")
    with pytest.raises(xner.UsageError, match="two files"):
        xner.read(labelled, labelled, side="source")


@pytest.fixture
def opened(monkeypatch):
    """Names of the input files that are opened, in order."""
    names = []

    def noting(function):
        def call(path, *args, **options):
            names.append(path.name)
            return function(path, *args, **options)

        return call

    monkeypatch.setattr(files, "open_text", noting(files.open_text))
    monkeypatch.setattr(parquet, "_open", noting(parquet._open))
    return names


@pytest.mark.parametrize("suffix", [".conll", ".jsonl", ".parquet"])
def test_files_are_opened_once_a_pass(folder, opened, suffix):
    source = folder / f"source{suffix}"
    xner.Corpus.from_batches(
        [b.rename_columns(["id", "tokens", "entities"])
         for b in xner.read(folder / "en.conll", side="source").batches()], "x",
    ).write(source)  # fmt: skip
    given = source, folder / "de.txt"
    names = [source.name, "de.txt", "de.align"]
    opened.clear()
    pairs = xner.scan(*given, links=folder / "de.align")
    assert sorted(opened) == sorted(names)
    opened.clear()
    assert len(pairs) == 2
    assert pairs.columns == ["id", "source_tokens", "source_entities", "target_tokens", "links"]
    assert "2 rows, id, source_tokens" in repr(pairs)
    assert not opened
    table = pairs.table
    assert sorted(opened) == sorted(names)
    assert table.schema.equals(pairs.schema, check_metadata=True)
    opened.clear()
    assert xner.read(*given, links=folder / "de.align").table.equals(table)
    assert sorted(opened) == sorted(names)
    opened.clear()
    assert read_as_is(source).columns == ["id", "tokens", "entities"]
    assert xner.evaluate(source, source).f1 == 1
    assert opened == [source.name] * 5  # evaluate opens each file twice


def test_columns_of_a_stage_are_declared(folder):
    pairs = xner.read(folder / "en.conll", folder / "de.txt")

    def never():
        raise AssertionError("the batches were read")
        yield

    lazy = xner.Corpus(never, 2, "lazy", pairs.schema)
    assert lazy.columns == pairs.columns
    assert len(lazy) == 2
    assert "2 rows, id" in repr(lazy)
    schema = with_columns(pairs.schema, {"note": pa.string()}, drop=["id"])
    other = xner.Corpus(pairs.batches, 2, "other", schema)
    with pytest.raises(xner.InputError, match=r"other: a batch has the columns id, .* declares"):
        other.collect()
    turned = pa.schema(list(pairs.schema)[::-1])
    assert xner.Corpus(pairs.batches, 2, "turned", turned).table.column_names == turned.names


def test_streams_of_different_length(folder):
    pairs = xner.scan(folder / "en.conll", folder / "de.txt")
    (folder / "de.txt").write_text("Die EU sagt\n")
    with pytest.raises(xner.ParallelError, match=r"de\.txt: has no row 2, but .*en\.conll has"):
        pairs.collect()


def test_an_empty_corpus_keeps_its_columns():
    names = ["id", "source_tokens"]
    empty = xner.Corpus.from_table(pa.table({name: pa.array([], COLUMNS[name]) for name in names}))
    assert empty.columns == empty.collect().columns == empty.table.column_names == names


def test_columns_are_replaced():
    batch = pa.RecordBatch.from_pydict({"a": [1], "b": [2]}).replace_schema_metadata({"x": "1"})
    changed = replace_columns(
        batch, {"c": pa.array([3]), "a": pa.array([4])}, drop=["b"], metadata={b"y": "2"}
    )
    assert changed.to_pydict() == {"a": [4], "c": [3]}
    assert changed.schema.metadata == {b"x": b"1", b"y": b"2"}
    moved = replace_columns(batch, {"a": pa.array([4])}, drop=["a"], metadata={b"x": None})
    assert moved.schema.names == ["b", "a"]
    assert not moved.schema.metadata
    kinds = {"c": pa.int64(), "a": pa.int64()}
    schema = with_columns(batch.schema, kinds, drop=["b"], metadata={b"y": "2"})
    assert schema.equals(changed.schema, check_metadata=True)


def test_fields_of_json_may_be_missing_or_in_another_order_in_later_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", 60)
    path = tmp_path / "both.jsonl"
    rows = [
        {"id": "1", "source_tokens": ["a"], "target_tokens": ["b"], "note": "x" * 40},
        {"target_tokens": ["d"], "source_tokens": ["c"], "id": "2", "note": "y" * 40},
        {"id": "3", "source_tokens": ["e"], "target_tokens": ["f"]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = xner.scan(path).table
    assert table.to_pylist() == [*rows[:2], {**rows[2], "note": None}]
    assert xner.read(path).table == table
