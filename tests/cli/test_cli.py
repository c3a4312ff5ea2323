"""The command line as people and programs use it."""

import json
import signal
import subprocess
import sys

import pytest

import xner
from tests.commands import run
from xner.cli import main
from xner.cli.demo import LANGUAGES

EN = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\nsees\tO\nKisumu\tB-LOC\n\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "en.conll").write_text(EN)
    (tmp_path / "de.txt").write_text("Die EU sagt\nKisumu sieht Peter\n")
    (tmp_path / "de.align").write_text("0-1 1-2\n0-2 1-1 2-0\n")
    (tmp_path / "de.conll").write_text(
        "Die\tO\nEU\tB-ORG\nsagt\tO\n\nKisumu\tB-LOC\nsieht\tO\nPeter\tB-PER\n\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XNER_THREADS", raising=False)
    return tmp_path


def test_project(folder, capsys):
    arguments = ("project", "en.conll", "de.txt", "-o", "out.conll", "--links", "de.align")
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert (folder / "out.conll").read_text() == (folder / "de.conll").read_text()
    for word in ("sentences", "projected", "objective", "sentences per second", "method:exact"):
        assert word in out


def test_project_json(capsys, folder):
    arguments = ("project", "en.conll", "de.txt", "-o", "o.jsonl", "--links", "de.align", "--json")
    code, out, _ = run(capsys, *arguments, "--score", "alignment=1")
    assert code == 0
    summary = json.loads(out)
    assert summary["sentences"] == 2
    assert summary["outcomes"]["projected"] == summary["entities"] == 3
    assert summary["objective"] == 3.0
    assert {"seconds", "sentences_per_second", "signature"} <= set(summary)
    assert "aligner:file(de.align)" in summary["signature"]
    # One file that has both sides goes in again.
    code, out, _ = run(capsys, "project", "o.jsonl", "-o", "p.parquet", "--method", "heuristic",
                       "--json")  # fmt: skip
    assert json.loads(out)["outcomes"]["projected"] == 3


CANDIDATES = [
    (
        ["region", "--stop-token", "EU"],
        ["no_candidate", "projected", "projected"],
        "stop_tokens:EU",
    ),
    (["ngrams", "--stop-token", ""], ["projected"] * 3, "stop_tokens:none"),
    (["runs", "--length-ratio", "1"], ["too_short"] * 3, "candidates:runs|merge_distance:1"),
    (["runs", "--subspans"], ["projected"] * 3, "candidates:runs+subspans"),
]


@pytest.mark.parametrize(("chosen", "outcomes", "signed"), CANDIDATES)
def test_candidates_of_other_kinds(folder, capsys, chosen, outcomes, signed):
    arguments = ("project", "en.conll", "de.txt", "-o", "o.jsonl", "--links", "de.align", "--json")
    code, out, err = run(capsys, *arguments, "--score", "alignment=1", "--candidates", *chosen)
    assert (code, err) == (0, "")
    assert signed in json.loads(out)["signature"]
    rows = [json.loads(line) for line in (folder / "o.jsonl").read_text().splitlines()]
    assert [outcome for row in rows for outcome in row["outcomes"]] == outcomes


def test_counts_are_saved_and_used(capsys, folder):
    arguments = ("project", "en.conll", "de.txt", "--links", "de.align", "--json")
    _, first, _ = run(capsys, *arguments, "-o", "a.jsonl", "--save-counts", "c.npz")
    _, second, _ = run(capsys, *arguments, "-o", "b.jsonl", "--counts", "c.npz")
    assert (folder / "a.jsonl").read_text() == (folder / "b.jsonl").read_text()
    assert json.loads(first)["objective"] == json.loads(second)["objective"]
    more = ("--counts", "c.npz", "--max-span", "3")
    code, _, err = run(capsys, *arguments, "-o", "d.jsonl", *more)
    assert code == 2
    assert "these settings need" in err


def test_links_back_off(capsys, folder):
    (folder / "none.align").write_text("\n\n")
    for extra, projected in (((), 0), (("--links-backoff", "de.align"), 3)):
        _, out, _ = run(
            capsys, "project", "en.conll", "de.txt", "--links", "none.align", *extra, "-o",
            "o.jsonl", "--json",
        )  # fmt: skip
        assert json.loads(out)["outcomes"]["projected"] == projected
    code, _, err = run(
        capsys, "project", "en.conll", "de.txt", "--links-backoff", "de.align", "-o", "o.jsonl"
    )
    assert code == 2
    assert "--links-backoff needs --links" in err


def test_project_without_links_aligns(folder, capsys):
    (folder / "en.conll").write_text(EN * 4)
    (folder / "de.txt").write_text("Die EU sagt\nKisumu sieht Peter\n" * 4)
    code, out, _ = run(capsys, "project", "en.conll", "de.txt", "-o", "o.conll", "--json")
    assert code == 0
    assert "aligner:native" in json.loads(out)["signature"]
    assert json.loads(out)["sentences"] == 8


def test_align_then_project(folder, capsys):
    code, out, _ = run(capsys, "align", "en.conll", "de.txt", "-o", "l.align", "--json")
    assert code == 0
    assert json.loads(out)["links"] > 0
    assert len((folder / "l.align").read_text().splitlines()) == 2
    code, _, _ = run(capsys, "project", "en.conll", "de.txt", "--links", "l.align", "-o", "o.jsonl")
    assert code == 0


def test_further_text_helps_to_align(folder, capsys):
    (folder / "es.txt").write_text("La UE dice\nKisumu ve Peter\n")
    extra = ("--fit-on", "en.conll", "de.conll", "--fit-on", "o.jsonl", "--pivot", "es.txt")
    run(capsys, "project", "en.conll", "de.txt", "--links", "de.align", "-o", "o.jsonl")
    for command, out in (("align", "o.align"), ("project", "o.conll")):
        code, text, err = run(capsys, command, "en.conll", "de.txt", "-o", out, "--json", *extra)
        assert (code, err) == (0, "")
        signature = json.loads(text)["signature"]
        assert signature.endswith("+fit_on(en.conll + de.conll:2)+fit_on(o.jsonl:2)+pivot(es.txt)")


def test_links_remember_their_aligner(folder, capsys):
    run(capsys, "align", "en.conll", "de.txt", "-o", "l.parquet", "--seed", "7")
    _, out, _ = run(capsys, "project", "l.parquet", "-o", "o.conll", "--json")
    signature = json.loads(out)["signature"]
    assert "aligner:native" in signature
    assert "seed:7" in signature


def test_evaluate(folder, capsys):
    code, out, _ = run(capsys, "evaluate", "de.conll", "de.conll")
    assert code == 0
    for word in ("ORG", "100.0", "mode:strict", "scheme:IOB2"):
        assert word in out
    code, out, _ = run(capsys, "evaluate", "de.conll", "de.conll", "--json", "--ignore", "PER")
    assert json.loads(out)["f1"] == 1.0
    assert json.loads(out)["gold"] == 2


BAD = [
    # what is wrong, arguments, exit code, words of the message
    ("missing", "project en.conll no.txt -o o.conll", 1, "no.txt: no such file"),
    ("rows", "project en.conll short.txt -o o.conll", 1, "row 2 has no partner"),
    (
        "bounds",
        "project en.conll de.txt --links bad.align -o o.conll",
        1,
        "bad.align:2: the link 9-0",
    ),
    (
        "no link",
        "project en.conll de.txt --links odd.align -o o.conll",
        1,
        "odd.align:1: 'x' is no",
    ),
    ("tag", "project tag.conll de.txt -o o.conll", 1, "tag.conll:1: 'ORG' is not a tag"),
    (
        "scheme",
        "project en.conll de.txt -o o.conll --scheme BILOU",
        1,
        "en.conll:1: the tag 'B-ORG'",
    ),
    ("utf-8", "project en.conll latin.txt -o o.conll", 1, "latin.txt:2: not UTF-8"),
    ("empty", "project en.conll empty.txt -o o.conll", 1, "empty.txt: the file is empty"),
    (
        "twice",
        "project twice.jsonl de.txt -o o.conll",
        1,
        "twice.jsonl:1: there are two fields 'tokens'",
    ),
    ("output", "project en.conll de.txt -o no/o.conll", 1, "the folder no does not exist"),
    ("suffix", "project en.conll de.txt -o o.docx", 2, "the suffix must say the format"),
    ("score", "project en.conll de.txt -o o.conll --score vibes=1", 2, "unknown score 'vibes'"),
    ("weight", "project en.conll de.txt -o o.conll --score alignment=x", 2, "NAME=WEIGHT"),
    ("threads", "project en.conll de.txt -o o.conll --threads 0", 2, "at least 1"),
    (
        "option",
        "project en.conll de.txt -o o.conll --aligner eflomal --seed 3",
        2,
        "--seed has no effect with --aligner eflomal; leave it out, or choose --aligner native",
    ),
    (
        "pivot",
        "align en.conll de.txt -o o.align --aligner eflomal --pivot de.txt",
        2,
        "--pivot has no effect with --aligner eflomal",
    ),
    ("pivot rows", "align en.conll de.txt -o o.align --pivot short.txt", 1, "short.txt: 1 rows"),
    (
        "fit on",
        "align en.conll de.txt -o o.align --fit-on a b c",
        2,
        "fit_on has 3 files for one bitext",
    ),
    ("soft", "align en.conll de.txt -o o.align --aligner eflomal --symmetrisation soft", 2, "soft"),
    (
        "idle",
        "project en.conll de.txt --links de.align --pivot de.txt -o o.conll",
        2,
        "pivot would",
    ),
    ("idle seed", "project en.conll de.txt --links de.align --seed 2 -o o.conll", 2, "seed would"),
    (
        "idle counts",
        "project en.conll de.txt --links de.align --preset paper-greedy "
        "--save-counts c.npz -o o.conll",
        2,
        "has no effect with the other options",
    ),
    ("one side", "project en.conll -o o.conll", 1, "name the target file as well"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), [b[1:] for b in BAD], ids=[b[0] for b in BAD]
)
def test_bad_input_and_usage(folder, capsys, arguments, code, words):
    (folder / "short.txt").write_text("Die EU sagt\n")
    (folder / "bad.align").write_text("0-0\n9-0\n")
    (folder / "odd.align").write_text("x\n\n")
    (folder / "tag.conll").write_text("EU\tORG\n\na\tO\n")
    (folder / "latin.txt").write_bytes(b"Die EU sagt\nM\xfcller\n")
    (folder / "empty.txt").write_text("")
    (folder / "twice.jsonl").write_text('{"tokens": ["a"], "tokens": ["b"]}\n' * 2)
    before = sorted(folder.iterdir())
    got, out, err = run(capsys, *arguments.split(), "--quiet")
    assert (got, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("arguments", [[], ["fly"], ["project"], ["project", "--method", "magic"]])
def test_usage_errors_exit_with_2(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_unknown_arguments_name_the_command_and_near_ones(capsys):
    for given, hint in (
        ("--max-spam=3", "--max-spam; did you mean --max-span"),
        ("--max-sp=3", "--max-sp; did you mean --max-span"),  # no abbreviations
        ("c", "c; xner"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["project", "a.conll", "b.txt", "-o", "d.conll", given])
        assert caught.value.code == 2
        assert f"xner project: error: unknown argument {hint}" in capsys.readouterr().err


def test_flags_of_several_steps_are_proposed_with_their_names(capsys):
    with pytest.raises(SystemExit):
        main(["label", "en.txt", "-o", "d.conll", "--model", "spacy:x"])
    assert "--model; did you mean --tag-model or --translate-model or" in capsys.readouterr().err


def test_a_process_exits_as_main_says(folder):
    command = [sys.executable, "-m", "xner"]
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == f"xner {xner.__version__}"
    bad = subprocess.run([*command, "evaluate", "a.conll", "b.conll"], capture_output=True,
                         text=True, check=False)  # fmt: skip
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == "xner evaluate: error: a.conll: no such file; check the path\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_leaves_nothing(folder, number):
    (folder / "en.conll").write_text(EN * 2000)
    (folder / "de.txt").write_text("Die EU sagt\nKisumu sieht Peter\n" * 2000)
    (folder / "de.align").write_text("0-1 1-2\n0-2 1-1 2-0\n" * 2000)
    before = sorted(folder.iterdir())
    code = (
        "import os, signal, sys, xner.cli, xner.stages.project as p\n"
        # A shell that runs the tests in the background ignores it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "real = p.Pass.batch\n"
        f"p.Pass.batch = lambda *a: (os.kill(os.getpid(), {int(number)}), real(*a))[1]\n"
        "sys.exit(xner.cli.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "project", "en.conll", "de.txt", "-o", "o.conll",
         "--links", "de.align"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (130, 143)
    assert "Traceback" not in done.stderr
    assert sorted(folder.iterdir()) == before


def test_demo(capsys):
    code, out, _ = run(capsys, "demo", "--json")
    assert code == 0
    results = json.loads(out)["results"]
    assert {r["language"] for r in results} == set(LANGUAGES)
    assert {"heuristic", "greedy", "exact"} <= {r["method"] for r in results}
    for result in results:
        assert sum(result["outcomes"].values()) == result["entities"] > 150
        # Far above what chance or copying gives, far below what a broken aligner could reach.
        assert result["f1"] > 0.75, result


def test_demo_writes_its_files(capsys, tmp_path):
    folder = tmp_path / "new" / "demo"
    code, out, _ = run(capsys, "demo", "--files", str(folder), "--json")
    assert code == 0
    assert len(json.loads(out)["files"]) == 2 * (len(LANGUAGES) + 1)
    words = xner.read(folder / "en.conll", folder / "sw.txt").table["target_tokens"]
    assert words == xner.read(folder / "sw.conll", side="target").table["target_tokens"]
    code, _, err = run(capsys, "demo", "--files", str(folder))
    assert code == 1
    assert "de.conll exists; name another folder" in err


def test_demo_shows_sentences_and_scores(capsys):
    code, out, _ = run(capsys, "demo")
    assert code == 0
    for word in ("Swahili", "Russian", "[LOC]", "heuristic", "greedy", "exact", "mode:strict"):
        assert word in out


def test_warmup(capsys):
    code, out, _ = run(capsys, "warmup", "--json")
    assert code == 0
    assert {"align", "greedy", "heuristic", "exact, conflicts"} <= set(json.loads(out)["steps"])


def test_relabelling_is_reported(capsys, folder):
    slip = EN.replace("B-LOC", "B-ORG")
    (folder / "en.conll").write_text(EN * 5 + slip)
    (folder / "de.txt").write_text("Die EU sagt\nKisumu sieht Peter\n" * 6)
    (folder / "de.align").write_text("0-1 1-2\n0-2 1-1 2-0\n" * 6)
    arguments = ("project", "en.conll", "de.txt", "-o", "o.conll", "--links", "de.align")
    code, out, _ = run(capsys, *arguments, "--relabel", "0.9", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["relabelled"] == [{"words": "Kisumu", "from": "ORG", "to": "LOC", "spans": 1}]
    assert told["outcomes"]["relabelled"] == 1
    assert (folder / "o.conll").read_text().count("Kisumu\tB-LOC") == 6
    _, out, _ = run(capsys, *arguments, "--relabel", "0.9", "--max-ratio", "3")
    assert "'Kisumu'" in out
    assert "1 ORG to LOC" in out
    assert "max_span:10|max_ratio:3|" in out
    code, _, err = run(capsys, *arguments, "--relabel", "0.4")
    assert code == 2
    assert "relabel is 0.4" in err
