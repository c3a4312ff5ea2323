import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Models are tiny: a second thread of torch only waits, and on a busy machine for long. Set before
# torch is imported, and inherited by the processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"

# A first example may have to compile a kernel, and machines are busy.
settings.register_profile("xner", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("xner")

SHARED = Path(os.environ.get("XNER_SHARED", Path(__file__).parents[2] / "shared")) / "data"


@pytest.fixture(scope="session")
def shared():
    """The folder of real corpora; tests that use it are marked `shared`."""
    return SHARED


@pytest.fixture(autouse=True, scope="module")
def imports_out_of_the_collector():
    """Hide what earlier modules imported from the garbage collector.

    The Trainer of transformers collects garbage for every model. With torch and transformers
    loaded, that took a quarter of the time of the tests that train.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_nllb(tmp_path_factory):
    """The folder of an NLLB that knows thirty sentences by heart, English and German."""
    pytest.importorskip("torch")
    from tests.models.translation import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("tiny-nllb"))


@pytest.fixture(scope="session")
def untrained_nllb(tmp_path_factory):
    """The same model before it has learnt anything."""
    pytest.importorskip("torch")
    from tests.models.translation import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("untrained-nllb"), trained=False)


def pytest_collection_modifyitems(items):
    if SHARED.is_dir():
        return
    skip = pytest.mark.skip(reason=f"{SHARED} is not there (see CONTRIBUTING.md)")
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def bert_tagger(tmp_path_factory):
    """Folder of a tiny tagger of the family of BERT (tests.models.tagging)."""
    pytest.importorskip("transformers")
    from tests.models import tagging

    return str(tagging.bert(tmp_path_factory.mktemp("models") / "bert-tagger"))


@pytest.fixture(scope="session")
def xlmr_tagger(tmp_path_factory):
    """Folder of a tiny tagger of the family of XLM-R."""
    pytest.importorskip("transformers")
    from tests.models import tagging

    return str(tagging.xlmr(tmp_path_factory.mktemp("models") / "xlmr-tagger"))
