"""Damaged and hostile input: it is read correctly, or refused with a message that helps."""

import contextlib
import datetime
import decimal
import io
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from tests.corpora import SameWords
from xner.aligners.bitext import Links
from xner.cli import main
from xner.columns import ENTITIES, LINKS
from xner.corpus import Corpus
from xner.formats import files
from xner.score.counts import Counts

WORDS = pa.array([["EU", "says"], ["Peter"]])


def text(*values):
    """Strings that nobody checked."""
    checked = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(values), *checked.buffers()[1:])


def saved(tmp_path, **columns):
    path = tmp_path / "both.parquet"
    pq.write_table(pa.table({"source_tokens": WORDS, "target_tokens": WORDS, **columns}), path)
    return path


def lists(flat):
    return pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), flat)


LABELS = pa.StructArray.from_arrays(
    [pa.array([0, 0, 0], pa.int32()), pa.array([1, 1, 1], pa.int32()), text(b"A", b"\xff", b"B")],
    ["start", "end", "label"],
)
PARQUET = [
    ({"target_tokens": lists(text(b"a", b"b\xff", b"c"))}, "'target_tokens' is damaged.*UTF8"),
    ({"id": text(b"\xff", b"2")}, "'id' is damaged"),
    ({"note": text(b"\xff", b"2")}, "'note' is damaged"),
    ({"source_entities": lists(LABELS)}, "'source_entities' is damaged"),
    ({"target_tokens": pa.array([[("a", "b")], []], pa.map_(pa.string(), pa.string()))}, "a list"),
    ({"links": pa.array([[None], []], LINKS)}, "row 1: a link has no source"),
    ({"source_entities": pa.array([[], [None]], ENTITIES)}, "row 2: an entity in .* has no start"),
]


@pytest.mark.parametrize(("columns", "message"), PARQUET, ids=lambda value: str(value)[:12])
def test_columns_of_parquet_are_checked(tmp_path, columns, message):
    with pytest.raises(xner.InputError, match=message):
        xner.read(saved(tmp_path, **columns))


def test_links_without_a_weight_weigh_1(tmp_path):
    links = pa.array([[{"source": 0, "target": 1, "weight": None}], None], LINKS)
    rows = xner.read(saved(tmp_path, links=links)).table["links"].to_pylist()
    assert rows == [[{"source": 0, "target": 1, "weight": 1.0}], []]


def test_every_damaged_byte_of_a_footer_is_an_error_or_harmless(tmp_path):
    content = saved(tmp_path).read_bytes()
    path = tmp_path / "damaged.parquet"
    for at in range(len(content) - 1500, len(content), 17):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        with contextlib.suppress(xner.InputError):
            xner.read(path)


def test_columns_that_json_lacks_become_text(tmp_path):
    columns = {
        "bytes": pa.array([b"\xff", None]),
        "price": pa.array([decimal.Decimal("1.50"), None]),
        "day": pa.array([datetime.date(2020, 1, 2), None]),
        "time": pa.array([1, None], pa.timestamp("ns")),
        "length": pa.array([90, None], pa.duration("s")),
        "notes": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
        "many": pa.array([[b"x"], None]),
    }
    out = tmp_path / "out.jsonl"
    xner.read(saved(tmp_path, **columns)).write(out)
    row = json.loads(out.read_text().splitlines()[0])
    assert {name: row[name] for name in columns} == {
        "bytes": "/w==",
        "price": "1.50",
        "day": "2020-01-02",
        "time": "1970-01-01 00:00:00.000000001",
        "length": "PT90S",
        "notes": [{"key": "a", "value": 1}],
        "many": ["eA=="],
    }
    assert xner.read(out).table["day"].to_pylist() == ["2020-01-02", None]


def test_words_that_look_like_dates_stay_as_they_are(tmp_path):
    path = tmp_path / "both.jsonl"
    line = {
        "id": "2020-01-01",
        "source_tokens": ["2020-01-02"],
        "target_tokens": ["x"],
        "day": "2020-01-03",
    }
    path.write_text(json.dumps(line) + "\n")
    assert xner.read(path).table.to_pylist() == [line]


CONLL_U = """# sent_id = 1
1\tva\taller\tVERB\t_\t_\t0\troot\t_\tB-X
2-3\tau\t_\t_\t_\t_\t_\t_\t_\tO
2\tà\tà\tADP\t_\t_\t3\tcase\t_\tO
3\tKenya\tKenya\tPROPN\t_\t_\t1\tobl\t_\tSpaceAfter=No

"""


@pytest.mark.parametrize("content", [CONLL_U, "1\tEU\tB-ORG\n2\tsays\tO\n\n1\tPeter\tO\n\n"])
def test_columns_that_number_the_words_are_refused(tmp_path, content):
    path, words = tmp_path / "a.conll", tmp_path / "b.txt"
    path.write_text(content)
    words.write_text("va\n" * (1 + ("Peter" in content)))
    with pytest.raises(xner.FormatError, match=r"a.conll:[12]: .*CoNLL-U; keep .* awk"):
        xner.read(path, words)
    with pytest.raises(xner.FormatError, match="CoNLL-U"):
        xner.scan(words, path).table  # noqa: B018 - reading is the test


def test_years_in_three_columns_are_words(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("1\tNUM\tO\nEU\tNNP\tB-ORG\n\n1984\tNUM\tO\n\n")
    assert xner.scan(path, side="source").table["source_tokens"].to_pylist() == [
        ["1", "EU"],
        ["1984"],
    ]


class Returns:
    """An aligner that returns the same arrays whatever it gets."""

    signature = "returns"

    def __init__(self, offsets, source, target, weight):
        self.links = Links(*map(np.array, (offsets, source, target, weight)))

    def align(self, bitext, progress=None):
        return self.links


ALIGNERS = [
    (([0, 1, 1], [2], [0], [1.0]), "sentence 1: the link 2-0 is out of bounds"),
    (([0, 0, 1], [0], [1], [1.0]), "sentence 2: the link 0-1 is out of bounds"),
    (([0, 1, 1], [-1], [0], [1.0]), "sentence 1: the link -1-0 is out of bounds"),
    (([0, 1, 1], [2**40], [0], [1.0]), "out of bounds"),
    (([0, 1, 1], [0], [0], [np.nan]), "0-0 has a weight"),
    (([0, 1, 1], [0], [0], [-1.0]), "0-0 has a weight"),
    (([0, 2, 2], [1, 0], [0, 0], [1.0, 1.0]), "0-0 must come before"),
    (([0, 2, 2], [0, 0], [1, 1], [1.0, 1.0]), "0-1 must come before"),
    (([0, 1], [0], [0], [1.0]), "2 offsets; 2 rows"),
    (([0, 1, 0], [0], [0], [1.0]), "not decrease"),
    (([0, 1, 2], [0], [0], [1.0]), "the last offset is 2"),
    (([0, 1, 1], [0.0], [0], [1.0]), "must be integers"),
    (([0, 1, 1], [0], [0], ["a"]), "must be numbers"),
    (([[0, 1, 1]], [0], [0], [1.0]), "one dimension"),
]


@pytest.mark.parametrize(("arrays", "message"), ALIGNERS, ids=lambda value: str(value)[:20])
def test_links_of_a_custom_aligner_are_checked(arrays, message):
    pairs = Corpus.from_table(pa.table({"source_tokens": WORDS, "target_tokens": WORDS}))
    with pytest.raises(xner.UsageError, match=message):
        xner.align(pairs, aligner=Returns(*arrays))
    assert (
        len(xner.align(pairs, aligner=SameWords()).table["links"].combine_chunks().flatten()) == 3
    )


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conll").write_text("Łódź\tB-PLÄCE\nist\tO\n\n")
    (tmp_path / "b.txt").write_text("Łódź is\n")
    return tmp_path


@pytest.mark.parametrize("flag", ["--save-counts", "--bad-rows"])
@pytest.mark.parametrize("name", ["o.conll", "a.conll", "b.txt", "../{folder}/o.conll"])
def test_side_files_do_not_overwrite_other_files(pair, capsys, flag, name):
    name = name.format(folder=pair.name)
    arguments = ["project", "a.conll", "b.txt", "-o", "o.conll", flag, name]
    arguments += ["--on-bad-row", "quarantine"]
    assert main(arguments) == 2
    assert "name another" in capsys.readouterr().err
    assert (pair / "b.txt").read_text() == "Łódź is\n"


def test_counts_that_cannot_be_saved_are_noticed_before_the_work(pair, capsys):
    arguments = ["project", "a.conll", "b.txt", "-o", "o.conll", "--save-counts", "no/c.npz"]
    assert main(arguments) == 1
    assert "the folder no does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--min-score", "--length-ratio", "--max-ratio", "--link-threshold"]
)
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_must_be_finite(pair, capsys, option, value):
    assert main(["project", "a.conll", "b.txt", "-o", "o.conll", option, value]) == 2
    assert f"is {value}; numbers must be finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--help"],
        ["evaluate", "a.conll", "a.conll", "--json"],
        ["evaluate", "a.conll", "a.conll"],
    ],
)
def test_a_terminal_without_unicode_gets_escapes(pair, monkeypatch, arguments):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    with contextlib.suppress(SystemExit):
        main(arguments)
    out.flush()
    shown = out.buffer.getvalue().decode("ascii")
    if "--json" in arguments:
        assert list(json.loads(shown)["labels"]) == ["PLÄCE"]
    elif "--help" in arguments:
        assert "usage: xner train" in shown
    else:
        assert r"PL\xc4CE" in shown


def test_a_line_of_json_that_is_null_is_an_error(tmp_path):
    path = tmp_path / "a.jsonl"
    for line in ("null", " null", '{"source_tokens": []} null', '{"a": ' + "[" * 5000):
        path.write_text('{"source_tokens": [], "target_tokens": []}\n' + line + "\n")
        with pytest.raises(xner.FormatError, match=r"a.jsonl:2: not|nested too deeply"):
            xner.read(path)


def test_control_characters_go_through_every_format_or_are_refused(tmp_path):
    words = ["a\x00b", "\x1f", "\u2028", "\ufeff", "\x7f", "\u200b", "\U000e0001"]
    table = pa.table({"id": ["1"], "source_tokens": [words], "target_tokens": [words]})
    for suffix in ("jsonl", "parquet", "conll"):
        path = tmp_path / f"o.{suffix}"
        Corpus.from_table(table).write(path)
        assert xner.read(path, side="target").table["target_tokens"].to_pylist() == [words]
    for space in ("\x1f", "\u2028", "a\u00a0b", "\u3000"):
        spaced = Corpus.from_table(pa.table({"id": ["1"], "target_tokens": [["a", space]]}))
        with pytest.raises(xner.OutputError, match="cannot hold the token"):
            spaced.write(tmp_path / "o.txt")


def test_weights_must_be_finite(tmp_path):
    for weight in ("nan", "inf", "-1", "1e400", "1e39"):
        (tmp_path / "c.align").write_text(f"0-0:{weight}\n")
        (tmp_path / "a.txt").write_text("a\n")
        with pytest.raises(xner.InputError, match=r"c.align:1"):
            xner.read(tmp_path / "a.txt", tmp_path / "a.txt", links=tmp_path / "c.align")


@pytest.mark.parametrize(("name", "missing"), [("a.txt", "line end"), ("a.conll", "blank line")])
def test_a_file_without_an_end_of_line_or_sentence_is_refused(tmp_path, monkeypatch, name, missing):
    monkeypatch.setattr(files, "BLOCK_BYTES", 100)
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    path = tmp_path / name
    path.write_text("w\tO" + ("\nw\tO" if name == "a.conll" else " ") * 5000)
    for read in (xner.scan, xner.read):
        with pytest.raises(xner.FormatError, match=f"no {missing} in 1,000 bytes from byte 0"):
            read(path, side="source")


@pytest.mark.parametrize("option", ["--max-span", "--seed", "--chains"])
def test_integers_have_64_bits(pair, capsys, option):
    assert main(["project", "a.conll", "b.txt", "-o", "o.conll", option, str(10**400)]) == 2
    assert "at most 9223372036854775807" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "counts"),
    [([1, 2], [1]), ([0], [1]), ([1], [-1]), ([[1]], [[1]]), ([], 3), (["a"], [1])],
)
def test_statistics_that_do_not_fit_are_refused(tmp_path, keys, counts):
    made = Counts("xner")
    made.add(np.array([5], np.uint64), np.array([1]))
    made.save(tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as file:
        values = dict(file)
    np.savez(tmp_path / "d.npz", **{**values, "keys": np.array(keys), "counts": np.array(counts)})
    assert len(Counts.load(tmp_path / "c.npz")) == 1
    with pytest.raises(xner.FormatError, match="not corpus statistics of xner"):
        Counts.load(tmp_path / "d.npz")


def test_labels_are_printed_as_they_are(tmp_path, capsys):
    entity = {"start": 0, "end": 1, "label": "[/b]\x1b[31m"}
    rows = {"tokens": [["a"]], "entities": [[entity]]}
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(rows), path)
    assert main(["evaluate", str(path), str(path)]) == 0
    out = capsys.readouterr().out
    assert r"[/b]\x1b[31m" in out
    assert "\x1b[31m" not in out


@pytest.mark.parametrize("label", ["A\tB", "A\nO", "A\r", "A "])
def test_labels_that_conll_cannot_hold_are_refused(tmp_path, label):
    entities = [[{"start": 0, "end": 1, "label": label}]]
    rows = {"id": ["1"], "target_tokens": [["a"]], "target_entities": entities}
    pairs = Corpus.from_table(pa.table(rows))
    with pytest.raises(xner.OutputError, match="cannot hold the label"):
        pairs.write(tmp_path / "o.conll")
    pairs.write(tmp_path / "o.jsonl")
