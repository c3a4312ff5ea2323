"""Fixtures that several files of unit tests share."""

import pytest

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
