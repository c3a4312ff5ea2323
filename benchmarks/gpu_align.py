"""The part `align` of `benchmarks.gpu`: AWESoME and SimAlign on encoders of several sizes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.models.encoder import save_bert

from benchmarks import common, rivals
from benchmarks.gpu_common import (
    HEAD,
    Part,
    Settings,
    Work,
    absent,
    encoder_flops,
    matrix_peak,
    row,
    sentences,
    timed,
)
from benchmarks.neural_aligners import as_bitext, as_sets
from benchmarks.rivals import LinkSets, Pair
from xner.aligners import make_aligner

MBERT = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
         "intermediate_size": 3072, "vocab_size": 119_547}  # fmt: skip
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
         "intermediate_size": 4096, "vocab_size": 250_002}  # fmt: skip
TINY = {"hidden_size": 32, "num_hidden_layers": 9, "num_attention_heads": 4,
        "intermediate_size": 64}  # fmt: skip
Pairs = list[Pair]


@dataclass(frozen=True)
class Model:
    """An encoder to align with.

    Attributes:
        name: name on the page.
        folder: its folder.
        sizes: fields of its configuration.
        layer: number of the layer whose states are compared.
        count: number of pairs to align.
    """

    name: str
    folder: str
    sizes: dict[str, int]
    layer: int
    count: int


def align_part(settings: Settings) -> Part:
    """Measure AWESoME and SimAlign at the sizes of mBERT and XLM-R-large, and on `encoder`."""
    for_rivals = 8 if settings.tiny else 1_000
    peak = matrix_peak(settings)
    rows: list[list[str]] = []
    notes = []
    for model in _models(settings):
        pairs = list(zip(sentences(model.count, 1), sentences(model.count, 2), strict=True))
        shares = []
        for name, options in (("awesome", {}), ("simalign", {"matching": "itermax"})):
            more, share = _measured(name, model, options, pairs, for_rivals, settings, peak)
            rows += more
            shares.append(f"{name} {100 * share:.2f}%")
        notes.append(
            f"{model.name}: {model.count:,} pairs, layer {model.layer} of "
            f"{model.sizes['num_hidden_layers']}, hidden size {model.sizes['hidden_size']}; links "
            f"as in float32 (F1, {for_rivals:,} pairs): {', '.join(shares)}."
        )
    text = (
        f"30 words per side; the other tools align {for_rivals:,} pairs. Matrix peak, measured on "
        f"one large product in {settings.hardware.precision}: {peak / 1e12:.2f} TFLOP/s. The share "
        f"of peak counts only the work up to the layer that is compared, without padding. Goals "
        f"for mBERT's size: 40,000 pairs/s, and 20 times simalign. {' '.join(notes)} "
        f"{absent('simalign', 'awesome_align')}"
    )
    return Part("Align", text.strip(), common.markdown(HEAD, rows))


def _models(settings: Settings) -> Iterator[Model]:
    """Random models, then the encoder that is given."""
    random = [("mBERT's size", MBERT, 8, 100_000), ("XLM-R-large's size", LARGE, 16, 30_000)]
    if settings.tiny:
        random = [("tiny", TINY, 8, 24)]
    text = [" ".join(words) for seed in (1, 2) for words in sentences(2000, seed)]
    for i, (name, sizes, layer, count) in enumerate(random):
        folder = save_bert(settings.scratch / str(i), text, words=500 if settings.tiny else 8000,
                           positions=512, spread=5.0, **sizes)  # fmt: skip
        yield Model(name, folder, sizes, layer, count)
    if settings.encoder is not None:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(settings.encoder)
        sizes = {field: getattr(config, field) for field in TINY}
        name, count = Path(settings.encoder).name, 24 if settings.tiny else 100_000
        yield Model(name, settings.encoder, sizes, min(8, config.num_hidden_layers), count)


def _measured(
    name: str, model: Model, options: dict[str, Any], pairs: Pairs, for_rivals: int,
    settings: Settings, peak: float,
) -> tuple[list[list[str]], float]:  # fmt: skip
    """Rows of an aligner and its rivals, and the share of its links that are those of float32."""
    precision = settings.hardware.precision
    aligner = _aligner(name, model, settings, precision, options)
    work = _align_work(aligner, pairs, model)
    measured = timed(partial(aligner.align, as_bitext(pairs)), settings.device)
    fastest = measured[0] / model.count
    rows = [row(f"xner {name}, {model.name}, {precision}", work, measured, peak, fastest)]
    few = pairs[:for_rivals]
    part = _align_work(aligner, few, model)
    made = as_sets(aligner.align(as_bitext(few)))
    exact = _aligner(name, model, settings, "float32", options)
    share = share_of_links(made, as_sets(exact.align(as_bitext(few))))
    del aligner, exact  # so that their memory is not counted for the other tools
    for rival, run in _align_rivals(name, model, few, settings).items():
        seconds = timed(run, settings.device, 1)
        rows.append(row(f"{rival}, {model.name}", part, seconds, peak, fastest))
    _MODELS.clear()
    return rows, share


def _aligner(
    name: str, model: Model, settings: Settings, precision: str, more: dict[str, Any]
) -> Any:
    options = {"model": model.folder, "layer": model.layer, "device": settings.device,
               "precision": precision, **more}  # fmt: skip
    return make_aligner(name, options)


def _align_work(aligner: Any, pairs: Pairs, model: Model) -> Work:
    from xner.aligners.subwords import split_side

    bitext = as_bitext(pairs)
    tokenizer = aligner.encoder.tokenizer
    lengths = np.concatenate([
        split_side(side, tokenizer).lengths(0, len(pairs)) + 2
        for side in (bitext.source, bitext.target)
    ])  # fmt: skip
    return Work(len(pairs), int(lengths.sum()), encoder_flops(model.sizes, model.layer, lengths))


def share_of_links(made: LinkSets, wanted: LinkSets) -> float:
    """Return F1 of links against other links."""
    both = sum(len(a & b) for a, b in zip(made, wanted, strict=True))
    return 2 * both / max(1, sum(map(len, made)) + sum(map(len, wanted)))


def _align_rivals(
    name: str, model: Model, pairs: Pairs, settings: Settings
) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    folder, device, layer = model.folder, settings.device, model.layer
    if name == "awesome":
        found["plain transformers loop"] = partial(plain_align, folder, pairs, settings, layer)
        if find_spec("awesome_align") and has_wordpieces(folder):
            own, tokenizer = rivals.awesome_model(folder, device)
            found["awesome-align 0.1.7"] = partial(
                rivals.awesome_links, own, tokenizer, pairs, "softmax", layer=layer, device=device
            )
    elif find_spec("simalign"):
        other = rivals.simalign_model(folder, "bpe", "i", device, layer)
        found["simalign 0.4"] = lambda: [other.get_word_aligns(s, t) for s, t in pairs]
    return found


def has_wordpieces(folder: str) -> bool:
    """Whether a model has the tokenizer of BERT, the only one that awesome-align reads."""
    return Path(folder, "vocab.txt").is_file()


def plain_align(folder: str, pairs: Pairs, settings: Settings, layer: int) -> LinkSets:
    """A plain implementation: whole model, batches of 32 in order, a loop over pairs.

    Uses the precision of xner and keeps links with softmax above 0.001 in both directions. The
    model is loaded in the first call, which is not timed.
    """
    model, tokenizer = _loaded(folder, settings.device, settings.hardware.precision)
    found: LinkSets = []
    for begin in range(0, len(pairs), 32):
        batch = pairs[begin : begin + 32]
        encoded = [
            tokenizer([pair[side] for pair in batch], is_split_into_words=True, padding=True,
                      truncation=True, return_tensors="pt").to(settings.device)
            for side in (0, 1)
        ]  # fmt: skip
        with torch.no_grad():
            states = [model(**e, output_hidden_states=True).hidden_states[layer] for e in encoded]
        for b in range(len(batch)):
            words = [e.word_ids(b) for e in encoded]
            real = [[i for i, word in enumerate(own) if word is not None] for own in words]
            scores = states[0][b, real[0]].float() @ states[1][b, real[1]].float().T
            kept = (scores.softmax(1) > 0.001) & (scores.softmax(0) > 0.001)
            cells = kept.nonzero().tolist()
            found.append({(words[0][real[0][i]], words[1][real[1][j]]) for i, j in cells})
    return found


_MODELS: dict[tuple[str, str, str], Any] = {}


def _loaded(folder: str, device: str, precision: str) -> Any:
    from transformers import AutoModel, AutoTokenizer

    key = (folder, device, precision)
    if key not in _MODELS:
        model = AutoModel.from_pretrained(folder, dtype=getattr(torch, precision)).eval()
        _MODELS[key] = model.to(device), AutoTokenizer.from_pretrained(folder)
    return _MODELS[key]
