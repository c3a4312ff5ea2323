"""The benchmarks of neural stages, tiny and on a CPU."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import gpu, gpu_align, gpu_common, gpu_tag, gpu_translate  # noqa: E402
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
def test_the_gpu_script_runs_tiny_on_a_cpu(tmp_path, bert):
    given = ["--tiny", "--device", "cpu", "--encoder", bert, "--results", str(tmp_path)]
    gpu.main(given)
    pages = [(tmp_path / f"gpu_{part}.md").read_text("utf-8") for part in gpu.PARTS]
    rows = {line.split("|")[1].strip() for page in pages for line in page.splitlines()
            if line.startswith("| ")}  # fmt: skip
    name = Path(bert).name
    assert {"xner awesome, tiny, float32", "plain transformers loop, tiny",
            "xner simalign, tiny, float32", f"xner awesome, {name}, float32",
            f"plain transformers loop, {name}", "xner, float32", "plain transformers loop",
            "xner, tiny, float32"} <= rows  # fmt: skip
    if find_spec("ctranslate2"):
        assert "xner with CTranslate2, tiny" in rows
    assert pages[0].count("awesome 100.00%") == 2
    assert "100.00% with xner in float32, 100.00% with the plain loop" in pages[1]
    for size in ("small", "XLM-R-base's size"):
        assert {f"xner, {size}", f"plain Trainer, {size}"} <= rows
    assert "xner translates 6 as in float32, and 6 as `generate`" in pages[2]


def test_the_plain_loop_is_the_same_work(bert, tmp_path):
    settings = gpu_common.Settings(find_hardware("cpu"), True, tmp_path)
    aligner = make_aligner("awesome", {"model": bert, "device": "cpu"})
    wanted = as_sets(aligner.align(as_bitext(PAIRS)))
    assert gpu_align.plain_align(bert, PAIRS, settings, 8) == wanted
    assert gpu_align.share_of_links(wanted, wanted) == 1
    assert gpu_align.share_of_links([{(0, 0)}], [{(0, 0), (1, 1)}]) == pytest.approx(2 / 3)


def test_operations_of_an_encoder():
    sizes = {"hidden_size": 2, "intermediate_size": 8}
    # A token: 4 products 2 x 2, 2 products 2 x 8; a row of 3: two products 3 x 2 x 3.
    assert gpu_common.encoder_flops(sizes, 1, np.array([3])) == 3 * 2 * (16 + 32) + 2 * 2 * 9 * 2
    assert gpu_common.encoder_flops(sizes, 2, np.array([1, 1])) == 4 * gpu_common.encoder_flops(
        sizes, 1, np.array([1])
    )


def test_operations_of_a_translation():
    sizes = gpu_translate.sizes_of(width=2, layers=1, heads=1, inner=8, vocabulary=10)
    # Encoder as above, and the keys and values of 3 tokens. A token and beam: 6 products 2 x 2
    # and 2 products 2 x 8, 2 x 10 for the vocabulary; attention over 1, then 2 tokens, and 3.
    once = 3 * 2 * (16 + 32) + 2 * 2 * 9 * 2 + 3 * 2 * 2 * 4
    each_beam = 2 * (2 * (24 + 32) + 2 * 20) + 4 * 2 * (1 + 2 + 2 * 3)
    made = gpu_translate.translate_flops(sizes, np.array([3]), np.array([2]))
    assert made == once + gpu_translate.BEAMS * each_beam


def test_no_random_translation_ends_before_its_limit(tmp_path):
    settings = gpu_common.Settings(find_hardware("cpu"), True, tmp_path)
    folder = gpu_translate.save_translator(tmp_path / "m", gpu_translate.TINY["tiny"], settings)
    options = gpu_translate.TranslatorOptions(model=folder, device="cpu", max_ratio=0.7)
    translator = gpu_translate.NllbTranslator(options)
    texts = [" ".join(words[:6]) for words in gpu_common.sentences(4, gpu_translate.SEED)]
    found = list(translator.translate(texts, gpu_translate.SOURCE, gpu_translate.TARGET))
    assert {one.outcome for one in found} <= {"cut", "repeats"}
    assert len({one.text for one in found} - {""}) >= 3
    assert translator.vocabulary.config.vocab_size == len(translator.vocabulary.tokenizer)


def test_shares_of_equal_tags():
    assert gpu_tag.share_of_tags([[1, 2], []], [[1, 3], []]) == 0.5


def test_noise_explains_ties_alone(bert):
    aligner = make_aligner("simalign", {"model": bert, "device": "cpu"})
    encoder = Remembering(aligner.encoder)
    links = as_sets(aligner.align(as_bitext(PAIRS[:1])))[0]
    assert smallest_noise(PAIRS[0], encoder, aligner.rule, links) == 1e-7
    assert smallest_noise(PAIRS[0], encoder, aligner.rule, {(99, 99)}, draws=2) is None
    assert Noisy(aligner.rule, 0.1, 1).whole_words is False
