"""`xner translate` with a tiny model."""

import json
import subprocess
import sys

import pytest

import xner
from tests import commands
from xner.cli import main

pytest.importorskip("torch")

from tests.models.translation import ENGLISH, GERMAN


@pytest.fixture
def folder(tmp_path, monkeypatch):
    lines = [f"{word}\t{'B-LOC' if word == 'Nairobi' else 'O'}" for word in words(ENGLISH[0])]
    (tmp_path / "en.conll").write_text("\n".join(lines) + "\n\n" + "It\tO\nrains\tO\n.\tO\n\n")
    (tmp_path / "de.txt").write_text("".join(" ".join(words(t)) + "\n" for t in GERMAN[:4]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(text):
    return text.replace(".", " .").replace("?", " ?").split()


def run(capsys, *arguments):
    return commands.run(capsys, "translate", *arguments)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_labelled_file_gets_its_target_side(folder, capsys, tiny_nllb, suffix):
    out_file = f"out.{suffix}"
    code, out, _ = run(
        capsys, "en.conll", "-o", out_file, "--source-language", "en", "--target-language", "deu",
        "--model", tiny_nllb, "--device", "cpu", "--json",
    )  # fmt: skip
    assert code == 0
    summary = json.loads(out)
    assert summary["sentences"] == summary["outcomes"]["translated"] == 2
    assert "eng_Latn>deu_Latn|nllb(" in summary["signature"]
    rows = xner.read(out_file).table.to_pylist()
    assert [row["target_text"] for row in rows] == [GERMAN[0], "Es regnet."]
    assert rows[0]["target_tokens"] == words(GERMAN[0])
    assert rows[0]["source_entities"][0]["label"] == "LOC"
    # The file goes on to the next stage, and Parquet tells it what made the translation.
    assert main(["project", out_file, "-o", "p.conll", "--json"]) == 0
    signature = json.loads(capsys.readouterr().out)["signature"]
    assert ("|translation:" in signature) == (suffix == "parquet")


def test_the_other_side_by_ctranslate2(folder, capsys, tiny_nllb, monkeypatch):
    pytest.importorskip("ctranslate2")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    code, out, _ = run(
        capsys, "de.txt", "-o", "en.txt", "--fill", "source", "--source-language", "eng_Latn",
        "--target-language", "de", "--model", tiny_nllb, "--translator", "ctranslate2",
        "--beams", "2", "--device", "cpu", "--precision", "float32", "--batch-tokens", "500",
    )  # fmt: skip
    assert code == 0
    assert (folder / "en.txt").read_text().splitlines() == [
        "Peter lives in Nairobi .",
        "Mary was born in Berlin .",
        "The train to Hamburg is late .",
        "Kenya 's president visited Germany .",
        "",
    ]
    for word in (
        "empty_input",
        "sentences per second",
        "deu_Latn>eng_Latn|ctranslate2(",
        "CC-BY-NC-4.0",
    ):
        assert word in out
    assert len(list((folder / "cache" / "xner" / "ctranslate2").iterdir())) == 1


def test_a_quiet_run_says_nothing(folder, tiny_nllb):
    command = [
        sys.executable, "-m", "xner", "translate", "en.conll", "-o", "o.jsonl", "--source-language",
        "en", "--target-language", "de", "--model", tiny_nllb, "--device", "cpu", "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert json.loads(done.stdout)["sentences"] == 2


BAD = [
    (("--target-language", "pcm"), 2, "NLLB-200 does not support"),
    (("--target-language", "de", "--model", "./nothing"), 1, "'./nothing' cannot be loaded"),
    (("--target-language", "de", "--beams", "0"), 2, "beams is 0"),
    (("--target-language", "de", "--device", "tpu9"), 2, "'tpu9' cannot be used"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD)
def test_bad_usage_writes_nothing(folder, capsys, monkeypatch, arguments, code, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = sorted(folder.iterdir())
    got, out, err = run(
        capsys, "en.conll", "-o", "o.jsonl", "--source-language", "en", *arguments, "--quiet"
    )
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before
