"""Parts of a corpus, and corpora that travel to other processes."""

import pickle
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from xner.corpus import scan_side, with_links
from xner.formats import files, panx, parquet

ROWS = 60
FORMATS = {
    "conll": ("source.conll", "target.txt"),
    "crlf": ("crlf.conll", "target.txt"),
    "docstart skipped": ("doc.conll", "target.txt"),
    "docstart kept": ("doc.conll", "doc.txt"),
    "jsonl": ("source.jsonl", "target.jsonl"),
    "parquet": ("source.parquet", "target.parquet"),
    "mixed": ("source.conll", "target.parquet"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The same sentences in every format, in files of many blocks."""
    monkeypatch.setattr(files, "BLOCK_BYTES", 97)
    draw = random.Random(0)
    source = [[f"w{draw.randrange(99)}" for _ in range(draw.randrange(5))] for _ in range(ROWS)]
    target = [[f"v{draw.randrange(99)}é" for _ in range(draw.randrange(5))] for _ in range(ROWS)]
    spans = [[{"start": 0, "end": 1, "label": "PER"}] if words else [] for words in source]
    side = xner.Corpus.from_table(pa.table({"source_tokens": source, "source_entities": spans}))
    side.write(tmp_path / "source.conll", side="source")
    side.write(tmp_path / "source.jsonl")
    pq.write_table(side.table, tmp_path / "source.parquet", row_group_size=7)
    other = xner.Corpus.from_table(pa.table({"target_tokens": target}))
    other.write(tmp_path / "target.txt")
    other.write(tmp_path / "target.jsonl")
    pq.write_table(other.table, tmp_path / "target.parquet", row_group_size=11)
    lines = (tmp_path / "target.txt").read_text().splitlines()
    sentences = (tmp_path / "source.conll").read_text().split("\n\n")[:-1]
    for at in (40, 12, 11, 0):
        lines.insert(at, "-DOCSTART-")
        sentences.insert(at, "-DOCSTART-\tO")
    crlf = (tmp_path / "source.conll").read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / "crlf.conll").write_bytes(b"\xef\xbb\xbf" + crlf)
    (tmp_path / "doc.txt").write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "doc.conll").write_text("".join(f"{each}\n\n" for each in sentences))
    for name, share in (("first", 2), ("second", 3)):
        links = [
            "0-0" if s and t and i % share else ""
            for i, (s, t) in enumerate(zip(source, target, strict=True))
        ]
        (tmp_path / f"{name}.align").write_text("".join(f"{line}\n" for line in links))
    return tmp_path


def check(corpus, tries=12):
    whole, draw = corpus.table, random.Random(1)
    assert pickle.loads(pickle.dumps(corpus)).table == whole
    for _ in range(tries):
        a, b = sorted(draw.choices(range(len(corpus) + 1), k=2))
        part = pickle.loads(pickle.dumps(corpus.part(a, b)))
        assert len(part) == b - a
        assert part.table == whole.slice(a, b - a)
        c = draw.randrange(b - a + 1)
        assert part.part(c, b - a).table == whole.slice(a + c, b - a - c)
    return whole


@pytest.mark.parametrize("names", FORMATS.values(), ids=FORMATS)
def test_parts_of_parallel_files(folder, names):
    pairs = xner.scan(*(folder / name for name in names))
    assert check(pairs).num_rows == ROWS + 4 * (names[1] == "doc.txt")
    assert pairs.table == xner.read(*(folder / name for name in names)).table


def test_parts_with_links_and_backoff(folder):
    links = [folder / "first.align", folder / "second.align"]
    pairs = xner.scan(folder / "source.parquet", folder / "target.txt")
    both = check(xner.scan(folder / "source.parquet", folder / "target.txt", links=links))
    assert check(with_links(pairs, links)) == both
    check(scan_side(folder / "target.txt", pairs))
    check(with_links(pairs, links).part(3, 60).part(2, 50))


def test_parts_in_memory(folder):
    pairs = xner.read(folder / "source.conll", folder / "target.txt")
    check(pairs)
    check(xner.Corpus(pairs.batches, len(pairs), "by rows", pairs.schema))
    assert len(pickle.dumps(pairs.part(3, 4).collect())) < len(pickle.dumps(pairs)) / 2


def test_parts_of_panx(folder):
    path = folder / "panx"
    path.write_text("".join(f"sw:a{i}\tO\nsw:b\tB-LOC\n\n" for i in range(40)))
    assert len(panx.inspect(path).starts) > 5
    check(xner.scan(path, side="source"))


def test_a_part_does_not_read_what_is_far_before_it(folder):
    pairs = xner.scan(folder / "source.conll", folder / "target.txt")
    expected = pairs.table.slice(50)
    for name in ("source.conll", "target.txt"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(b"\xff" * 200 + data[200:])
    assert pairs.part(50, ROWS).table == expected


@pytest.mark.parametrize("suffix", ["conll", "jsonl", "parquet"])
def test_parts_one_after_another_read_a_file_once(folder, monkeypatch, suffix):
    """Also a Parquet file with a single row group, which cannot be read from its middle."""
    side = xner.read(folder / f"source.{suffix}", side="source").table
    pq.write_table(side, folder / "source.parquet")
    corpus = xner.scan(folder / f"source.{suffix}", side="source")
    read = []
    parse = xner.corpus.files.InputFile._read
    monkeypatch.setattr(
        xner.corpus.files.InputFile, "_read", lambda *args: read.append(args) or parse(*args)
    )
    for _ in range(2):
        parts = [corpus.part(a, a + 10).table for a in range(0, ROWS, 10)]
        assert pa.concat_tables(parts).equals(side)
    assert len(read) == 2
    assert corpus.part(20, 30).table == side.slice(20, 10)
    assert corpus.part(40, 45).table == side.slice(40, 5)
    assert corpus.part(0, 45).table == side.slice(0, 45)
    assert pickle.loads(pickle.dumps(corpus)).part(45, 50).table == side.slice(45, 5)


def test_parts_one_after_another_keep_no_rows_that_were_read(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 500)
    table = pa.table({"source_tokens": [["w" * 50]] * 10_000})
    pq.write_table(table, tmp_path / "source.parquet")
    corpus = xner.scan(tmp_path / "source.parquet", side="source")
    kept = []
    for a in range(0, 9900, 90):  # parts end within a batch
        assert sum(batch.num_rows for batch in corpus.part(a, a + 90).batches()) == 90
        kept.append(pa.total_allocated_bytes())
    assert kept[-1] < kept[10] + 100_000


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("source.conll", r"source.conll:\d+: 1 columns, but the lines before have 2"),
        ("target.txt", r"target.txt:51: not UTF-8"),
        ("first.align", r"first.align:51: .*is not a link"),
        ("second.align", r"second.align:51: the link 9-9 is out of bounds"),
        ("source.jsonl", r"source.jsonl:51: not JSON"),
    ],
)
def test_errors_of_a_part_are_those_of_the_whole(folder, name, message):
    broken = {"target.txt": b"\xff", "first.align": b"0_0", "second.align": b"9-9"}.get(name, b"x")
    end = b"\n\n" if name.endswith("conll") else b"\n"
    rows = (folder / name).read_bytes().split(end)
    rows[50] = broken
    (folder / name).write_bytes(end.join(rows))
    source = folder / (name if name.startswith("source") else "source.parquet")
    links = [folder / "first.align", folder / "second.align"]
    pairs = xner.scan(source, folder / "target.txt", links=links)
    seen = []
    for corpus in (pairs, pairs.part(48, 55)):
        with pytest.raises(xner.InputError, match=message) as caught:
            corpus.collect()
        seen.append(str(caught.value))
    assert seen[0] == seen[1]
    assert len(pairs.part(0, 20).table) == 20


def test_rows_that_are_not_there(folder):
    pairs = xner.scan(folder / "source.conll", folder / "target.txt")
    for first, last in ((-1, 2), (3, 2), (0, ROWS + 1)):
        with pytest.raises(xner.UsageError, match=rf"no rows \[{first}, {last}\) in a"):
            pairs.part(first, last)
    (folder / "target.txt").write_text("v\n" * 30)
    with pytest.raises(xner.ParallelError, match="has fewer rows than when it was opened"):
        pairs.part(40, 50).collect()
