"""`xner tag` as people and programs use it."""

import json

import pytest

from tests.commands import run

pytest.importorskip("transformers")

TEXT = "Amina Okoro left Kisumu .\n\nTide Group and Peter Falk .\n"
CONLL = (
    "Amina\tB-PER\nOkoro\tI-PER\nleft\tO\nKisumu\tB-LOC\n.\tO\n\n# xner: empty sentence\n\n"
    "Tide\tB-ORG\nGroup\tI-ORG\nand\tO\nPeter\tB-PER\nFalk\tI-PER\n.\tO\n\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "en.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tag_to_conll(folder, capsys, bert_tagger):
    code, out, err = run(capsys, "tag", "en.txt", "-o", "en.conll", "--model", bert_tagger)
    assert (code, err) == (0, "")
    assert (folder / "en.conll").read_text() == CONLL
    for word in (
        "sentences",
        "PER",
        "words the tagger cannot see",
        "tagger:checkpoint(bert-tagger#",
    ):
        assert word in out
    bilou = ("--write-scheme", "BILOU", "--label", "PER=", "--device", "cpu,cpu")
    run(capsys, "tag", "en.txt", "-o", "b.conll", "--model", bert_tagger, *bilou)
    assert (folder / "b.conll").read_text().count("PER") == 0
    assert "Kisumu\tU-LOC" in (folder / "b.conll").read_text()


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_tag_both_sides_then_project(folder, capsys, xlmr_tagger, suffix):
    run(capsys, "tag", "en.txt", "-o", "en.jsonl", "--model", xlmr_tagger)
    (folder / "en.align").write_text("0-0 1-1 2-2 3-3 4-4\n\n0-0 1-1 2-2 3-3 4-4 5-5\n")
    project = ("--links", "en.align", "--preset", "paper-greedy")
    run(capsys, "project", "en.jsonl", "en.txt", "-o", "p.parquet", *project)
    code, out, _ = run(
        capsys, "tag", "p.parquet", "-o", f"t.{suffix}", "--side", "target", "--probabilities",
        "--temperature", "2", "--model", xlmr_tagger, "--json",
    )  # fmt: skip
    summary = json.loads(out)
    assert code == 0
    assert (summary["sentences"], summary["words"]) == (3, 11)
    assert summary["entities"] == {"LOC": 1, "ORG": 1, "PER": 2}
    assert (summary["windowed"], summary["unread"]) == (0, 0)
    assert "temperature:2,cpu/float32" in summary["signature"]
    again = ("tag", f"t.{suffix}", "-o", "s.jsonl", "--model", xlmr_tagger, "--json")
    assert json.loads(run(capsys, *again)[1])["entities"] == summary["entities"]
    rows = [json.loads(line) for line in (folder / "s.jsonl").read_text().splitlines()]
    assert {"source_entities", "target_entities", "target_probabilities"} <= set(rows[0])
    assert "outcomes" not in rows[0]
    found = [row["source_entities"] for row in rows]
    assert [[e["label"] for e in row] for row in found] == [["PER", "LOC"], [], ["ORG", "PER"]]
    assert len(rows[0]["target_probabilities"]) == 5


def test_tag_then_project_without_links(folder, capsys, bert_tagger):
    """The tagger's probabilities on the target are enough to find the source's entities."""
    (folder / "en.conll").write_text(CONLL)
    (folder / "sw.txt").write_text(
        "left Kisumu today Amina Okoro .\n\nPeter Falk saw the market .\n"
    )
    tag = ("--side", "target", "--probabilities", "--model", bert_tagger)
    run(capsys, "tag", "sw.txt", "-o", "sw.parquet", *tag)
    code, out, err = run(
        capsys, "project", "en.conll", "sw.parquet", "-o", "o.conll", "--json",
        "--candidates", "ngrams", "--score", "ner=1",
    )  # fmt: skip
    summary = json.loads(out)
    assert (code, err) == (0, "")
    assert summary["outcomes"]["projected"] == 3
    assert summary["outcomes"]["below_threshold"] == 1
    assert "target_tagger:checkpoint(bert-tagger#" in summary["signature"]
    assert (folder / "o.conll").read_text() == (
        "left\tO\nKisumu\tB-LOC\ntoday\tO\nAmina\tB-PER\nOkoro\tI-PER\n.\tO\n\n"
        "# xner: empty sentence\n\n"
        "Peter\tB-PER\nFalk\tI-PER\nsaw\tO\nthe\tO\nmarket\tO\n.\tO\n\n"
    )


BAD = [
    ("tag no.txt -o o.conll --model M", 1, "no.txt: no such file"),
    ("tag en.txt -o o.conll --model ./none", 1, "the tagger './none' cannot be loaded"),
    ("tag en.txt -o o.conll --model M --label LOC", 2, "write OLD=NEW"),
    ("tag en.txt -o o.conll --model M --label MISC=", 2, "labels renames 'MISC'"),
    ("tag en.txt -o o.conll --model M --temperature 0", 2, "temperature is 0; it must be above 0"),
    ("tag en.txt -o o.conll --model M --probabilities", 2, "cannot hold probabilities"),
    ("tag en.txt -o o.conll --model M --batch-tokens -1", 2, "batch_tokens is -1"),
    ("tag en.txt -o o.conll --model M --device tpu9", 2, "'tpu9' cannot be used"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), BAD)
def test_bad_input_and_usage(folder, capsys, bert_tagger, arguments, code, words):
    given = [bert_tagger if word == "M" else word for word in arguments.split()]
    got, out, err = run(capsys, *given, "--quiet")
    assert (got, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["en.txt"]
