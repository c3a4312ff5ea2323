"""Bad rows: left out of all files of a corpus, each reported once with its place and reason."""

import json
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from tests.corpora import SameWords
from xner.cli import main
from xner.corpus import scan_side, with_links
from xner.formats import files

N = 40


def lines(make, bad=()):
    """The content of a file of N rows, some of which are replaced."""
    return b"".join(dict(bad).get(i, make(i).encode()) for i in range(N))


def conll(i):
    return f"Peter{i}\tB-PER\nsees\tO\nKisumu{i}\tB-LOC\n\n"


def text(i):
    return f"Peter{i} sieht Kisumu{i}\n"


def pair(i):
    words = [f"Peter{i}", "sees"]
    return {"id": f"row {i}", "source_tokens": words, "target_tokens": words}


def as_json(i, **changes):
    return json.dumps({**pair(i), **changes}) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conll").write_bytes(lines(conll))
    (tmp_path / "b.txt").write_bytes(lines(text))
    (tmp_path / "c.align").write_bytes(lines(lambda i: "0-0 2-2\n"))
    return tmp_path


@pytest.fixture(params=[(8 << 20, 1 << 20), (150, 3)], ids=["whole", "blocks"])
def block_size(request, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", request.param[0])
    monkeypatch.setattr("xner.corpus.joining.BATCH", request.param[1])


@pytest.fixture(params=[xner.scan, xner.read], ids=["scan", "read"])
def opened(request, block_size):
    """Open files, check what is left out and every way to read the rest."""

    def check(*paths, left_out, **options):
        corpus = request.param(*paths, on_bad_row="quarantine", **options)
        assert [row["row"] - 1 for row in corpus.bad] == sorted(left_out)
        kept = [i for i in range(N) if i not in left_out]
        table = corpus.table
        assert len(corpus) == table.num_rows == len(kept)
        assert table.column_names == corpus.columns
        assert [words[0] for words in table["source_tokens"].to_pylist()] == [
            f"Peter{i}" for i in kept
        ]
        assert [words[0] for words in table["target_tokens"].to_pylist()] == [
            f"Peter{i}" for i in kept
        ]
        parts = [corpus.part(i, min(i + 7, len(kept))).table for i in range(0, len(kept), 7)]
        assert pa.concat_tables(parts) == table
        assert pickle.loads(pickle.dumps(corpus)).table == table
        return corpus

    return check


BAD_CONLL = {
    0: b"Peter0\n\n",
    7: b"Peter7\tB-PER\nsees\tX\tO\n\n",
    8: b"Peter8\tPER\n\n",
    20: b"Peter\xff\tO\n\n",
    39: b"Peter39\tB-PER\nsees\tQ-PER",
}


def test_sentences_of_conll(folder, opened):
    (folder / "a.conll").write_bytes(lines(conll, BAD_CONLL))
    corpus = opened("a.conll", "b.txt", left_out=BAD_CONLL)
    errors = [row["error"] for row in corpus.bad]
    for error, word in zip(
        errors, ["a.conll:1: 1 columns", "3 columns", "'PER' is not", "UTF-8", "'Q-PER'"],
        strict=True,
    ):  # fmt: skip
        assert word in error
    assert corpus.bad[0] | {"error": ""} == {
        "row": 1, "file": "a.conll", "error": "", "text": "Peter0",
    }  # fmt: skip
    assert corpus.bad[3]["text"] == "Peter\\xff\tO"
    assert "a.conll:76" in errors[3]


def test_comments_and_blank_lines_of_conll_are_no_rows(folder, opened):
    odd = {
        3: b"\n\n# a comment\xff\n \n" + conll(3).encode(),
        4: b"# xner: empty sentence\n\n",
        5: b"# sent\xff\nPeter5\tO\n\n",
    }
    (folder / "a.conll").write_bytes(lines(conll, odd))
    (folder / "b.txt").write_bytes(lines(text))
    corpus = xner.read("a.conll", "b.txt", on_bad_row="quarantine")
    assert [row["row"] for row in corpus.bad] == [6]
    assert corpus.table["source_tokens"].to_pylist()[3:5] == [["Peter3", "sees", "Kisumu3"], []]


def test_docstart_rows_do_not_count(folder, opened):
    content = b"-DOCSTART-\tO\n\n" + lines(conll, {2: b"Peter\n\n"}) + b"-DOCSTART-\tO\n\n"
    (folder / "a.conll").write_bytes(content)
    opened("a.conll", "b.txt", left_out={2})


def test_lines_of_text_and_links(folder, opened):
    (folder / "b.txt").write_bytes(lines(text, {4: b"Peter\xe9\n"}))
    bad = {5: b"0-x\n", 6: b"0-0 9-9\n", 30: b"0-0:inf\n", 4: b"?\n"}
    (folder / "c.align").write_bytes(lines(lambda i: "0-0 2-2\n", bad))
    corpus = opened("a.conll", "b.txt", links="c.align", left_out={4, 5, 6, 30})
    files_and_texts = [(row["file"], row["text"]) for row in corpus.bad]
    assert files_and_texts[0] == ("b.txt", "Peter\\xe9")
    assert files_and_texts[1] == ("c.align", "0-x")
    assert "c.align:7: the link 9-9 is out of bounds" in corpus.bad[2]["error"]
    assert corpus.table["links"].to_pylist()[0][1] == {"source": 2, "target": 2, "weight": 1.0}


def test_lines_of_json(folder, opened):
    entity = {"start": 1, "end": 9, "label": "X"}
    bad = {
        1: b"{\n",
        2: b"\n",
        3: b"[1]\n",
        4: b'{"id": "a", "id": "b"}\n',
        10: as_json(10, source_tokens="Peter10").encode(),
        11: as_json(11, links=[], source_entities=[entity]).encode(),
        12: as_json(12, links=[{"source": 2**40, "target": 0}]).encode(),
        13: as_json(13, target_tokens=["a", None]).encode(),
        39: b'{"id": "row 39", "source_tok',
    }
    good = {0: as_json(0, source_entities=[{**entity, "end": 2}], links=[])}
    (folder / "d.jsonl").write_bytes(
        lines(lambda i: good.get(i, as_json(i, links=[], source_entities=[])), bad)
    )
    corpus = opened("d.jsonl", left_out=bad)
    assert corpus.bad[0]["text"] == "{"
    assert "span [1, 9)" in corpus.bad[5]["error"]


def test_rows_of_parquet(folder, opened):
    rows = [pair(i) for i in range(N)]
    rows[3]["links"] = [{"source": 2**40, "target": 0}]
    rows[4]["links"] = [{"source": 0, "target": 0, "weight": float("nan")}]
    rows[5]["source_tokens"] = ["Peter5", None]
    table = pa.Table.from_pylist(rows)
    words = [name.encode() if i != 6 else b"\xff" for i, name in enumerate(table["id"].to_pylist())]
    checked = pa.array(words, pa.binary())
    ids = pa.StringArray.from_buffers(N, *checked.buffers()[1:])
    links = pa.array([row.get("links") for row in rows])
    table = table.set_column(0, "id", ids)
    table = table.drop_columns([n for n in ["links"] if n in table.column_names])
    pq.write_table(table.append_column("links", links), "e.parquet", row_group_size=9)
    corpus = opened("e.parquet", left_out={3, 4, 5, 6})
    assert "row 5: the link 0-0 has the weight nan" in corpus.bad[1]["error"]


def test_a_block_without_a_good_row(folder, opened):
    bad = dict.fromkeys(range(20, N), b"{\n")
    (folder / "d.jsonl").write_bytes(lines(as_json, bad))
    opened("d.jsonl", left_out=bad)


def test_what_concerns_all_rows_is_an_error(folder, block_size):
    (folder / "b.txt").write_bytes(b"\xff\n" * N)
    with pytest.raises(xner.InputError, match=r"not UTF-8"):
        xner.scan("a.conll", "b.txt", on_bad_row="quarantine")
    (folder / "b.txt").write_bytes(lines(text)[:-24])
    with pytest.raises(xner.ParallelError, match="39 rows, but"):
        xner.scan("a.conll", "b.txt", on_bad_row="quarantine")
    table = pa.table({"source_tokens": [["a"]], "target_tokens": [["a"]], "links": [[1.5]]})
    pq.write_table(table, "e.parquet")
    with pytest.raises(xner.FormatError, match="should hold objects"):
        xner.scan("e.parquet", on_bad_row="quarantine")
    with pytest.raises(xner.UsageError, match="choose one of fail, quarantine"):
        xner.scan("a.conll", "b.txt", on_bad_row="skip")


def test_files_that_are_added_later_lose_the_same_rows(folder):
    (folder / "b.txt").write_bytes(lines(text, {4: b"\xff\n"}))
    (folder / "c.align").write_bytes(lines(lambda i: "0-0\n", {9: b"9-9\n"}))
    pairs = xner.scan("a.conll", "b.txt", on_bad_row="quarantine")
    linked = with_links(pairs, ["c.align"])
    assert [row["row"] for row in linked.bad] == [5, 10]
    (folder / "pivot.txt").write_bytes(lines(lambda i: f"pivot{i}\n"))
    side = scan_side("pivot.txt", linked)
    assert len(side) == len(linked) == N - 2
    words = zip(
        *(c.table[n].to_pylist() for c, n in [(side, "target_tokens"), (linked, "source_tokens")]),
        strict=True,
    )
    assert all(pivot[0][5:] == source[0][5:] for pivot, source in words)


def test_a_stage_sees_only_good_rows(folder):
    (folder / "b.txt").write_bytes(lines(text, {4: b"\xff\n"}))
    out = xner.project(xner.scan("a.conll", "b.txt", on_bad_row="quarantine"), aligner=SameWords())
    assert out.report.sentences == N - 1
    assert out.report.outcomes["projected"] == 2 * (N - 1)
    assert "a-4" not in out.table["id"].to_pylist()


COMMANDS = [
    (["project", "a.conll", "b.txt", "--links", "c.align", "-o", "out.conll"], {5, 6}),
    (["project", "a.conll", "b.txt", "--links", "c.align", "-o", "out/"], {5, 6}),
    (["align", "a.conll", "b.txt", "-o", "out.align"], {5}),
]


@pytest.mark.parametrize(("arguments", "bad"), COMMANDS, ids=["file", "shards", "align"])
def test_commands_list_bad_rows(folder, capsys, arguments, bad):
    (folder / "b.txt").write_bytes(lines(text, {5: b"\xff\n"}))
    (folder / "c.align").write_bytes(lines(lambda i: "0-0\n", {6: b"9-9\n"}))
    assert main(arguments) == 1
    assert "b.txt:6" in capsys.readouterr().err
    assert main([*arguments, "--on-bad-row", "quarantine", "--json"]) == 0
    out, err = capsys.readouterr()
    summary, listed = json.loads(out), f"{arguments[-1].rstrip('/')}.bad.jsonl"
    assert (summary["sentences"], summary["bad_rows"]) == (N - len(bad), len(bad))
    assert summary["bad_rows_file"] == listed
    rows = "1 bad row is" if len(bad) == 1 else f"{len(bad)} bad rows are"
    assert summary["warnings"] == [f"{rows} left out; see {listed}"]
    assert listed in err
    rows = [json.loads(line) for line in (folder / listed).read_text().splitlines()]
    assert [row["row"] - 1 for row in rows] == sorted(bad)
    assert set(rows[0]) == {"row", "file", "error", "text"}
    again = [*arguments, "--on-bad-row", "quarantine", "--bad-rows", "b.txt.bad", "--restart"]
    assert main(again) == 0
    assert "bad rows, left out" in capsys.readouterr().out
    assert (folder / "b.txt.bad").read_bytes() == (folder / listed).read_bytes()


def test_a_list_of_bad_rows_needs_quarantine(folder, capsys):
    arguments = ["align", "a.conll", "b.txt", "-o", "o.align", "--bad-rows", "x.jsonl"]
    assert main(arguments) == 2
    assert "--on-bad-row quarantine" in capsys.readouterr().err


@pytest.mark.shared
def test_the_published_links_that_are_out_of_bounds(shared):
    folder = shared / "conll-mt"
    for language, first, count in (("es", 1893, 7), ("de", 724, 15)):
        links = folder / f"en-{language}.train.simalign.itermax.align"
        files = folder / "en.train.conll", folder / f"{language}.train.txt"
        corpus = xner.read(*files, links=links, on_bad_row="quarantine")
        assert (corpus.bad[0]["row"], len(corpus.bad)) == (first, count)
        assert len(corpus) == 14987 - count
