"""Every command that reads rows leaves out bad rows, and lists each with file, row and reason."""

import json
import sys
from pathlib import Path

import pytest

import xner
from tests.commands import run_json
from xner.cli import main
from xner.stages import find_stage
from xner.training.student import Trained

N = 12
REASONS = {
    3: "the link 9-9 is out of bounds",
    5: "the span [1, 9) in target_entities does not fit",
    7: "not as many source_tags as tokens",
    9: "not UTF-8 (byte 0xff)",
}
"""What is wrong with rows of pairs, by number from 1."""
FILES = {
    "pairs.jsonl": ([3, 5, 7, 9], ()),
    "both.jsonl": ([3, 7, 9], ("id", "source_tokens", "source_tags", "target_tokens", "links")),
    "source.jsonl": ([7, 9], ("id", "source_tokens", "source_tags")),
}
"""Bad rows and columns of files; the first has all columns."""
MODULE = """
def tag(sentences):
    return [[(0, 1, "PER", 0.5)] for words in sentences]


class Words:
    signature = "words"

    def translate(self, texts, source, target):
        return [text.replace("sees", "sieht") for text in texts]
"""
MODEL = "bad_rows_models"


def words(i, verb="sieht"):
    return [f"Peter{i % 3}", verb, f"Kisumu{i % 4}"]


def person(end=1):
    return [{"start": end - 1, "end": end, "label": "PER", "source": 0}]


def pair(i, links=((0, 0), (1, 1), (2, 2)), entities=None, tags=("B-PER", "O", "O")):
    back = words(i, "sees")
    return {
        "id": f"row {i}",
        "source_tokens": words(i, "sees"),
        "source_tags": tags,
        "target_tokens": words(i),
        "target_entities": entities or person(),
        "links": [{"source": i, "target": j} for i, j in links],
        "outcomes": ["projected"],
        "back_tokens": back,
        "back_text": " ".join(back),
        "back_offsets": [{"start": 0, "end": 6}, {"start": 7, "end": 11}, {"start": 12, "end": 19}],
        "back_entities": person(),
        "back_outcomes": ["marked"],
    }


def conll(i, verb="sieht"):
    first, second, third = words(i, verb)
    return f"{first}\tB-PER\n{second}\tO\n{third}\tO\n\n"


def write(name, lines, bad=None):
    """Write rows, counted from 1, some of which are replaced."""
    lines = [f"{json.dumps(line)}\n" if isinstance(line, dict) else line for line in lines]
    found = ((bad or {}).get(row, line) for row, line in enumerate(lines, 1))
    content = (line if isinstance(line, bytes) else line.encode() for line in found)
    Path(name).write_bytes(b"".join(content))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / f"{MODEL}.py").write_text(MODULE)
    bad = {
        3: pair(2, links=[(9, 9)]),
        5: pair(4, entities=[{"start": 1, "end": 9, "label": "PER"}]),
        7: pair(6, tags=["O", "O"]),
    }
    for name, (_, columns) in FILES.items():
        rows = [bad.get(row, pair(row - 1)) for row in range(1, N + 1)]
        rows = [{key: row[key] for key in columns or row} for row in rows]
        write(name, rows, {9: b'{"id": "\xff"}\n'})
    write("good.jsonl", map(pair, range(N)))
    write("good.conll", map(conll, range(N)))
    other, shorter = conll(1, "sah"), conll(4).replace("sieht\tO\n", "")
    write("side.conll", map(conll, range(N)), {2: other, 5: shorter, 9: b"P\xff\tO\n\n"})
    write("pivot.txt", (f"Peter{i} voit\n" for i in range(N)), {4: b"\xff\n"})
    yield tmp_path
    sys.modules.pop(MODEL, None)


def run(capsys, *arguments, quarantine=True):
    more = ["--on-bad-row", "quarantine"] if quarantine else []
    return run_json(capsys, *arguments, *more)


def listed(report):
    lines = Path(report["bad_rows_file"]).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


LANGUAGES = ("--source-language", "en", "--target-language", "de")
TRANSLATED = (*LANGUAGES, "--translator", f"{MODEL}:Words")
COMMANDS = {
    "project": ("pairs.jsonl", "-o", "o.jsonl"),
    "align": ("pairs.jsonl", "-o", "o.align"),
    "tag": ("pairs.jsonl", "-o", "o.jsonl", "--tagger", f"{MODEL}:tag"),
    "candidates": ("pairs.jsonl", "-o", "o.jsonl", "--tagger", f"{MODEL}:tag"),
    "translate": ("pairs.jsonl", "-o", "o.jsonl", *TRANSLATED, "--replace"),
    "easyproject": ("source.jsonl", "-o", "o.jsonl", *TRANSLATED),
    "back-translate": ("both.jsonl", "-o", "o.jsonl", *TRANSLATED),
    "refine": ("pairs.jsonl", "-o", "o.jsonl"),
    "align-target": ("pairs.jsonl", "-o", "o.jsonl"),
    "label": ("source.jsonl", "-o", "o.jsonl", *TRANSLATED),
    "convert": ("pairs.jsonl", "o.parquet"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_pairs(folder, capsys, command):
    file = COMMANDS[command][0]
    code, _, err = run(capsys, command, *COMMANDS[command], quarantine=False)
    assert code == 1
    assert f"{file}:9: not UTF-8" in err
    code, report, err = run(capsys, command, *COMMANDS[command])
    assert code == 0, err
    bad, _ = FILES[file]
    assert (report["sentences"], report["bad_rows"]) == (N - len(bad), len(bad))
    found = listed(report)
    assert [(row["row"], row["file"]) for row in found] == [(row, file) for row in bad]
    assert all(REASONS[row["row"]] in row["error"] for row in found), found
    assert main([command, *COMMANDS[command], "--on-bad-row", "quarantine"]) == 0
    assert "bad rows, left out" in capsys.readouterr().out


def test_more_bitext_to_fit_on(folder, capsys):
    files = ["align", "good.jsonl", "-o", "o.align", "--fit-on"]
    code, report, _ = run(capsys, *files, "side.conll", "pivot.txt", "--fit-on", "pairs.jsonl")
    assert (code, report["sentences"], report["bad_rows"]) == (0, N, 0)
    assert report["bad_rows_of"] == {"--fit-on": 6}
    found = listed(report)
    assert [row["row"] for row in found] == [4, 9, 3, 5, 7, 9]
    assert {row["of"] for row in found} == {"--fit-on"}
    assert [row["file"] for row in found[:2]] == ["pivot.txt", "side.conll"]
    lines = (folder / "side.conll").read_bytes().split(b"\n\n")
    kept = [i for i in range(N) if i not in (3, 8)]
    write("left.conll", [lines[i] + b"\n\n" for i in kept])
    write("left.txt", [f"Peter{i} voit\n" for i in kept])
    rows = [pair(i) for i in range(N) if i not in (2, 4, 6, 8)]
    write("left.jsonl", rows)
    made = (folder / "o.align").read_bytes()
    more = ["left.conll", "left.txt", "--fit-on", "left.jsonl"]
    assert run(capsys, *files, *more, quarantine=False)[0] == 0
    assert (folder / "o.align").read_bytes() == made
    code, _, err = run(capsys, *files, "a.conll", "b.txt", "c.txt")
    assert (code, "--fit-on has 3 files" in err) == (2, True)


def test_a_pivot(folder, capsys):
    files = ["project", "both.jsonl", "-o", "o/", "--pivot", "pivot.txt"]
    write("both.jsonl", [{k: pair(i)[k] for k in FILES["source.jsonl"][1]} for i in range(N)])
    write("de.txt", (f"{' '.join(words(i))}\n" for i in range(N)), {6: b"\xff\n"})
    files[2:2] = ["de.txt"]
    code, report, err = run(capsys, *files)
    assert code == 0, err
    found = [(row["row"], row["file"]) for row in listed(report)]
    assert found == [(4, "pivot.txt"), (6, "de.txt")]
    out = xner.read("o")
    assert out.table["id"].to_pylist() == [f"row {i}" for i in range(N) if i not in (3, 5)]
    for output in ("o.jsonl", "shards/"):
        back = ["align-target", "pairs.jsonl", "-o", output, "--pivot", "pivot.txt"]
        code, report, err = run(capsys, *back)
        assert (code, report["sentences"], report["bad_rows"]) == (0, N - 5, 5), err
    assert xner.align(xner.scan("both.jsonl", "de.txt", on_bad_row="quarantine"),
                      pivot=["pivot.txt"]).report.sentences == N - 2  # fmt: skip
    with pytest.raises(xner.InputError, match=r"pivot.txt:4: not UTF-8"):
        xner.align(xner.scan("both.jsonl", "good.conll"), pivot=["pivot.txt"])


def test_label_reads_no_pivot_without_rows_that_are_left_out(folder, capsys):
    files = ["label", "source.jsonl", "-o", "o.jsonl", *TRANSLATED, "--pivot", "pivot.txt"]
    code, _, err = run(capsys, *files)
    assert (code, "run translate and project one by one" in err) == (2, True)


def test_candidates_of_a_file(folder, capsys):
    files = ["candidates", "good.conll", "-o", "o.jsonl", "--from", "side.conll"]
    code, report, err = run(capsys, *files)
    assert code == 0, err
    found = {row["row"]: row["error"] for row in listed(report)}
    assert (list(found), report["sentences"], report["bad_rows"]) == ([2, 5, 9], N - 3, 3)
    assert "good.conll and side.conll: row 2 has other words" in found[2]
    assert "side.conll:32: not UTF-8" in found[9]


def test_scores_of_labels(folder, capsys):
    files = ["evaluate", "good.conll", "side.conll", "--divergence-from", "pivot.txt"]
    code, report, err = run(capsys, *files)
    assert code == 0, err
    assert (report["sentences"], report["gold"], report["bad_rows"]) == (N - 2, N - 2, 2)
    assert report["bad_rows_of"] == {"--divergence-from": 1}
    found = [(row["row"], row["file"]) for row in listed(report)]
    assert found == [(5, "side.conll"), (9, "side.conll"), (4, "pivot.txt")]
    assert (folder / "side.conll.bad.jsonl").exists()
    code, _, err = run(capsys, *files, "--bad-rows", "side.conll")
    assert (code, "is an input file" in err) == (2, True)
    code, _, err = run(capsys, "evaluate", "a.align", "b.align", "--links")
    assert (code, "--on-bad-row quarantine is for labels" in err) == (2, True)
    with pytest.raises(xner.UsageError, match="give the paths of both"):
        xner.evaluate([], "side.conll", on_bad_row="quarantine")


@pytest.mark.parametrize(("command", "more"), [
    ("train", ["--dev", "side.conll", "--tokenizer-text", "pivot.txt", "--from-scratch", "small"]),
    ("distill", ["--teacher", "t", "--dev", "side.conll", "--from-scratch", "small"]),
    ("self-train", ["--start", "t", "--dev", "side.conll", "--labelled", "pairs.jsonl"]),
])  # fmt: skip
def test_students(folder, capsys, monkeypatch, command, more):
    def learn(stage, corpora, output):
        seen.update(corpora=corpora, stage=stage)
        return Trained(Path(output), dict.fromkeys(("sentences", "kept", "words"), 0), (), None,
                       [], 0.0, "")  # fmt: skip

    seen = {}
    monkeypatch.setattr(find_stage(command.replace("-", "_")), "learn", learn)
    code, report, err = run(capsys, command, "pairs.jsonl", "side.conll", "-o", "m/student", *more)
    assert code == 0, err
    assert [len(corpus) for corpus in seen["corpora"]] == [N - 4, N - 1]
    assert (report["bad_rows"], report["bad_rows_file"]) == (5, "m/student.bad.jsonl")
    found = [(row["file"], row["row"], row.get("of")) for row in listed(report)]
    assert found[:5] == [*(("pairs.jsonl", row, None) for row in REASONS), ("side.conll", 9, None)]
    further = {
        "train": {"--dev": 1, "--tokenizer-text": 1},
        "distill": {"--dev": 1},
        "self-train": {"--dev": 1, "--labelled": 4},
    }
    assert report["bad_rows_of"] == further[command]
    assert len(seen["stage"].dev) == N - 1
    code, _, err = run(
        capsys, command, "side.conll", "-o", "m/s", *more, "--bad-rows", "side.conll"
    )
    assert (code, "is an input file" in err) == (2, True)
