import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The models in tests are too small for two threads, and threads that wait for each other are very
# slow on a busy machine. Set before torch is imported; the processes that tests start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

# The first example may compile a kernel, and CI machines are slow: no deadline.
settings.register_profile("xner", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("xner")

SHARED = Path(os.environ.get("XNER_SHARED", Path(__file__).parents[2] / "shared")) / "data"


@pytest.fixture(scope="session")
def shared():
    """Folder of real corpora; tests that use it are marked `shared`."""
    return SHARED


@pytest.fixture(autouse=True, scope="module")
def imports_out_of_the_collector():
    """Exclude everything imported so far from garbage collection.

    The Trainer of transformers runs a full collection for each model. Walking through all of torch
    and transformers took about a third of the time of the tests that train.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_nllb(tmp_path_factory):
    """Folder of a tiny NLLB trained to memorise thirty English-German sentence pairs."""
    pytest.importorskip("torch")
    from tests.models.translation import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("tiny-nllb"))


@pytest.fixture(scope="session")
def untrained_nllb(tmp_path_factory):
    """Folder of the same model with random weights."""
    pytest.importorskip("torch")
    from tests.models.translation import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("untrained-nllb"), trained=False)


def pytest_collection_modifyitems(config, items):
    if "real" not in config.option.markexpr:
        real = [item for item in items if "real" in item.keywords]
        items[:] = [item for item in items if "real" not in item.keywords]
        config.hook.pytest_deselected(items=real)
    if SHARED.is_dir():
        return
    skip = pytest.mark.skip(reason=f"{SHARED} does not exist (see CONTRIBUTING.md)")
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def bert_tagger(tmp_path_factory):
    """Folder of a tiny BERT tagger (tests.models.tagging)."""
    pytest.importorskip("transformers")
    from tests.models import tagging

    return str(tagging.bert(tmp_path_factory.mktemp("models") / "bert-tagger"))


@pytest.fixture(scope="session")
def xlmr_tagger(tmp_path_factory):
    """Folder of a tiny XLM-R tagger."""
    pytest.importorskip("transformers")
    from tests.models import tagging

    return str(tagging.xlmr(tmp_path_factory.mktemp("models") / "xlmr-tagger"))
