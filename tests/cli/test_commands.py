"""The commands `candidates`, `back-translate`, `refine` and `align-target`."""

import json

import pytest

from tests.commands import run
from tests.unit.test_back import back

EN = "Rome\tB-LOC\nis\tO\nold\tO\n\nAnna\tB-PER\nsings\tO\n\n"
DE = "Rom ist alt\nEs singt Anna\n"
DE_NER = "Rom\tB-LOC\nist\tO\nalt\tO\n\nEs\tO\nsingt\tO\nAnna\tB-PER\n\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "en.conll").write_text(EN)
    (tmp_path / "de.txt").write_text(DE)
    (tmp_path / "de.conll").write_text(DE_NER)
    (tmp_path / "de.align").write_text("0-0 1-1 2-2\n0-2 1-1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("parts", [(), ("--part-rows", "1")], ids=["file", "shards"])
def test_candidates_from_a_file_are_projected(folder, capsys, parts):
    out = "c/" if parts else "c.jsonl"
    line = ("candidates", "de.txt", "--from", "de.conll", "-o", out, "--json", *parts)
    code, shown, err = run(capsys, *line)
    assert (code, err) == (0, "")
    summary = json.loads(shown)
    assert (summary["sentences"], summary["spans"]) == (2, 2)
    assert "candidates:file(de.conll)" in summary["signature"]
    line = ("project", "en.conll", out, "-o", "p.jsonl", "--candidates", "spans", "--json")
    code, shown, err = run(capsys, *line, "--links", "de.align", "--score", "alignment=1")
    assert (code, err) == (0, "")
    made = [[(e["start"], e["end"], e["label"]) for e in row["target_entities"]]
            for row in rows(folder / "p.jsonl")]  # fmt: skip
    assert made == [[(0, 1, "LOC")], [(2, 3, "PER")]]


BAD = [
    ("--from de.txt -o c.jsonl", 1, "has no entities to take as candidates"),
    ("--from other.conll -o c.jsonl", 1, "row 2 has other target words than de.txt"),
    ("--from short.conll -o c.jsonl", 1, "1 rows, but de.txt has 2"),
    ("--from de.conll -o c.conll", 2, ".conll files cannot hold the result; write .jsonl"),
    (
        "--from de.conll -o c.jsonl --probabilities",
        2,
        "--probabilities has no effect with --from",
    ),
    ("-o c.jsonl", 2, "model is missing"),
]


@pytest.mark.parametrize(("given", "code", "message"), BAD, ids=lambda v: str(v)[:20])
def test_candidates_of_bad_files(folder, capsys, given, code, message):
    (folder / "other.conll").write_text(DE_NER.replace("singt", "sang"))
    (folder / "short.conll").write_text(DE_NER.partition("\n\n")[0] + "\n\n")
    found, _, err = run(capsys, "candidates", "de.txt", *given.split())
    assert (found, message in err, err.count("\n")) == (code, True, 1), err
    assert not (folder / "c.jsonl").exists()


def test_candidates_of_a_tagger(folder, capsys, bert_tagger):
    (folder / "en.txt").write_text("Amina Okoro left Kisumu .\n")
    line = ("candidates", "en.txt", "-o", "c.jsonl", "--model", bert_tagger, "--probabilities")
    code, out, err = run(capsys, *line, "--json", "--device", "cpu")
    assert (code, err) == (0, "")
    made = rows(folder / "c.jsonl")[0]
    assert made["target_candidates"] == [{"start": 0, "end": 2}, {"start": 3, "end": 4}]
    assert len(made["target_probabilities"]) == 5
    assert json.loads(out)["entities"] == {"LOC": 1, "PER": 1}


def test_a_back_translation_is_aligned_and_refined(folder, capsys):
    pytest.importorskip("regex")
    back(2).write("back.parquet")
    code, _, err = run(capsys, "refine", "back.parquet", "-o", "r.jsonl", "--json")
    assert (code, err) == (0, "")
    assert all(row["links"] for row in rows(folder / "r.jsonl"))
    for output in ("t.jsonl", "t.conll"):
        line = ("align-target", "back.parquet", "-o", output, "--score", "lexical=1", "--json")
        code, out, err = run(capsys, *line)
        assert (code, err) == (0, "")
        summary = json.loads(out)
        assert summary["outcomes"]["projected"] == summary["entities"] == 8
    assert rows(folder / "t.jsonl")[0]["target_entities"][0]["label"] == "LOC"
    assert (folder / "t.conll").read_text("utf-8").startswith("In\tO\nRom\tB-LOC\n")
    code, _, err = run(capsys, "align-target", "en.conll", "-o", "t.jsonl")
    assert code == 1
    assert "has no column" in err


def test_back_translate(folder, capsys):
    pytest.importorskip("torch")
    from tests.models.seq2seq import make_nllb

    pairs = [("[Rome] is old", "[Rom] ist alt"), ("Rome", "Rom"), ("Anna", "Anna"),
             ("[Anna] sings", "[Anna] singt")]  # fmt: skip
    texts = [text for pair in pairs for text in pair] * 3
    model = make_nllb(folder / "nllb", texts, [(a, "eng_Latn", b, "deu_Latn") for a, b in pairs])
    line = ("back-translate", "en.conll", "de.txt", "--model", model, "--device", "cpu", "--json")
    languages = ("--source-language", "en", "--target-language", "de")
    code, out, err = run(capsys, *line, *languages, "-o", "b.jsonl")
    assert code == 0, err
    assert json.loads(out)["outcomes"]["marked"] == 2
    assert [row["back_tokens"] for row in rows(folder / "b.jsonl")] == [
        ["Rom", "ist", "alt"], ["Anna", "singt"],
    ]  # fmt: skip
    code, _, err = run(capsys, *line, *languages, "-o", "b.conll")
    assert code == 2
    assert "cannot hold the result" in err
