"""`xner easyproject` with a tiny model."""

import json

import pytest

from xner.cli import main

pytest.importorskip("torch")

from tests.models.seq2seq import make_nllb

PAIRS = [("[Anna] visits [Rome].", "[Anna] besucht [Rom]."), ("Anna", "Anna"), ("Rome", "Rom")]


def test_labels_cross_between_markers(tmp_path, capsys):
    pairs = [(a, "eng_Latn", b, "deu_Latn") for a, b in PAIRS]
    model = make_nllb(tmp_path / "nllb", [text for pair in PAIRS for text in pair] * 3, pairs)
    rows = "Anna\tB-PER\nvisits\tO\nRome\tB-LOC\n.\tO\n\n"
    (tmp_path / "en.conll").write_text(rows, "utf-8")
    line = ["easyproject", tmp_path / "en.conll", "-o", tmp_path / "de.conll", "--model", model]
    line += ["--source-language", "en", "--target-language", "de", "--device", "cpu", "--quiet"]
    assert main([*map(str, line), "--fallback", "none"]) == 0
    wanted = "Anna\tB-PER\nbesucht\tO\nRom\tB-LOC\n.\tO\n\n"
    assert (tmp_path / "de.conll").read_text("utf-8").rstrip() == wanted.rstrip()
    assert "marked" in capsys.readouterr().out
    assert main([*map(str, line), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["outcomes"]["marked"] == summary["entities"] == 2
    assert main([*map(str, line), "--threshold", "1.5"]) == 2
    assert "threshold is 1.5" in capsys.readouterr().err
    assert main([*map(str, line), "--target-language", "en"]) == 2
    assert "both languages are English" in capsys.readouterr().err
