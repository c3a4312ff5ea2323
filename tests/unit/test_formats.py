"""Reading and writing files: what comes in must go out, and bad files say where and why."""

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner
from xner.formats import conll, files, pharaoh
from xner.labels import label_files

CONLL = "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\nBlackburn\tI-PER\n\n"
SENTENCES = [["EU", "rejects"], ["Peter", "Blackburn"]]
SPANS = [[(0, 1, "ORG")], [(0, 2, "PER")]]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def labels(path, **options):
    table = label_files([path], **options)[0].table
    return table["tokens"].to_pylist(), [
        [(e["start"], e["end"], e["label"]) for e in row] for row in table["entities"].to_pylist()
    ]


@pytest.mark.parametrize(
    "content",
    [
        CONLL,
        CONLL.rstrip("\n"),
        CONLL.rstrip("\n") + "\n",
        CONLL.replace("\n", "\r\n"),
        "\ufeff" + CONLL,
        CONLL.replace("\t", " "),
        CONLL.replace("\t", "   "),
        CONLL.replace("\t", "\tNNP\tx y\t"),
        CONLL.replace("\t", " NNP I-NP "),
        CONLL.replace("\n\n", "\n\n\n\n"),
        CONLL.replace("\n\n", "\n \t\n"),
        "\n\n" + CONLL,
        "-DOCSTART- -X- O\n\n" + CONLL.replace("\t", " NNP "),
        "-DOCSTART-\tO\n\n" + CONLL,
        "# newdoc\n# text = EU rejects\n" + CONLL,
    ],
)
def test_conll_dialects(tmp_path, content):
    assert labels(write(tmp_path / "a.conll", content)) == (SENTENCES, SPANS)


def test_conll_words_with_spaces_hashes_and_odd_unicode(tmp_path):
    rows = [["New York", "#", "# 1", "a\u00a0b", "a\u2028b", "ሰላም", "-DOCSTART-"]]
    text = "".join(f"{word}\tO\n" for word in rows[0]) + "\n"
    assert labels(write(tmp_path / "a.conll", text)) == (rows, [[]])


def test_a_hash_is_a_word_in_space_separated_files(tmp_path):
    assert labels(write(tmp_path / "a.conll", "# O\nEU B-ORG\n"))[0] == [["#", "EU"]]


@pytest.mark.parametrize("size", [1, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blocks_of_any_size_give_the_same(tmp_path, monkeypatch, size, newline):
    monkeypatch.setattr(files, "BLOCK_BYTES", size)
    path = write(tmp_path / "a.conll", ("\ufeff" + CONLL * 3).replace("\n", newline))
    assert labels(path) == (SENTENCES * 3, SPANS * 3)
    assert conll.inspect(path)[:3:2] == (6, 0)


def test_counts_agree_with_what_is_read(tmp_path):
    for text in (CONLL, "\n\n" + CONLL, CONLL + "# xner: empty sentence\n\n", "a\tO\n \nb\tO\n"):
        path = write(tmp_path / "a.conll", text)
        assert conll.inspect(path).rows == len(labels(path)[0])
    path = write(tmp_path / "a.conll", "-DOCSTART- -X- O\n\n" + CONLL + "-DOCSTART- -X- O\n")
    assert conll.inspect(path)[:3:2] == (4, 2)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("EU\tB-ORG\nrejects\n", 2, "1 columns, but the lines before have 2"),
        ("EU\n", 1, "one column"),
        ("EU\tB-ORG\n\na b\tO\tx\n", 3, "3 columns"),
        ("EU\tB-ORG\n\nx\tQ-ORG\n", 3, "'Q-ORG' is not a tag"),
        ("EU\tORG\n", 1, "'ORG' is not a tag"),
        (b"EU\tO\n\nM\xfcller\tO\n", 3, "not UTF-8 (byte 0xfc)"),
        (b"\xff\xfeE\x00U\x00", 1, "not UTF-8"),
    ],
)
def test_bad_conll_names_the_line(tmp_path, content, line, message):
    path = write(tmp_path / "a.conll", content)
    with pytest.raises(xner.InputError) as caught:
        labels(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)


def test_an_enforced_scheme_names_the_line(tmp_path):
    path = write(tmp_path / "a.conll", "x\tO\n\ny\tI-PER\n")
    assert labels(path)[1] == [[], [(0, 1, "PER")]]
    with pytest.raises(xner.SchemeError, match=r"a\.conll:3: the tag 'I-PER' is not allowed here"):
        labels(path, scheme="IOB2")


@pytest.mark.parametrize("suffix", [".conll", ".jsonl", ".txt", ".align", ".parquet"])
@pytest.mark.parametrize("content", ["", "\ufeff"])
def test_empty_and_missing_files(tmp_path, suffix, content):
    good = write(tmp_path / "good.conll", CONLL)
    pairs = write(tmp_path / "t.txt", "a\nb\n")
    bad = write(tmp_path / f"bad{suffix}", content)
    given = {"links": bad} if suffix == ".align" else {}
    for path in (bad, tmp_path / f"missing{suffix}", tmp_path / "folder.conll"):
        (tmp_path / "folder.conll").mkdir(exist_ok=True)
        if suffix == ".align" and path.suffix == ".align":
            given = {"links": path}
            call = (good, pairs)
        else:
            given, call = {}, (good, path)
        with pytest.raises(xner.InputError, match=r"is empty|no such file|has no files|Parquet"):
            xner.read(*call, **given)


token = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n\r"), min_size=1, max_size=6
).filter(lambda t: t.strip(" ") == t)
label = st.sampled_from(["PER", "LOC", "Größe", "A-B"])


@st.composite
def rows(draw):
    tokens = draw(st.lists(token, max_size=6))
    spans, at = [], 0
    while at < len(tokens):
        end = draw(st.integers(at, len(tokens)))
        if end > at:
            spans.append((at, end, draw(label)))
        at = max(end, at + 1)
    return tokens, spans


def table_of(drawn):
    entities = [
        [{"start": s, "end": e, "label": name} for s, e, name in spans] for _, spans in drawn
    ]
    return xner.Corpus.from_table(
        pa.table(
            {
                "id": [f"n{i}" for i in range(len(drawn))],
                "tokens": pa.array([tokens for tokens, _ in drawn], pa.list_(pa.string())),
                "entities": pa.array(
                    entities,
                    pa.list_(pa.struct({"start": pa.int64(), "end": pa.int64(), "label": "str"})),
                ),
            }
        )
    )


@given(st.lists(rows(), min_size=1, max_size=5), st.sampled_from(["IOB1", "IOB2", "BILOU"]))
def test_conll_round_trip(tmp_path, drawn, scheme):
    path = tmp_path / "round.conll"
    table_of(drawn).write(path, scheme=scheme)
    tokens, spans = labels(path, scheme=scheme, docstart="keep")
    assert tokens == [t for t, _ in drawn]
    assert spans == [s for _, s in drawn]


@pytest.mark.parametrize("word", ["", " ", " a", "a ", "a\tb", "a\nb", "a\rb"])
def test_conll_refuses_words_it_cannot_hold(tmp_path, word):
    path = tmp_path / "out.conll"
    with pytest.raises(xner.OutputError, match=r"a \.conll file cannot hold the token"):
        table_of([(["a", word], [])]).write(path)
    assert not list(tmp_path.iterdir())


def test_conll_refuses_overlaps(tmp_path):
    with pytest.raises(xner.OutputError, match="'n0' has entities that overlap"):
        table_of([(["a", "b"], [(0, 2, "PER"), (1, 2, "LOC")])]).write(tmp_path / "o.conll")


def full_table():
    return pa.table(
        {
            "id": ["a", 'b"\\'],
            "source_tokens": [["x\ty", "ü", "\x01"], []],
            "source_entities": [[{"start": 0, "end": 2, "label": "PER", "score": 0.25}], []],
            "target_tokens": [["日本"], ["a\u2028b"]],
            "links": [[{"source": 1, "target": 0, "weight": 1e-5}], []],
            "note": ["n", None],
            "number": [1.5, None],
            "when": pa.array([1, None], pa.int64()),
        }
    )


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_columns_survive(tmp_path, suffix):
    first = xner.Corpus.from_table(full_table())
    path = tmp_path / f"c{suffix}"
    first.write(path)
    again = xner.read(path)
    assert again.table.equals(first.table)
    again.write(tmp_path / "d.jsonl")
    first.write(tmp_path / "e.jsonl")
    assert (tmp_path / "d.jsonl").read_bytes() == (tmp_path / "e.jsonl").read_bytes()


def test_jsonl_is_json(tmp_path):
    path = tmp_path / "c.jsonl"
    xner.Corpus.from_table(full_table()).write(path)
    first, second = (json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1])
    assert first["source_tokens"] == ["x\ty", "ü", "\x01"]
    assert first["links"] == [{"source": 1, "target": 0, "weight": pytest.approx(1e-5)}]
    assert second["id"] == 'b"\\'
    assert second["note"] is None


def test_jsonl_with_tags(tmp_path):
    source = write(tmp_path / "s.jsonl", '{"tokens": ["EU", "x"], "tags": ["B-ORG", "O"]}\n')
    target = write(tmp_path / "t.txt", "UE y\n")
    row = xner.read(source, target).table.to_pylist()[0]
    assert row["source_entities"][0]["label"] == "ORG"
    assert row["id"] == "s-0"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("", "an empty line"),
        ("[1]", "not a JSON object but list"),
        ('{"tokens": ["a"], "tokens": ["b"]}', "two fields 'tokens'"),
        ('{"tokens": "a b"}', "should hold a list"),
        ('{"tokens": ["a", null]}', "null where a token should be"),
        ('{"tokens": ["a"], "entities": [{"start": 0, "end": 2, "label": "X"}]}', "[0, 2)"),
        ('{"tokens": ["a"], "entities": [{"start": 0, "end": 1}]}', "'label'"),
        ('{"tokens": ["a"], "entities": [{"start": 0, "end": 1, "label": ""}]}', "empty label"),
        ('{"tokens": ["a"], "entities": [{"start": 0, "stop": 1, "label": "X"}]}', "'stop'"),
        ('{"tokens": ["a"], "tags": ["O", "O"]}', "not as many tags as tokens"),
        ('{"tokens": ["a"], "tags": ["X"]}', "is not a tag"),
    ],
)
def test_bad_jsonl_names_the_line(tmp_path, line, message):
    path = write(tmp_path / "s.jsonl", f"{line}\n{line}\n")
    target = write(tmp_path / "t.txt", "a\nb\n")
    with pytest.raises(xner.InputError) as caught:
        xner.read(path, target)
    assert str(caught.value).startswith(f"{path}:1: ")
    assert message in str(caught.value)


def test_jsonl_error_in_a_later_line(tmp_path):
    path = write(tmp_path / "s.jsonl", '{"tokens": ["a"]}\n{"tokens": [}\n')
    with pytest.raises(xner.FormatError, match=r"s\.jsonl:2: not JSON"):
        xner.read(path, write(tmp_path / "t.txt", "a\nb\n"))


def test_parquet_with_a_column_twice(tmp_path):
    column = pa.array([["a"]])
    table = pa.Table.from_arrays([column, column], names=["tokens", "tokens"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(xner.FormatError, match="two columns 'tokens'"):
        xner.read(tmp_path / "t.parquet", write(tmp_path / "t.txt", "a\n"))


def test_parquet_of_other_widths(tmp_path):
    large = pa.large_list(pa.large_string())
    table = pa.table(
        {
            "source_tokens": pa.array([["a", "b"]], large),
            "target_tokens": pa.array([["c"]], large),
            "source_entities": [[{"start": 1, "end": 2, "label": "PER"}]],
            "links": [[{"source": 1, "target": 0}]],
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    out = xner.project(xner.read(tmp_path / "p.parquet"))
    assert out.table["target_entities"].to_pylist()[0][0]["label"] == "PER"
    assert out.table["links"].to_pylist()[0][0]["weight"] == 1.0


def test_text_splits_as_python_does(tmp_path):
    lines = ["a b", "", "  ", " a  b\t", "a\u00a0b\u3000c", "x\u2028y"]
    target = write(tmp_path / "t.txt", "\n".join(lines) + "\n")
    source = write(tmp_path / "s.txt", "w\n" * len(lines))
    table = xner.read(source, target).table
    assert table["target_tokens"].to_pylist() == [line.split() for line in lines]


def links_of(path, text):
    block = text.encode()
    return [
        [(link["source"], link["target"], link["weight"]) for link in row]
        for row in pharaoh.parse(path, 1, block).to_pylist()
    ]


def test_pharaoh_reads_links(tmp_path):
    assert links_of(tmp_path, "0-1 2-3:0.5\n\n10-0:1e-05\t7-7:.25 \n") == [
        [(0, 1, 1.0), (2, 3, 0.5)],
        [],
        [(10, 0, pytest.approx(1e-5)), (7, 7, 0.25)],
    ]


@pytest.mark.parametrize(
    "bad",
    ["1", "1-", "-1", "1-2-3", "a-b", "1:2", "1-2:", "1-2:x", "1p2", "99999999999-1", "1-2:-1"],
)
def test_pharaoh_names_the_line(tmp_path, bad):
    path = tmp_path / "l.align"
    with pytest.raises(xner.FormatError, match="is not a link") as caught:
        pharaoh.parse(path, 5, f"0-0\n1-1 {bad} 2-2\n".encode())
    assert str(caught.value).startswith(f"{path}:6: {bad!r}")


weights = st.floats(0, 2.0**100, width=32)
link_rows = st.lists(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900), weights), max_size=5), max_size=5
)


@given(link_rows)
def test_pharaoh_round_trip(rows):
    column = pa.array(
        [[{"source": i, "target": j, "weight": w} for i, j, w in row] for row in rows],
        xner.columns.LINKS,
    )
    text = pharaoh.render(column)
    assert pharaoh.parse("x", 1, text).equals(column)


def test_what_killed_processes_left_is_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path = tmp_path / "out[1].jsonl"
    with files.atomic(path) as partial:
        own = partial.name
        partial.write_text("x")
    process = str(os.getpid())
    killed = tmp_path / own.replace(process, str(ended.pid))
    folder = tmp_path / killed.name.replace("out[1]", "made[1]")
    running = tmp_path / own.replace(process, str(os.getppid()))
    elsewhere = tmp_path / killed.name.replace(files._MACHINE, "other")
    another = tmp_path / killed.name.replace("out[1]", "out1")
    for left in (killed, running, elsewhere, another):
        left.write_text("x")
    folder.mkdir()
    (folder / "part").write_text("x")
    with files.atomic(path) as partial:
        partial.write_text("y")
    with files.atomic(tmp_path / "made[1].jsonl", folder=True) as partial:
        (partial / "part").write_text("y")
    kept = {left.name for left in tmp_path.iterdir() if left.name.startswith(".")}
    assert kept == {running.name, elsewhere.name, another.name}
    assert path.read_text() == "y"
