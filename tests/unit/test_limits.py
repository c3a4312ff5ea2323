"""Input of extreme size: it has an outcome, or is refused with a message that helps."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from xner.columns import LINKS
from xner.corpus import Corpus, joining
from xner.errors import XnerWarning
from xner.formats import footer, parquet
from xner.solve import exact


def sentence(words, tags, links, folder):
    """A corpus of one sentence pair with the same words on both sides."""
    (folder / "a.conll").write_text(
        "".join(f"{w}\t{t}\n" for w, t in zip(words, tags, strict=True)) + "\n"
    )
    (folder / "b.txt").write_text(" ".join(words) + "\n")
    (folder / "c.align").write_text(" ".join(f"{i}-{j}" for i, j in links) + "\n")
    return xner.read(folder / "a.conll", folder / "b.txt", links=folder / "c.align")


def test_a_token_of_2_megabytes(tmp_path):
    pairs = sentence(["x" * 2_000_000, "y"], ["B-PER", "O"], [(0, 0)], tmp_path)
    out = xner.project(pairs)
    assert out.table["outcomes"].to_pylist() == [["projected"]]
    for name in ("o.conll", "o.jsonl", "o.parquet"):
        out.write(tmp_path / name)
        assert xner.read(tmp_path / name, side="target").table["target_tokens"][0][1].as_py() == "y"


SIZES = {
    "words": (100_000, ["B-PER", "I-PER", "O", "O"] * 25_000),
    "one entity": (100_000, ["B-PER", *["I-PER"] * 99_999]),
    "entities": (50_000, ["B-PER"] * 50_000),
}


@pytest.mark.parametrize("size", SIZES)
def test_a_sentence_that_is_too_large_has_an_outcome(tmp_path, size):
    words, tags = SIZES[size]
    column = pa.array([[f"w{i % 100}" for i in range(words)]])
    starts = [i for i, tag in enumerate(tags) if tag[0] == "B"]
    ends = [next((j for j in range(i + 1, words) if tags[j] != "I-PER"), words) for i in starts]
    entities = [{"start": i, "end": j, "label": "PER"} for i, j in zip(starts, ends, strict=True)]
    links = [{"source": i, "target": i} for i in range(words)]
    small = (
        pa.array([["a"]]),
        pa.array([[{"start": 0, "end": 1, "label": "PER"}]]),
        pa.array([[{"source": 0, "target": 0}]]),
    )
    table = pa.table(
        {
            "source_tokens": pa.concat_arrays([column, small[0]]),
            "source_entities": pa.concat_arrays([pa.array([entities]), small[1]]),
            "target_tokens": pa.concat_arrays([column, small[0]]),
            "links": pa.concat_arrays([pa.array([links]), small[2]]),
        }
    )
    out = xner.project(Corpus.from_table(table))
    assert out.report.outcomes["too_large"] == len(entities)
    assert out.report.outcomes["projected"] == 1
    assert out.report.entities == len(entities) + 1
    made = out.table
    assert [len(row) for row in made["outcomes"].to_pylist()] == [len(entities), 1]
    assert made["target_tokens"][0].as_py() == column[0].as_py()
    assert [len(row) for row in made["target_entities"].to_pylist()] == [0, 1]


def test_pairs_with_too_many_words_get_no_links(tmp_path):
    (tmp_path / "a.txt").write_text("a b\n" + "w " * 3000 + "\n" + "a b\n" * 3)
    (tmp_path / "b.txt").write_text("a b\n" + "w " * 3000 + "\n" + "a b\n" * 3)
    pairs = xner.read(tmp_path / "a.txt", tmp_path / "b.txt")
    with pytest.warns(XnerWarning, match="1 sentence pairs have more than 4,194,304"):
        rows = xner.align(pairs, chains=1, effort=0.1).table["links"].to_pylist()
    assert rows[1] == []


def test_a_conflict_that_takes_too_long_keeps_a_good_choice(tmp_path, monkeypatch):
    pytest.importorskip("ortools")
    monkeypatch.setattr(exact, "EFFORT", 0.01)
    links = [(i, j) for i in range(90) for j in range(90)]
    pairs = sentence(["w"] * 90, ["B-PER", "I-PER"] * 45, links, tmp_path)
    out = xner.project(pairs, score={"alignment": 1.0})
    assert out.report.outcomes["projected"] > 0
    assert out.report.statuses["feasible"] == 1
    monkeypatch.setattr(exact, "MOST_WORDS", 10)
    again = xner.project(pairs, score={"alignment": 1.0})
    assert again.report.routes["greedy"] == 1


def test_sentences_and_rows_have_a_limit(tmp_path):
    words = pa.array([["w"] * (2**20 + 1)])
    table = pa.table({"source_tokens": words, "target_tokens": words})
    with pytest.raises(xner.InputError, match=r"has 1,048,577 words; a sentence has at most"):
        Corpus.from_table(table)
    (tmp_path / "gold").write_text("0-0\n")
    links = pa.array([[{"source": 2**30, "target": 0}]], LINKS)
    predicted = Corpus.from_table(pa.table({"links": links}))
    with pytest.raises(xner.InputError, match="have a word 1073741824"):
        xner.evaluate_links(tmp_path / "gold", predicted)


@pytest.mark.parametrize("name", ["note", "target_tokens"])
def test_text_that_repeats_in_few_bytes_is_read_a_few_rows_at_a_time(tmp_path, name, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_TEXT", 1 << 24)
    monkeypatch.setattr(joining, "MOST_BYTES", 1 << 24)
    n = 2000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["x" * 100_000]))
    rows = pa.array(range(n + 1), pa.int32())
    words = pa.ListArray.from_arrays(rows, pa.array(["a"] * n))
    column = pa.ListArray.from_arrays(rows, long) if name == "target_tokens" else long
    table = pa.table({"source_tokens": words, "target_tokens": words}).drop_columns(
        [name] if name == "target_tokens" else []
    )
    path = tmp_path / "bomb.parquet"
    pq.write_table(table.append_column(name, column), path, compression="zstd",
                   dictionary_pagesize_limit=1 << 30, store_schema=False)  # fmt: skip
    assert path.stat().st_size < 10_000
    first = next(xner.scan(path).batches())
    assert 0 < first.num_rows < 300
    assert first.nbytes < 2 * joining.MOST_BYTES


def test_many_values_in_few_bytes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(footer, "MOST_VALUES", 1 << 16)
    many = pa.ListArray.from_arrays(
        pa.array([0, 200_000], pa.int32()), pa.nulls(200_000, pa.int8())
    )
    path = tmp_path / "bomb.parquet"
    pq.write_table(
        pa.table({"source_tokens": [["a"]], "target_tokens": [["a"]], "note": many}), path
    )
    for read in (xner.scan, xner.read):
        with pytest.raises(xner.FormatError, match="expand to 200,000 values"):
            read(path)
    monkeypatch.undo()
    assert len(xner.read(path).table["note"][0]) == 200_000
