"""Several files that are read as one."""

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from tests.unit.test_corpus_parts import check
from xner.cli import main
from xner.corpus import scan_side
from xner.corpus.inputs import expand

SIZES = {1: 3, 2: 5, 10: 4}


@pytest.fixture
def folder(tmp_path):
    """Shards of both sides and their links, and the same rows in one file each."""
    row = 0
    for name in ("en", "de", "links"):
        (tmp_path / name).mkdir()
    for number, rows in SIZES.items():
        en = [f"w{i}\tB-PER\n\n" for i in range(row, row + rows)]
        de = [f"v{i} x\n" for i in range(row, row + rows)]
        (tmp_path / "en" / f"{number}.conll").write_text("".join(en))
        (tmp_path / "de" / f"{number}.txt").write_text("".join(de))
        (tmp_path / "links" / f"{number}.align").write_text("0-0\n" * rows)
        row += rows
    for name, suffix in (("en", "conll"), ("de", "txt"), ("links", "align")):
        parts = [(tmp_path / name / f"{number}.{suffix}").read_text() for number in SIZES]
        (tmp_path / f"{name}.{suffix}").write_text("".join(parts))
    return tmp_path


def one(folder):
    return xner.scan(folder / "en.conll", folder / "de.txt", links=folder / "links.align")


@pytest.mark.parametrize(
    "named",
    [
        lambda path, suffix: path,
        lambda path, suffix: f"{path}/*.{suffix}",
        lambda path, suffix: str(path.parent / "**" / path.name / f"*.{suffix}"),
        lambda path, suffix: [path / f"{number}.{suffix}" for number in SIZES],
        lambda path, suffix: [path / f"1.{suffix}", f"{path}/[2-9].{suffix}", f"{path}/1?.*"],
    ],
    ids=["folder", "pattern", "deep pattern", "list", "list of patterns"],
)
def test_files_are_read_one_after_another(folder, named):
    given = [named(folder / n, s) for n, s in (("en", "conll"), ("de", "txt"), ("links", "align"))]
    many = xner.scan(*given[:2], links=[given[2]])
    assert many.table.drop_columns("id") == one(folder).table.drop_columns("id")
    ids = many.table["id"].to_pylist()
    assert ids[:4] + ids[-1:] == ["1-0", "1-1", "1-2", "2-0", "10-3"]
    assert xner.read(*given[:2], links=[given[2]]).table == many.table
    check(many, tries=8)
    check(scan_side(given[1], many), tries=4)
    assert pickle.loads(pickle.dumps(many.select("links"))).table == many.table.select(["links"])


def test_several_files_beside_one(folder):
    pairs = xner.scan(folder / "en", folder / "de.txt", links=folder / "links")
    assert pairs.table.drop_columns("id") == one(folder).table.drop_columns("id")
    assert pairs.origin == f"{folder / 'en'} + {folder / 'de.txt'}"


def test_every_command_takes_them(folder, capsys):
    made = folder / "made"
    arguments = [str(folder / "en"), f"{folder}/de/*.txt", "--links", str(folder / "links")]
    made.mkdir()
    main(["project", *arguments, "-o", str(made), "--part-rows", "5", "--quiet", "--json"])
    assert len(xner.scan(made)) == sum(SIZES.values())
    assert xner.scan(made).columns[0] == "id"
    gold = folder / "gold.conll"
    xner.scan(made).write(gold)
    assert main(["evaluate", str(gold), str(made), "--json"]) == 0
    assert '"f1": 1.0' in capsys.readouterr().out
    # A change of a file in a folder is noticed.
    (folder / "en" / "2.conll").write_text("x\tO\n\n" * 5)
    assert main(["project", *arguments, "-o", str(made), "--part-rows", "5"]) == 2
    assert f"the input {folder / 'en' / '2.conll'} has changed" in capsys.readouterr().err


def test_an_output_is_not_an_input(folder, capsys):
    """A second run of the same command would read the result of the first."""
    arguments = [str(folder / "en"), f"{folder}/de/*.txt", "-o", str(folder / "en" / "3.conll")]
    assert main(["project", *arguments, "--quiet"]) == 0
    assert main(["project", *arguments]) == 2
    assert "3.conll: is one of the files of" in capsys.readouterr().err


def test_docstart_rows_of_several_files(folder):
    for number in SIZES:
        path = folder / "en" / f"{number}.conll"
        path.write_text(f"-DOCSTART-\tO\n\n{path.read_text()}")
    pairs = xner.scan(folder / "en", folder / "de.txt")
    expected = one(folder).select("source_tokens", "target_tokens")
    assert check(pairs, tries=6).select(expected.columns) == expected.table


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("en/2.conll", "x\n\n", r"en/2.conll:1: one column"),
        ("links/10.align", "5-5\n", r"links/10.align:1: the link 5-5 is out of bounds"),
        ("de/2.txt", "", r"de/2.txt: 4 rows, but .*en/2.conll has 5; .*row 5 has no partner"),
    ],
)
def test_errors_name_the_file_of_the_row(folder, name, row, message):
    path = folder / name
    end = "\n\n" if path.suffix == ".conll" else "\n"
    path.write_text(row + end.join(path.read_text().split(end)[1:]))
    with pytest.raises(xner.InputError, match=message):
        xner.scan(folder / "en", folder / "de", links=folder / "links").collect()


def test_bad_rows_name_their_file(folder):
    (folder / "links" / "10.align").write_text("0-0\n5-5\n0-0\n0-0\n")
    given = {"links": folder / "links", "on_bad_row": "quarantine"}
    kept = xner.scan(folder / "en", folder / "de", **given)
    (bad,) = kept.bad
    assert bad["file"].endswith("links/10.align")
    assert "10.align:2: the link 5-5" in bad["error"]
    assert len(kept.table) == sum(SIZES.values()) - 1


def test_parts_of_many_files_leave_one_open(folder):
    pairs = xner.scan(folder / "en", side="source")
    (files,) = pairs.source.files
    for first in (4, 0, 9, 1):
        assert len(pairs.part(first, first + 1).table) == 1
        assert sum(bool(file._left) for file in files.files) == 1
    assert len(pairs.part(0, 12).table) == 12
    assert not any(file._left for file in files.files)


def test_other_numbers_of_files(folder):
    (folder / "de" / "10.txt").unlink()
    with pytest.raises(xner.ParallelError, match=r"/de: 8 rows, but .*/en has 12"):
        xner.scan(folder / "en", folder / "de")


def test_other_columns_and_formats(folder, tmp_path):
    for name, columns in {"a": {"x": [1]}, "b": {"x": ["1"]}, "c": {}}.items():
        table = pa.table({"source_tokens": [["w"]], "target_tokens": [["v"]], **columns})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    with pytest.raises(xner.FormatError, match=r"b.parquet: the column 'x' is string, but int64"):
        xner.scan([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    with pytest.raises(xner.FormatError, match=r"c.parquet: the column 'x' is missing, but int64"):
        xner.scan([tmp_path / "a.parquet", tmp_path / "c.parquet"])
    with pytest.raises(xner.FormatError, match=r"a.parquet: the column 'x' is int64, but missing"):
        xner.scan([tmp_path / "c.parquet", tmp_path / "a.parquet"])
    with pytest.raises(xner.UsageError, match=r"en.conll: has another format than .*de.txt"):
        xner.scan([folder / "de.txt", folder / "en.conll"], side="source")


def test_what_cannot_be_found(folder, tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "_SUCCESS").touch()
    (tmp_path / "unfinished" / ".xner").mkdir(parents=True)
    for given, message in {
        "*.parquet": r"\*.parquet: no file matches",
        "none": "the folder has no files",
        "unfinished": "is not complete; repeat the command that writes it",
        ".": r"is a folder in a folder; name the files, for example '.*\*\*/\*.parquet'",
    }.items():
        with pytest.raises(xner.InputError, match=message):
            xner.scan(tmp_path / given, side="source")
    with pytest.raises(xner.UsageError, match="there is no input file"):
        xner.scan([], side="source")


def test_names_are_sorted_as_people_do(tmp_path):
    for name in ("b10", "b9", "a", "b010", ".hidden", "_log"):
        (tmp_path / f"{name}.txt").touch()
    assert [path.stem for path in expand(f"{tmp_path}/*.txt")] == ["a", "b9", "b010", "b10"]
    (tmp_path / "odd[1].txt").touch()
    assert expand(tmp_path / "odd[1].txt") == [tmp_path / "odd[1].txt"]


def test_metadata_of_all_files(folder, tmp_path):
    for name, made_by in {"a": "x:1", "b": "y:2", "c": "x:1"}.items():
        table = pa.table({"source_tokens": [["w"]], "target_tokens": [["v"]]})
        table = table.replace_schema_metadata({"xner.links": made_by})
        pq.write_table(table, Path(tmp_path) / f"{name}.parquet")
    pairs = xner.scan(f"{tmp_path}/*.parquet")
    assert pairs.schema.metadata[b"xner.links"] == b"x:1+y:2"
    assert pairs.table.schema.metadata[b"xner.links"] == b"x:1+y:2"
