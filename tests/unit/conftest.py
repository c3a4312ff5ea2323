"""Fixtures that several files of unit tests share."""

import pytest

from tests.two_sentences import write_files
from xner import stages


@pytest.fixture(scope="session")
def routes(tmp_path_factory):
    """Folder of a small world (tests.models.routes)."""
    pytest.importorskip("torch")
    from tests.models.routes import write_world

    folder = tmp_path_factory.mktemp("routes")
    write_world(folder)
    return folder


@pytest.fixture
def here(routes, monkeypatch):
    """The same folder as the current one; stages that a test registers are forgotten."""
    monkeypatch.chdir(routes)
    monkeypatch.setattr(stages, "_REGISTERED", {})
    return routes


@pytest.fixture
def job_folder(tmp_path, monkeypatch):
    """Folder of the inputs of jobs (tests.jobs), as the current one."""
    from benchmarks.kills import make_inputs

    from tests.jobs import ROWS

    make_inputs(tmp_path, ROWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def two_sentences(tmp_path, monkeypatch):
    """Folder of an experiment of two sentence pairs, as the current one, without other stages."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "_REGISTERED", {})
    return write_files(tmp_path)
