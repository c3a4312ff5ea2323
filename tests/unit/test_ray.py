"""The engine ray: the bytes of the local engine, and errors of other processes."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.kills import make_inputs

import xner
from xner.cli import main
from xner.errors import InputError, MissingExtraError, ResourceError, UsageError
from xner.jobs import Local, run_job
from xner.jobs.ray import Ray
from xner.jobs.ray import _check_address as check_address
from xner.stages.project import Project
from xner.stages.translate import Translate
from xner.translation.fake import FakeTranslator


class Failing(FakeTranslator):
    """Fails at the texts that it has words for."""

    def translate(self, texts, source, target):
        for text in texts:
            if text in self.words:
                raise InputError(f"the text {text!r} is odd")
            yield from super().translate([text], source, target)


@pytest.fixture(scope="module")
def engine():
    pytest.importorskip("ray", reason="needs xner[ray]")
    made = Ray(workers=1)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    make_inputs(tmp_path, 60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shards(output):
    return {path.name: path.read_bytes() for path in Path(output).glob("part-*")}


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'xner\[ray\]'"):
        Ray()


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("127.0.0.1:9", ResourceError, "no Ray cluster answers at 127.0.0.1:9"),
        ("ray://127.0.0.1:9", ResourceError, "leave out the address"),
        ("no.such.host.invalid:6379", ResourceError, "no Ray cluster answers"),
        ("127.0.0.1", UsageError, "give auto, or HOST:PORT"),
        ("127.0.0.1:99999", UsageError, "give auto, or HOST:PORT"),
    ],
)
def test_a_wrong_address_fails_at_once(address, error, message):
    with pytest.raises(error, match=message):
        check_address(address)
    check_address("auto")


def test_options_of_the_command(folder, capsys):
    start = ["project", "pairs.jsonl", "-o", "out/"]
    assert main([*start, "--ray-address", "auto"]) == 2
    assert main([*start, "--engine", "ray", "--ray-workers", "0"]) == 2
    assert "--ray-workers is 0; it must be at least 1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_both_engines_write_the_same_bytes(folder, engine):
    corpus = xner.scan("pairs.jsonl")
    told = []
    stage = Project(chains=1, count_pairs=30)
    same = run_job(stage, corpus, "local/", engine=Local(), part_rows=20)
    stage = replace(stage, progress=lambda name, share: told.append((name, share)))
    done = run_job(stage, corpus, "ray/", engine=engine, part_rows=20)
    assert shards("ray") == shards("local")
    assert len(shards("ray")) == 3
    assert done.report.outcomes == same.report.outcomes
    assert [share for name, share in told if name == "project"] == [1 / 3, 2 / 3, 1.0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_error_in_another_process_is_raised_here(folder, engine):
    corpus = xner.scan("labelled.jsonl", side="source")
    odd = " ".join(corpus.table["source_tokens"][50].as_py())
    stages = [Translate("eng", "deu", translator=Failing(words)) for words in ({odd: ""}, {})]
    with pytest.raises(InputError, match=r"^the text '.*' is odd$"):
        run_job(stages[0], corpus, "out.jsonl", engine=engine, part_rows=20)
    assert not Path("out.jsonl").exists()
    done = run_job(stages[1], corpus, "out.jsonl", engine=engine, part_rows=20, restart=True)
    run_job(stages[1], corpus, "local.jsonl", part_rows=20)
    assert Path("out.jsonl").read_bytes() == Path("local.jsonl").read_bytes()
    assert done.parts == 3
