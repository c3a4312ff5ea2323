"""Experiments that run in several processes."""

import multiprocessing
import os
import signal

import pytest

import xner
from xner import stages
from xner.stages.align import Align
from xner.translation.fake import FakeTranslator

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models.routes import config, stages_made


def plain(**changes):
    rows = [{"pipeline": "translate-project", "project": {"method": m}, "name": m}
            for m in ("greedy", "exact")]  # fmt: skip
    languages = {
        n: {"source": "en.conll", "gold": f"{n}.labelled.conll", "train": {"target": f"{n}.txt"}}
        for n in ("xx", "yy")
    }
    return config(languages=languages, models={}, pipelines=rows,
                  aligners={"native": {"chains": 2}}, seeds=[1, 2], **changes)  # fmt: skip


@pytest.fixture(scope="module")
def one(routes):
    """A run of one process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(routes)
        return xner.run(plain(output="one"))


def test_several_processes_make_the_same(here, one):
    told = []
    two = xner.run(plain(output="two"), jobs=2, progress=lambda *news: told.append(news))
    assert [row.as_dict() for row in one.rows] == [row.as_dict() for row in two.rows]
    assert [step.key for step in one.steps] == [step.key for step in two.steps]
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert stages_made(xner.run(plain(output="two"), jobs=2)) == []


def test_what_other_processes_cannot_know(here):
    with pytest.raises(xner.UsageError, match="jobs is 0"):
        xner.run(plain(), jobs=0)
    translated = config(
        output="objects",
        languages={"deu": {"source": "en.conll"}},
        models={},
        aligners=["native"],
        stages={"translate": {"translator": FakeTranslator({})}},
        pipelines=["translate-project"],
    )
    with pytest.raises(xner.UsageError, match=r"translate.translator is an object.*jobs=1"):
        xner.run(translated, jobs=2)
    stages.register(type("Own", (Align,), {}))
    with pytest.raises(xner.UsageError, match="'align' is registered in this process only"):
        xner.run(plain(output="own"), jobs=2)


def test_errors_come_from_other_processes(here):
    (here / "zz.align").write_text("0-0\n")
    aligners = {"bad": {"links": "zz.align"}}
    given = plain(output="bad") | {"aligners": aligners, "seeds": [1]}
    with pytest.raises(
        xner.ParallelError, match=r"greedy, language (xx|yy), step align: zz\.align: 1 ro"
    ):
        xner.run(given, jobs=2)


def test_a_process_that_is_killed_is_told(here, one):
    """As the kernel does where memory is short."""
    before = set(multiprocessing.active_children())

    def kill_one(stage, share):
        if share > 0 and (workers := set(multiprocessing.active_children()) - before):
            os.kill(workers.pop().pid, signal.SIGKILL)

    words = "one of 2 processes ended unexpectedly: .*with fewer jobs.*__main__"
    with pytest.raises(xner.ResourceError, match=words):
        xner.run(plain(output="killed"), jobs=2, progress=kill_one)
    assert len(stages_made(xner.run(plain(output="killed")))) < len(stages_made(one))
