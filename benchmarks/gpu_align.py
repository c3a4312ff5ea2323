"""The part `align` of `benchmarks.gpu`: AWESoME and SimAlign at the size of mBERT."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
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
TINY = {"hidden_size": 32, "num_hidden_layers": 9, "num_attention_heads": 4,
        "intermediate_size": 64}  # fmt: skip
LAYER = 8


def align_part(settings: Settings) -> Part:
    """Measure AWESoME and SimAlign at the size of mBERT."""
    sizes = TINY if settings.tiny else MBERT
    count, for_rivals = (24, 8) if settings.tiny else (100_000, 1_000)
    pairs = list(zip(sentences(count, 1), sentences(count, 2), strict=True))
    text = [" ".join(side) for pair in pairs[:2000] for side in pair]
    folder = save_bert(settings.scratch / "mbert", text, words=500 if settings.tiny else 8000,
                       positions=512, spread=5.0, **sizes)  # fmt: skip
    peak = matrix_peak(settings)
    rows: list[list[str]] = []
    agreement = []
    for name, options in (("awesome", {}), ("simalign", {"matching": "itermax"})):
        aligner = _aligner(name, folder, settings, settings.hardware.precision, options)
        work = _align_work(aligner, pairs, sizes)
        bitext = as_bitext(pairs)
        measured = timed(partial(aligner.align, bitext), settings.device)
        fastest = measured[0] / count
        rows.append(
            row(f"xner {name}, {settings.hardware.precision}", work, measured, peak, fastest)
        )
        few = as_bitext(pairs[:for_rivals])
        part = _align_work(aligner, pairs[:for_rivals], sizes)
        made = as_sets(aligner.align(few))
        exact = _aligner(name, folder, settings, "float32", options)
        agreement.append((name, share_of_links(made, as_sets(exact.align(few)))))
        del aligner, exact  # so that their memory is not counted for the other tools
        for rival, run in _align_rivals(name, folder, pairs[:for_rivals], settings).items():
            rows.append(row(rival, part, timed(run, settings.device, 1), peak, fastest))
        _MODELS.clear()
    notes = (
        f"{count:,} pairs, 30 words per side, layer {LAYER} of {sizes['num_hidden_layers']}, "
        f"hidden size {sizes['hidden_size']}; the other tools use {for_rivals:,} of them. Matrix "
        f"peak, measured on one large product in {settings.hardware.precision}: "
        f"{peak / 1e12:.2f} TFLOP/s. The share of peak counts only the work up to layer {LAYER}, "
        f"without padding. Agreement with the links in float32 (F1, {for_rivals:,} pairs): "
        + ", ".join(f"{name} {100 * share:.2f}%" for name, share in agreement)
        + f". {absent('simalign', 'awesome_align')}"
    )
    return Part("Align", notes.strip(), common.markdown(HEAD, rows))


def _aligner(
    name: str, folder: str, settings: Settings, precision: str, more: dict[str, Any]
) -> Any:
    options = {"model": folder, "device": settings.device, "precision": precision, **more}
    return make_aligner(name, options)


def _align_work(aligner: Any, pairs: list[Pair], sizes: dict[str, int]) -> Work:
    from xner.aligners.subwords import split_side

    bitext = as_bitext(pairs)
    tokenizer = aligner.encoder.tokenizer
    lengths = np.concatenate([
        split_side(side, tokenizer).lengths(0, len(pairs)) + 2
        for side in (bitext.source, bitext.target)
    ])  # fmt: skip
    return Work(len(pairs), int(lengths.sum()), encoder_flops(sizes, LAYER, lengths))


def share_of_links(made: LinkSets, wanted: LinkSets) -> float:
    """Return F1 of links against other links."""
    both = sum(len(a & b) for a, b in zip(made, wanted, strict=True))
    return 2 * both / max(1, sum(map(len, made)) + sum(map(len, wanted)))


def _align_rivals(
    name: str, folder: str, pairs: list[Pair], settings: Settings
) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    device = settings.device
    if name == "awesome":
        found["plain transformers loop"] = partial(plain_align, folder, pairs, settings)
        if find_spec("awesome_align"):
            model, tokenizer = rivals.awesome_model(folder, device)
            found["awesome-align 0.1.7"] = partial(
                rivals.awesome_links, model, tokenizer, pairs, "softmax", device=device
            )
    elif find_spec("simalign"):
        other = rivals.simalign_model(folder, "bpe", "i", device)
        found["simalign 0.4"] = lambda: [other.get_word_aligns(s, t) for s, t in pairs]
    return found


def plain_align(folder: str, pairs: list[Pair], settings: Settings) -> LinkSets:
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
            states = [model(**e, output_hidden_states=True).hidden_states[LAYER] for e in encoded]
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
