"""The part `tag` of `benchmarks.gpu`: token classification at the size of XLM-R-large."""

from functools import partial
from typing import Any

import numpy as np
import torch
from tests.models.encoder import save_xlmr

from benchmarks import common
from benchmarks.gpu_common import (
    HEAD,
    Part,
    Settings,
    Work,
    encoder_flops,
    matrix_peak,
    row,
    sentences,
    timed,
)
from xner.tagging.checkpoint import CheckpointTagger
from xner.tagging.options import CheckpointOptions
from xner.tagging.subwords import Subwords

XLMR = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096, "vocab_size": 250_002}  # fmt: skip
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64}  # fmt: skip
TAGS = ["O", *(f"{letter}-{label}" for label in ("PER", "ORG", "LOC", "MISC") for letter in "BI")]
POSITIONS, SEED = 512, 2
PLAIN_BATCH = 32
Texts = list[list[str]]


def save_tagger(folder: Any, sizes: dict[str, int], pieces: int, device: str) -> str:
    """Save a random tagger with `TAGS` and a tokenizer of generated words; return the folder."""
    from transformers import XLMRobertaForTokenClassification

    labels = {"id2label": dict(enumerate(TAGS)), "label2id": {t: i for i, t in enumerate(TAGS)}}
    text = [" ".join(words) for words in sentences(2000, SEED)]
    made: str = save_xlmr(
        folder, text, pieces=pieces, positions=POSITIONS, spread=5.0, device=device,
        kind=XLMRobertaForTokenClassification, **sizes, **labels,
    )  # fmt: skip
    return made


def tag_part(settings: Settings) -> Part:
    """Measure a tagger at the size of XLM-R-large."""
    sizes = TINY if settings.tiny else XLMR
    count, for_rival = (24, 8) if settings.tiny else (50_000, 2_000)
    device, precision = settings.device, settings.hardware.precision
    folder = save_tagger(settings.scratch / "xlmr", sizes, 500 if settings.tiny else 8000, device)
    texts = sentences(count, SEED)
    peak = matrix_peak(settings)
    own = _tagger(folder, device, precision)
    work = _tag_work(folder, texts, sizes)
    measured = timed(partial(tags_of, own, texts), device)
    fastest = measured[0] / count
    rows = [row(f"xner, {precision}", work, measured, peak, fastest)]
    few = texts[:for_rival]
    made = tags_of(own, few)
    share = share_of_tags(made, tags_of(_tagger(folder, device, "float32"), few))
    del own  # so that its memory is not counted for the plain loop
    plain = PlainTagger(folder, settings)
    part = _tag_work(folder, few, sizes)
    rows.append(
        row("plain transformers loop", part, timed(partial(plain.tags, few), device, 1), peak,
            fastest)
    )  # fmt: skip
    same = share_of_tags(plain.tags(few), made)
    notes = (
        f"{count:,} sentences of 30 words, {work.tokens / count:.0f} tokens; "
        f"{sizes['num_hidden_layers']} layers, hidden size {sizes['hidden_size']}, {len(TAGS)} "
        f"tags; the plain loop (batches of {PLAIN_BATCH} in order, padded, same precision) uses "
        f"{for_rival:,} of them. Matrix peak, measured on one large product in {precision}: "
        f"{peak / 1e12:.2f} TFLOP/s. The share of peak counts the matrix products of the layers, "
        f"without padding. Goal: 40% of that peak. Equal tags on {for_rival:,} "
        f"sentences: {100 * share:.2f}% with xner in float32, {100 * same:.2f}% with the plain "
        f"loop."
    )
    return Part("Tag", notes, common.markdown(HEAD, rows))


def _tagger(folder: str, device: str, precision: str) -> CheckpointTagger:
    return CheckpointTagger(CheckpointOptions(model=folder, device=device, precision=precision))


def tags_of(tagger: CheckpointTagger, texts: Texts) -> list[list[int]]:
    """Return the most probable tag of every word as its index in `TAGS`."""
    place = np.array([TAGS.index(tag) for tag in tagger.tags])
    return [place[one.probabilities.argmax(1)].tolist() for one in tagger.tag(texts)]


def share_of_tags(made: list[list[int]], wanted: list[list[int]]) -> float:
    """Return the share of words with the same tag in both."""
    pairs = [(a, b) for own, other in zip(made, wanted, strict=True)
             for a, b in zip(own, other, strict=True)]  # fmt: skip
    return sum(a == b for a, b in pairs) / max(1, len(pairs))


def _tag_work(folder: str, texts: Texts, sizes: dict[str, int]) -> Work:
    own = Subwords(folder).pieces(texts, POSITIONS)
    lengths = np.array([len(piece.ids) for pieces in own for piece in pieces])
    flops = encoder_flops(sizes, sizes["num_hidden_layers"], lengths)
    return Work(len(texts), int(lengths.sum()), flops)


class PlainTagger:
    """A plain implementation: batches of 32 in order, padded, and a loop over words."""

    def __init__(self, folder: str, settings: Settings) -> None:
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        self.device = settings.device
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForTokenClassification.from_pretrained(
            folder, dtype=settings.hardware.dtype
        )
        self.model: Any = model.eval().to(self.device)

    def tags(self, texts: Texts) -> list[list[int]]:
        """Return the most probable tag at the first subword of every word."""
        found = []
        for begin in range(0, len(texts), PLAIN_BATCH):
            batch = texts[begin : begin + PLAIN_BATCH]
            encoded = self.tokenizer(
                batch, is_split_into_words=True, padding=True, truncation=True,
                return_tensors="pt",
            )  # fmt: skip
            with torch.no_grad():
                logits = self.model(**encoded.to(self.device)).logits
            best = logits.argmax(-1).tolist()
            for i in range(len(batch)):
                words = encoded.word_ids(i)
                first = {w: best[i][at] for at, w in reversed(list(enumerate(words)))}
                found.append([first.get(word, 0) for word in range(len(batch[i]))])
        return found
