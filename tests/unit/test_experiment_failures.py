"""What an experiment leaves when it dies, and how it goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import xner
from tests.two_sentences import cell, made

FAILING = """
import os, signal
import xner
from xner.stages import register
from xner.stages.project import Project


class Dies(Project):
    def batches(self, corpus, report):
        for batch in super().batches(corpus, report):
            yield batch
            {death}


register(Dies)
xner.run("c.yaml")
"""
YAML = """
output: out
languages: {de: {source: en.conll, gold: de.conll}}
aligners: {given: {links: de.align}}
pipelines: [project]
"""


@pytest.mark.parametrize("death", ["os.kill(os.getpid(), signal.SIGKILL)", "raise OSError('full')"])
def test_a_run_that_dies_goes_on_where_it_was(two_sentences, death):
    (two_sentences / "c.yaml").write_text(YAML)
    environment = {**os.environ, "PYTHONPATH": str(Path(xner.__file__).parents[1])}
    died = subprocess.run(
        [sys.executable, "-c", FAILING.replace("{death}", death)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    store = two_sentences / "out" / "store"
    left = sorted(path.name for path in store.iterdir())
    if "SIGKILL" in death:
        assert died.returncode == -signal.SIGKILL
        assert [name for name in left if "project" in name and name.endswith(".partial")]
    else:
        assert "full" in died.stderr
    assert not list(store.glob("project-*"))
    results = xner.run("c.yaml")
    assert made(results) == ["project"]
    assert cell(results).f1 == 1.0
    assert not [path for path in store.iterdir() if path.name.endswith(".partial")]
    [columns] = store.glob("project-*.parquet")
    assert pq.read_metadata(columns).num_rows == 2
