"""The benchmarks of neural stages, tiny and on a CPU."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import gpu  # noqa: E402 - needs torch
from benchmarks.neural_aligners import (  # noqa: E402
    Noisy,
    Remembering,
    as_bitext,
    as_sets,
    smallest_noise,
)

from tests.models.encoder import TEXT, save_bert  # noqa: E402
from xner.aligners import make_aligner  # noqa: E402
from xner.inference.hardware import find_hardware  # noqa: E402

PAIRS = [(TEXT[i].split(), TEXT[i + 1].split()) for i in (0, 2, 4)]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"), spread=5.0)


@pytest.mark.filterwarnings("ignore")
def test_the_gpu_script_runs_tiny_on_a_cpu(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gpu.main(["--tiny", "--device", "cpu", "--results", str(tmp_path)])
    torch.set_num_threads(before)
    page = (tmp_path / "gpu.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert {"xner awesome, float32", "plain transformers loop", "xner simalign, float32"} <= {
        line.split("|")[1].strip() for line in rows
    }
    assert "awesome 100.00%" in page


def test_the_plain_loop_is_the_same_work(bert, tmp_path):
    settings = gpu.Settings(find_hardware("cpu"), True, tmp_path)
    aligner = make_aligner("awesome", {"model": bert, "device": "cpu"})
    wanted = as_sets(aligner.align(as_bitext(PAIRS)))
    assert gpu.plain_align(bert, PAIRS, settings) == wanted
    assert gpu.share_of_links(wanted, wanted) == 1
    assert gpu.share_of_links([{(0, 0)}], [{(0, 0), (1, 1)}]) == pytest.approx(2 / 3)


def test_operations_of_an_encoder():
    sizes = {"hidden_size": 2, "intermediate_size": 8}
    # A token: 4 products 2 x 2, 2 products 2 x 8; a row of 3: two products 3 x 2 x 3.
    assert gpu.encoder_flops(sizes, 1, np.array([3])) == 3 * 2 * (16 + 32) + 2 * 2 * 9 * 2
    assert gpu.encoder_flops(sizes, 2, np.array([1, 1])) == 4 * gpu.encoder_flops(
        sizes, 1, np.array([1])
    )


def test_noise_explains_ties_alone(bert):
    aligner = make_aligner("simalign", {"model": bert, "device": "cpu"})
    encoder = Remembering(aligner.encoder)
    links = as_sets(aligner.align(as_bitext(PAIRS[:1])))[0]
    assert smallest_noise(PAIRS[0], encoder, aligner.rule, links) == 1e-7
    assert smallest_noise(PAIRS[0], encoder, aligner.rule, {(99, 99)}, draws=2) is None
    assert Noisy(aligner.rule, 0.1, 1).whole_words is False
