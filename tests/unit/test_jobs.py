"""Jobs: parts, folders of shards, and resuming."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import xner
from tests.corpora import SameWords
from tests.jobs import ROWS, Failing, run, shards, translate
from xner.cli import main
from xner.corpus import read_as_is
from xner.errors import UsageError
from xner.jobs import Output
from xner.jobs.work import Parts
from xner.report import Report
from xner.stages.align import Align
from xner.stages.easyproject import EasyProject, easyproject
from xner.stages.project import Project
from xner.stages.tag import Tag
from xner.stages.translate import Translate
from xner.tagging.fake import FakeTagger
from xner.translation.base import Translated


def figures(report):
    kept = {k: v for k, v in report.as_dict().items() if "second" not in k}
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in kept.items()}


@pytest.mark.parametrize("source", ["linked.jsonl", "pairs.jsonl"])
@pytest.mark.parametrize(
    "settings", [{}, {"relabel": 0.6, "count_pairs": 35}, {"method": "heuristic"}]
)
def test_shards_hold_the_rows_of_a_single_file(job_folder, source, settings):
    stage = Project(**settings)
    whole = run(stage, "whole.jsonl", source)
    parted = run(stage, Output.of("out/", "jsonl"), source)
    assert b"".join(shards("out")) == Path("whole.jsonl").read_bytes()
    assert [len(shard.splitlines()) for shard in shards("out")] == [30, 30, 30, 10]
    assert figures(parted.report) == figures(whole.report)
    assert (parted.parts, whole.parts) == (4, 0)
    others = {path.name for path in Path("out").iterdir() if path.suffix != ".jsonl"}
    assert others == {"_xner.json"}


def test_shards_are_parquet_by_default(job_folder):
    run(Align(chains=1), "out/", "pairs.jsonl")
    whole = xner.align(xner.scan("pairs.jsonl"), chains=1).table
    tables = [pq.read_table(path) for path in sorted(Path("out").glob("*.parquet"))]
    assert [row for table in tables for row in table.to_pylist()] == whole.to_pylist()


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_stage_with_a_model_keeps_parts_of_a_single_file(job_folder, name):
    stage = Translate("eng", "deu", translator=(failing := Failing({"kaba": "Hund"})))
    Failing.left, Failing.seen = 70, 0
    with pytest.raises(KeyboardInterrupt):
        run(stage, name, "labelled.jsonl")
    assert not Path(name).exists()
    Failing.left = 1000
    done = run(stage, name, "labelled.jsonl")
    assert (done.parts, done.kept) == (4, 2)
    assert Failing.seen == 70 + 40  # 10 rows of the third part were done twice
    assert sorted(p.name for p in job_folder.iterdir() if p.name.startswith(".")) == []
    expected = xner.translate(xner.scan("labelled.jsonl", side="source"), "eng", "deu",
                              translator=failing)  # fmt: skip
    assert figures(done.report) == figures(expected.report)
    assert read_as_is(name).table.to_pylist() == expected.table.to_pylist()


class Careless(Failing):
    """Loses the markers of short sentences."""

    def translate(self, texts, source, target):
        for one in super().translate(texts, source, target):
            kept = one.text if len(one.text) > 40 else one.text.translate({91: None, 93: None})
            yield Translated(kept, one.outcome)


def test_easyproject_with_links_continues(job_folder):
    """All rows are translated in parts, then aligned together, then projected in parts."""
    stage = EasyProject("eng", "deu", translator=(careless := Careless({"kaba": "Hund"})))
    Failing.left = 10**6
    expected = easyproject(xner.scan("labelled.jsonl", side="source"), "eng", "deu",
                           translator=careless)  # fmt: skip
    Failing.left, Failing.seen = 100, 0
    with pytest.raises(KeyboardInterrupt):
        run(stage, Output.of("out/", "jsonl"), "labelled.jsonl")
    Failing.left = 10**6
    done = run(stage, Output.of("out/", "jsonl"), "labelled.jsonl")
    made = [json.loads(line) for shard in shards("out") for line in shard.splitlines()]
    expected.write("whole.jsonl")
    assert made == [json.loads(line) for line in Path("whole.jsonl").read_bytes().splitlines()]
    assert figures(done.report) == figures(expected.report)
    assert min(done.report.outcomes["marked"], done.report.outcomes["projected"]) > 10
    assert Failing.seen < 2 * ROWS + 100


def test_an_interrupted_folder_continues(job_folder):
    stage = Translate("eng", "deu", translator=Failing({}))
    Failing.left = 70
    with pytest.raises(KeyboardInterrupt):
        run(stage, "out/", "labelled.jsonl")
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("part-*")}
    assert len(before) == 2
    Failing.left = 1000
    assert run(stage, "out/", "labelled.jsonl").kept == 2
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    Path("out/part-00001.parquet").rename("gone")
    with pytest.raises(UsageError, match="out/: shards are missing"):
        run(stage, "out/", "labelled.jsonl")
    Path("gone").rename("out/part-00001.parquet")
    again = run(stage, "out/", "labelled.jsonl")
    assert again.nothing_to_do
    assert again.report.sentences == ROWS


def test_a_model_is_loaded_once_for_all_parts(job_folder, monkeypatch):
    loads = []
    monkeypatch.setattr(Tag, "make_tagger", lambda self: loads.append(1) or FakeTagger({}))
    loaded = Tag(model="m").loaded()
    monkeypatch.setattr(Tag, "loaded", lambda self: loads.append(1) or loaded)
    run(Tag(model="m"), "out/", "labelled.jsonl")
    assert loads[1:].count(1) == 1 + 4  # `make_tagger` returns the same object for each part


def test_statistics_that_are_given_and_saved(job_folder):
    run(Project(save_counts=Path("counts.npz")), "out/")
    run(Project(counts=Path("counts.npz")), "again/")
    assert shards("out") == shards("again")


def test_links_from_files(job_folder):
    run(Align(chains=1), "links.align", "pairs.jsonl")
    stage = Align(links=[Path("links.align")])
    whole, parted = run(stage, "a.jsonl", "pairs.jsonl"), run(stage, "out/", "pairs.jsonl")
    assert figures(whole.report) == figures(parted.report)
    assert whole.report.links > 0


def test_an_aligner_that_is_not_fitted_aligns_each_part(job_folder, monkeypatch):
    monkeypatch.setattr(Align, "pretrained", property(lambda self: isinstance(self.aligner, str)))
    monkeypatch.setattr(Align, "make_aligner", lambda self: SameWords(1))
    done = run(Align(), Output.of("out/", "align"), "pairs.jsonl")
    run(Align(aligner=SameWords(1)), "whole.align", "pairs.jsonl")
    assert b"".join(shards("out")) == Path("whole.align").read_bytes()
    whole = xner.align(xner.scan("pairs.jsonl"), aligner=SameWords(1))
    assert figures(done.report) == figures(whole.report)
    assert done.report.links == len([r for row in whole.table["links"].to_pylist() for r in row])


def test_names_of_shards_are_in_the_order_of_the_parts():
    parts = Parts("p", range(123_456), None, False, 1, None, Path(), Path(), 0.0, False)
    names = [path.name for path in parts.folders]
    assert names[:2] == ["000000", "000001"]
    assert names == sorted(names)


def test_bad_rows_are_left_out_of_the_parts(job_folder, capsys):
    lines = Path("linked.jsonl").read_text().splitlines()
    lines[40] = lines[40].replace('"links": [', '"links": [{"source": 99, "target": 0}, ')
    Path("odd.jsonl").write_text("\n".join(lines) + "\n")
    arguments = ["project", "odd.jsonl", "--part-rows", "30", "--on-bad-row", "quarantine"]
    assert main([*arguments, "-o", "out/", "--format", "jsonl"]) == 0
    assert main([*arguments, "-o", "whole.jsonl"]) == 0
    assert b"".join(shards("out")) == Path("whole.jsonl").read_bytes()
    assert [len(shard.splitlines()) for shard in shards("out")] == [30, 30, 30, 9]
    assert Path("out.bad.jsonl").read_text() == Path("whole.jsonl.bad.jsonl").read_text()
    assert '"row": 41' in Path("out.bad.jsonl").read_text()


def test_reports_are_merged():
    report = Report(Project.figures, "s")
    report.add(sentences=2, outcomes=["projected"], relabelled=[("Kisumu", "LOC", "PER")])
    report.add(objective=1.5)
    merged = Report(Project.figures)
    for _ in range(2):
        merged.merge(json.loads(json.dumps(report.state)))
    assert merged.relabelled == {("Kisumu", "LOC", "PER"): 2}
    assert (merged.sentences, merged.objective, merged.signature) == (4, 3.0, "s")
    assert merged.outcomes["projected"] == 2


def test_the_command_line(job_folder, capsys):
    arguments = ["project", "pairs.jsonl", "-o", "out/", "--part-rows", "40", "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sentences"], told["parts"], told["kept_parts"]) == (ROWS, 3, 0)
    assert told["output"] == "out/"
    assert told["align_seconds"] > 0
    assert main(arguments[:-1]) == 0
    assert "finished before" in " ".join(capsys.readouterr().out.split())
    assert main([*arguments, "--seed", "2"]) == 2
    assert "setting seed was not given, and is 2 now" in capsys.readouterr().err
    assert main([*arguments, "--part-rows", "0"]) == 2
    assert main([*arguments, "--ray-address", "auto"]) == 2
    assert main(["project", "pairs.jsonl", "-o", "out.jsonl", "--format", "jsonl"]) == 2


@pytest.mark.slow
def test_killed_jobs_end_with_the_right_bytes(tmp_path):
    memory = Path("/dev/shm")  # where writing does not wait for a disk
    given = {"TMPDIR": str(memory)} if os.access(memory, os.W_OK) else {}
    subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "--kills", "50", "--rows", "120",
         "--results", tmp_path],
        check=True, cwd=Path(__file__).parents[2], env={**os.environ, **given},
    )  # fmt: skip
    rows = [row.split(" | ") for row in (tmp_path / "kills.md").read_text().splitlines()]
    assert sum(int(row[1]) for row in rows if len(row) == 5 and row[1].isdecimal()) == 50


def test_a_file_of_parts_in_formats_that_cannot_be_joined(job_folder):
    for suffix in (".json", ".conll.gz"):
        assert run(translate(), f"parts{suffix}", "labelled.jsonl").parts == 4
        corpus = xner.scan("labelled.jsonl", side="source")
        translate().stream(corpus).write(f"whole{suffix}")
        made, wanted = (read_as_is(f"{name}{suffix}").table for name in ("parts", "whole"))
        assert made.drop_columns("id") == wanted.drop_columns("id")
    names = read_as_is("parts.json").columns
    assert {"source_tokens", "source_entities", "target_tokens", "target_text"} <= set(names)
