"""Conversion: what each format keeps of a corpus, and that nothing else is lost silently."""

import json

import pyarrow as pa
import pytest

import xner
from xner.cli import main
from xner.corpus import Corpus, scan_as_is
from xner.formats import MODULES, pharaoh
from xner.formats import registry as holds
from xner.formats.losses import Lost
from xner.write import Writing, write

FORMATS = {module.FORMAT.name: module for module in MODULES}


def entity(start, end, label, score=None, source=None):
    return {"start": start, "end": end, "label": label, "score": score, "source": source}


def place(*spans):
    return [{"start": start, "end": end} for start, end in spans]


ROWS = [
    {
        "id": "first",
        "source_tokens": ["The", "University", "of", "Kisumu", "won"],
        "source_entities": [entity(1, 4, "ORG"), entity(3, 4, "LOC")],
        "target_tokens": ["Chuo", "Kikuu", "cha-Kisumu", "😀", "!"],
        "target_text": "Chuo Kikuu  cha-Kisumu 😀!",
        "target_offsets": place((0, 4), (5, 10), (12, 22), (23, 24), (24, 25)),
        "target_entities": [
            entity(0, 3, "ORG", 0.75, 0), entity(2, 3, "LOC", 0.5, 1), entity(4, 5, "X"),
        ],
        "target_entity_offsets": place((0, 21), (16, 22), (24, 25)),
        "links": [{"source": 1, "target": 0, "weight": 0.5}],
        "outcomes": ["projected", "projected"],
        "note": 7,
    },
    {"id": "second", "source_tokens": ["Hm"], "target_text": "", "note": 8},
    {"id": "third", "source_tokens": ["Yes"], "target_tokens": ["Ndiyo", "."],
     "target_text": "Ndiyo.", "target_offsets": place((0, 5), (5, 6)), "note": 9},
    {"id": "fourth", "source_tokens": ["Go", "on"], "target_tokens": ["U.S.-led"],
     "target_text": " U.S.-led ", "target_offsets": place((1, 9)), "note": 10},
]  # fmt: skip
LONGEST = [[(0, 3, "ORG"), (4, 5, "X")], [], [], []]


@pytest.fixture
def corpus():
    return Corpus.from_table(pa.Table.from_pylist(ROWS), "rich")


def spans(rows):
    return [{(e["start"], e["end"], e["label"]) for e in row} for row in rows]


def kept(before, after):
    """The features that two tables of the same corpus share."""
    columns = {"source_entities": [], "target_entities": []} | after.to_pydict()
    old = before.to_pydict()

    def same(*names):
        return all(columns.get(name) == old[name] for name in names)

    def fields(name):
        return [[e[name] for e in row] for row in columns["target_entities"]]

    wanted, found = spans(old["target_entities"]), spans(columns["target_entities"])
    rows = after.num_rows == before.num_rows
    tests = {
        holds.WORDS: [w for w in columns.get("target_tokens", []) if w]
        == [w for w in old["target_tokens"] if w],
        holds.IDS: set(columns["id"]) <= set(old["id"]),
        holds.EMPTY: rows and "target_tokens" in columns,
        holds.BOTH: same("source_tokens", "source_entities"),
        holds.ENTITIES: any(found) and {s for row in LONGEST for s in row} <= set().union(*found),
        holds.NESTED: [row for row in found if row] == [row for row in wanted if row],
        holds.SCORES: rows and fields("score") == [[0.75, 0.5, None], [], [], []],
        holds.ORIGINS: rows and fields("source") == [[0, 1, None], [], [], []],
        holds.LINKS: same("links"),
        holds.OUTCOMES: same("outcomes"),
        holds.SPACES: "target_text" in columns and columns["target_text"][-2] == "Ndiyo.",
        holds.TEXT: [t for t in columns.get("target_text", []) if t]
        == [t for t in old["target_text"] if t],
        holds.CHARACTERS: [s for s in columns.get("target_entity_offsets", []) if s]
        == [s for s in old["target_entity_offsets"] if s],
        holds.FURTHER: same("note"),
    }
    return {name for name, is_kept in tests.items() if is_kept}


def read_again(module, path, tmp_path):
    if module is not pharaoh:
        return scan_as_is(path, side="target", format=module.FORMAT.name).corpus.table
    source, target = tmp_path / "s.txt", tmp_path / "t.txt"
    source.write_text("\n".join(" ".join(row["source_tokens"]) for row in ROWS) + "\n")
    target.write_text("\n".join(" ".join(row.get("target_tokens", [])) for row in ROWS) + "\n")
    return xner.scan(source, target, links=path).table.select(["id", "links"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_keeps_what_it_declares_and_reports_the_rest(name, corpus, tmp_path):
    module = FORMATS[name]
    if module.FORMAT.extra:
        pytest.importorskip({"spacy": "spacy", "hf": "datasets"}[module.FORMAT.extra])
    lost = Lost()
    out = tmp_path / f"out{next(iter(module.FORMAT.suffixes), '')}"
    how = Writing(format=name, language="sw")
    write(out, corpus.batches(), how, lost)
    assert kept(corpus.table, read_again(module, out, tmp_path)) == module.FORMAT.keeps
    missing = set(holds.FEATURES) - module.FORMAT.keeps
    if holds.ENTITIES in missing:  # nothing of them is left to be counted
        missing -= {holds.NESTED, holds.SCORES, holds.ORIGINS, holds.CHARACTERS}
    assert set(lost.counts) == missing
    # strictly, nothing is written
    again = tmp_path / f"strict{out.suffix}"
    if lost.counts:
        with pytest.raises(xner.OutputError, match=r"cannot hold .*nothing was written"):
            write(again, corpus.batches(), how, Lost(), strict=True)
        assert not again.exists()
    else:
        write(again, corpus.batches(), how, Lost(), strict=True)
        assert again.exists()


CONLL = "Peña\tB-PER\nvio\tO\n\nMünchen\tB-LOC\n\n"


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_files_are_read_and_written_like_others(tmp_path, ending, monkeypatch):
    monkeypatch.setattr("xner.formats.files.BLOCK_BYTES", 16)
    path = tmp_path / f"a.conll{ending}"
    (tmp_path / "a.conll").write_text(CONLL * 20)
    plain = xner.read(tmp_path / "a.conll", side="source")
    plain.write(path, side="source")
    with pa.CompressedInputStream(str(path), {".gz": "gzip", ".zst": "zstd"}[ending]) as file:
        assert file.read().decode() == CONLL * 20
    corpus = xner.scan(path, side="source")
    assert corpus.table == plain.table
    assert corpus.part(7, 30).table == plain.part(7, 30).table
    corpus.write(tmp_path / f"b.jsonl{ending}")
    assert xner.read(tmp_path / f"b.jsonl{ending}", side="source").table == plain.table
    # members one after another, as `cat` joins them
    path.write_bytes(path.read_bytes() * 2)
    assert len(xner.scan(path, side="source")) == 80
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(xner.FormatError, match=r"damaged, or not compressed"):
        xner.read(path, side="source")


def test_whole_words_are_written_with_a_warning(tmp_path):
    row = {**ROWS[0], "target_entities": ROWS[0]["target_entities"][:1]}
    row["target_entity_offsets"] = ROWS[0]["target_entity_offsets"][:1]
    corpus = Corpus.from_table(pa.Table.from_pylist([row]))
    with pytest.warns(xner.errors.XnerWarning, match=r"character spans \(1\); their whole words"):
        corpus.write(tmp_path / "a.conll")
    corpus.write(tmp_path / "a.tsv", format="webanno")


def test_what_is_compressed_already_is_refused(tmp_path, corpus):
    with pytest.raises(xner.UsageError, match=r"leave out \.gz"):
        corpus.write(tmp_path / "a.parquet.gz")
    with pytest.raises(xner.UsageError, match="suffix must say the format"):
        corpus.write(tmp_path / "a.gz")


def test_other_encodings(tmp_path, capsys):
    latin, german = tmp_path / "esp.train", tmp_path / "de.txt"
    latin.write_bytes(CONLL.encode("latin-1"))
    german.write_text("Peña sah\nMünchen\n", "utf-8")
    out = tmp_path / "es.conll"
    assert main(["convert", str(latin), str(out), "--from", "conll"]) == 1
    assert "esp.train:1: not UTF-8 (byte 0xf1)" in (error := capsys.readouterr().err)
    assert "--encoding latin-1" in error
    given = ["--from", "conll", "--encoding", "latin-1", "--json"]
    assert main(["convert", str(latin), str(out), *given]) == 0
    assert out.read_text("utf-8") == CONLL
    assert json.loads(capsys.readouterr().out)["lost"] == {}

    both = tmp_path / "es.latin.conll"
    both.write_bytes(latin.read_bytes())
    pairs = xner.read(both, german, encoding=("latin-1", "utf-8")).table
    assert pairs["source_tokens"].to_pylist() == [["Peña", "vio"], ["München"]]
    assert pairs["target_tokens"].to_pylist() == [["Peña", "sah"], ["München"]]
    assert xner.evaluate(both, out, encoding=["latin-1", "utf-8"]).f1 == 1
    assert xner.evaluate(both, both, encoding="latin-1").overall.gold == 2
    with pytest.raises(xner.FormatError, match=r"esp.*:1: not utf-16"):
        scan_as_is(latin, format="conll", encoding="utf-16")
    with pytest.raises(xner.UsageError, match="unknown encoding 'latin-99'"):
        xner.read(both, side="source", encoding="latin-99")
    with pytest.raises(xner.UsageError, match="3 encodings for 2 files"):
        xner.read(both, german, encoding=("latin-1", "utf-8", "utf-8"))
    pairs_file = tmp_path / "p.parquet"
    xner.read(both, german, encoding=("latin-1", "utf-8")).write(pairs_file)
    with pytest.raises(xner.UsageError, match="is not a text file, so it has no encoding"):
        xner.read(pairs_file, encoding="latin-1")


def test_the_command_warns_of_what_is_lost(tmp_path, corpus, capsys):
    rich, out = tmp_path / "rich.parquet", tmp_path / "out.conll"
    corpus.write(rich)
    assert main(["convert", str(rich), str(out), "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert result["lost"]["nested entities"] == 1
    assert result["warnings"] == [said.err.removeprefix("xner convert: warning: ").strip()]
    assert "out.conll: CoNLL cannot hold " in said.err
    assert "nested entities (1), scores (1)" in said.err
    assert out.read_text().startswith("Chuo\tB-ORG\nKikuu\tI-ORG\ncha-Kisumu\tI-ORG\n")
    out.unlink()
    assert main(["convert", str(rich), str(out), "--strict"]) == 1
    assert not out.exists()
    assert main(["convert", str(rich), str(out), "--side", "source"]) == 0
    assert out.read_text().startswith("The\tO\nUniversity\tB-ORG\n")
    capsys.readouterr()
    assert main(["convert", str(rich), str(out), str(out), str(out)]) == 2
    assert main(["convert", str(rich), str(out), "--to", "word"]) == 2
    assert "unknown format 'word'; choose one of conll, panx" in capsys.readouterr().err
    assert main(["convert", str(rich), str(tmp_path / "x"), "--to", "panx"]) == 2
    assert "needs the code of the language" in capsys.readouterr().err
