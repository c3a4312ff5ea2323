"""Jobs that are refused or fail: other settings, other files, full disks and locks."""

import errno
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.jobs import ROWS, Failing, run, shards, translate, unfinished
from xner.errors import OutputError, UsageError
from xner.jobs import Output
from xner.stages.align import Align
from xner.stages.project import Project
from xner.stages.translate import Translate
from xner.write import write_batches


@pytest.mark.parametrize("output", ["out/", "out.jsonl"])
def test_changes_are_refused(job_folder, output):
    stage = Translate("eng", "deu", translator=Failing({}))
    unfinished(stage, output)
    with pytest.raises(UsageError, match=r"^out.*setting target_language was 'deu', and is 'fra'"):
        run(replace(stage, target_language="fra"), output, "labelled.jsonl")
    with pytest.raises(UsageError, match=r"rows in a part \(--part-rows\) was 30, and is 20 now"):
        run(stage, output, "labelled.jsonl", part_rows=20)
    with pytest.raises(UsageError, match=r"setting scheme was not given, and is 'BILOU' now"):
        run(stage, output, "labelled.jsonl", reading={"scheme": "BILOU"})
    with pytest.raises(UsageError, match=r"input pairs.jsonl was added.*--restart"):
        run(stage, output, "labelled.jsonl", files=["labelled.jsonl", "pairs.jsonl"])
    os.utime("labelled.jsonl", (1, 1))
    with pytest.raises(UsageError, match=r"input labelled.jsonl has changed since"):
        run(stage, output, "labelled.jsonl")
    assert run(stage, output, "labelled.jsonl", restart=True).kept == 0


def test_a_job_without_a_finished_part_leaves_nothing(job_folder):
    stage = Translate("eng", "deu", translator=Failing({}))
    Failing.left = 20
    with pytest.raises(KeyboardInterrupt):
        run(stage, "out.jsonl", "labelled.jsonl")
    assert not Path(".out.jsonl.xner").exists()


def test_a_shard_that_is_lost_is_made_again(job_folder):
    stage = Translate("eng", "deu", translator=Failing({}))
    Failing.left = 70
    with pytest.raises(KeyboardInterrupt):
        run(stage, "out/", "labelled.jsonl")
    Path("out/part-00000.parquet").unlink()
    Failing.left = 1000
    assert run(stage, "out/", "labelled.jsonl").kept == 1
    assert len(shards("out")) == 4


def test_a_job_that_was_killed_while_it_cleaned_up_is_finished(job_folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("xner.jobs.run._clean_up", lambda output: None)
        run(translate(), "out.jsonl", "labelled.jsonl")
    written = Path("out.jsonl").stat().st_mtime_ns
    assert Path(".out.jsonl.xner").exists()
    assert run(translate(), "out.jsonl", "labelled.jsonl").nothing_to_do
    assert Path("out.jsonl").stat().st_mtime_ns == written
    assert not Path(".out.jsonl.xner").exists()


def test_a_finished_folder_refuses_other_settings(job_folder):
    run(Project(), "out/")
    before = shards("out")
    with pytest.raises(UsageError, match="the setting max_span was 10, and is 2 now"):
        run(Project(max_span=2), "out/")
    assert shards("out") == before
    run(Project(max_span=2), "out", part_rows=90, restart=True)
    assert len(shards("out")) == 2


def test_changes_of_what_options_name_are_refused(job_folder):
    run(Align(chains=1), "links.align", "pairs.jsonl")
    run(Project(save_counts=Path("counts.npz")), "saved/")
    aligning, projecting = Align(links=[Path("links.align")]), Project(counts=Path("counts.npz"))
    run(aligning, "aligned/", "pairs.jsonl")
    run(projecting, "out/")
    for name in ("links.align", "counts.npz"):
        os.utime(name, (1, 1))
    with pytest.raises(UsageError, match=r"input links\.align has changed since"):
        run(aligning, "aligned/", "pairs.jsonl")
    with pytest.raises(UsageError, match=r"input counts\.npz has changed since"):
        run(projecting, "out/")
    with pytest.raises(UsageError, match=r"setting score was .*, and is {'lexical': 1.0} now"):
        run(Project(score={"lexical": 1.0}), "saved/")


def test_folders_with_other_files_are_refused(job_folder):
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine")
    for restart in (False, True):
        with pytest.raises(UsageError, match=r"other/: contains notes.txt, which is not from"):
            run(Project(), "other", restart=restart)
    assert [path.name for path in Path("other").iterdir()] == ["notes.txt"]


def test_names_of_outputs(job_folder):
    with pytest.raises(UsageError, match=r"the suffix must say the format.* write out/$"):
        Output.of("out")
    with pytest.raises(UsageError, match="a format is only given for a folder"):
        Output.of("out.jsonl", "parquet")
    with pytest.raises(UsageError, match="unknown format 'csv'"):
        Output.of("out/", "csv")
    with pytest.raises(OutputError, match="the folder none does not exist; create it"):
        run(Project(), "none/out/")
    with pytest.raises(OutputError, match="cannot be written"):
        run(Project(), "/proc/out/")


def test_a_folder_that_became_read_only(job_folder, monkeypatch):
    stage = Translate("eng", "deu", translator=Failing({}))
    unfinished(stage)

    def refuse(path, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        with pytest.raises(OutputError, match=r"out/: cannot be written \(Permission denied\)"):
            run(stage, "out/", "labelled.jsonl")
    assert run(stage, "out/", "labelled.jsonl").kept == 1


def test_a_change_in_a_folder_of_inputs_is_noticed(job_folder):
    Path("in").mkdir()
    Path("in/1.jsonl").write_bytes(Path("linked.jsonl").read_bytes())
    Path("in/2.jsonl").write_bytes(Path("linked.jsonl").read_bytes())
    assert run(Project(), "out/", "in").report.sentences == 2 * ROWS
    os.utime("in/2.jsonl", (1, 1))
    with pytest.raises(UsageError, match=r"the input in/2\.jsonl has changed since"):
        run(Project(), "out/", "in")
    with pytest.raises(UsageError, match=r"the input in/2\.jsonl was left out"):
        run(Project(), "out/", "in", files=["in/1.json*"])


@pytest.mark.parametrize("output", ["out/", "out.jsonl"])
def test_a_full_disk_keeps_what_is_done(job_folder, monkeypatch, output):
    write, calls = write_batches, []

    def full(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*arguments, **options)

    monkeypatch.setattr("xner.jobs.writing.write_batches", full)
    with pytest.raises(OutputError, match=r"^out.*No space left on device\); finished parts are"):
        run(translate(), output, "labelled.jsonl")
    assert run(translate(), output, "labelled.jsonl").kept == 2


def test_a_file_that_cannot_grow(job_folder):
    def limited():
        size = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, size))

    command = [sys.executable, "-m", "xner", "project", "linked.jsonl", "-o", "out/"]
    command += ["--method", "heuristic", "--part-rows", "30", "--format", "jsonl"]
    failed = subprocess.run(command, preexec_fn=limited, capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr == (
        "xner project: error: out/part-00000.jsonl: cannot be written (File too large); finished "
        "parts are kept: the same command continues\n"
    )
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"Projected")


def test_one_process_at_a_time(job_folder):
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); " \
           "f.write('process 7 on host'); f.flush(); print(flush=True); input()"  # fmt: skip
    stage = Translate("eng", "deu", translator=Failing({}))
    unfinished(stage)
    Path("out/.xner/lock").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", code, "out/.xner/lock"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        other.stdout.readline()
        with pytest.raises(OutputError, match="out/: process 7 on host is writing it; wait"):
            run(stage, "out/", "labelled.jsonl")
        other.kill()
    assert run(stage, "out/", "labelled.jsonl").kept == 1
