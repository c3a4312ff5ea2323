"""The part `translate` of `benchmarks.gpu`: NLLB-200 at two sizes."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.models.seq2seq import save_endless_nllb

from benchmarks import common
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
from xner.languages import find_language
from xner.translation.base import Translator
from xner.translation.engine import length_limit
from xner.translation.nllb import NllbTranslator
from xner.translation.options import TranslatorOptions
from xner.translation.registry import make_translator
from xner.translation.vocabulary import Vocabulary

Sizes = dict[str, int]


def sizes_of(width: int, layers: int, heads: int, inner: int, vocabulary: int) -> Sizes:
    """Return fields of M2M100Config, the same for encoder and decoder."""
    sides = ("encoder", "decoder")
    made = {"d_model": width, "vocab_size": vocabulary, "max_position_embeddings": 1024}
    for side in sides:
        made |= {f"{side}_layers": layers, f"{side}_attention_heads": heads}
        made[f"{side}_ffn_dim"] = inner
    return made


MODELS = {
    "600M": sizes_of(1024, 12, 16, 4096, 256_206),
    "3.3B": sizes_of(2048, 24, 16, 8192, 256_206),
}
COUNTS = {"600M": 4_000, "3.3B": 2_000}
TINY = {"tiny": sizes_of(32, 2, 4, 64, 600)}
RATIO = 0.7
"""A translation of n source subwords ends at 16 + 0.7 n, which is about n for n = 50."""
BEAMS, SEED = 4, 2
PLAIN_BATCH = 32
SOURCE, TARGET = find_language("eng"), find_language("deu")


def translate_part(settings: Settings) -> Part:
    """Measure NLLB-200 distilled (600M) and 3.3B."""
    for_rival, compared = (6, 6) if settings.tiny else (320, 48)
    peak = matrix_peak(settings)
    rows: list[list[str]] = []
    notes = []
    for name, sizes in (TINY if settings.tiny else MODELS).items():
        count = 12 if settings.tiny else COUNTS[name]
        texts = [" ".join(words) for words in sentences(count, SEED)]
        folder = save_translator(settings.scratch / name, sizes, settings)
        own = _translator(folder, settings, settings.hardware.precision)
        run = partial(translations, own, texts)
        warm = partial(translations, own, texts[:64])
        work = translate_work(own.vocabulary, texts, sizes)
        measured = timed(run, settings.device, 1, warm)
        precision = settings.hardware.precision
        fastest = measured[0] / count
        rows.append(row(f"xner, {name}, {precision}", work, measured, peak, fastest))
        short = [" ".join(text.split()[:8]) for text in texts[:compared]]
        made = translations(own, short)
        del own, run, warm  # so that their memory is not counted for the plain loop
        exact = translations(_translator(folder, settings, "float32"), short)
        plain = PlainTranslator(folder, settings)
        few = texts[:for_rival]
        seconds = timed(partial(plain.translations, few), settings.device, 1,
                        partial(plain.translations, few[:PLAIN_BATCH]))  # fmt: skip
        part = translate_work(plain.vocabulary, few, sizes)
        rows.append(row(f"plain transformers loop, {name}", part, seconds, peak, fastest))
        if find_spec("ctranslate2"):
            other = _converted(folder, settings)
            seconds = timed(partial(translations, other, few), settings.device, 1,
                            partial(translations, other, few[:PLAIN_BATCH]))  # fmt: skip
            rows.append(row(f"xner with CTranslate2, {name}", part, seconds, peak, fastest))
            del other
        alone = plain.translations(short, 1)
        notes.append(
            f"{name}: {count:,} sentences, of which the plain loop uses {for_rival}; of {compared} "
            f"of 8 words, xner translates {_same(made, exact)} as in float32, and "
            f"{_same(made, alone)} as `generate` one by one."
        )
    return Part("Translate", _notes(settings, peak, notes), common.markdown(HEAD, rows))


def _notes(settings: Settings, peak: float, of_models: list[str]) -> str:
    return (
        f"Sentences of 30 words, {BEAMS} beams. Random models never end a sentence, so the "
        f"translation of n subwords has the length limit 16 + {RATIO:g} n. The plain loop "
        f"(`model.generate`, batches of {PLAIN_BATCH} in order, padded, same precision and beams) "
        f"uses the largest limit of each batch, because a batch runs until its last sentence ends, "
        f"as with a trained model. Its tokens beyond the limit of a sentence are not counted. "
        f"Tokens are those of translations. Matrix peak, measured on one large product in "
        f"{settings.hardware.precision}: {peak / 1e12:.2f} TFLOP/s. The share of peak counts the "
        f"matrix products of every beam, without padding. Goal: 5 times the plain loop. "
        f"CTranslate2 translates the sentences of the plain loop; GiB does not include its memory. "
        f"{' '.join(of_models)} {absent('ctranslate2')}"
    )


def save_translator(folder: Path, sizes: Sizes, settings: Settings) -> str:
    """Save a random model and a tokenizer of generated words; return the folder."""
    text = [" ".join(words) for words in sentences(2000, SEED)]
    learned = 500 if settings.tiny else 8000
    made: str = save_endless_nllb(folder, text, vocabulary=learned, device=settings.device, **sizes)
    return made


def _translator(folder: str, settings: Settings, precision: str) -> NllbTranslator:
    options = TranslatorOptions(
        model=folder, device=settings.device, precision=precision, beams=BEAMS, max_ratio=RATIO
    )
    return NllbTranslator(options)


def _converted(folder: str, settings: Settings) -> Translator:
    """The same model in CTranslate2."""
    return make_translator("ctranslate2", {
        "model": folder, "device": settings.device, "precision": settings.hardware.precision,
        "beams": BEAMS, "max_ratio": RATIO, "folder": settings.scratch / "converted",
    })  # fmt: skip


def translations(translator: Translator, texts: Sequence[str]) -> list[str]:
    """Translate texts with xner."""
    return [made.text for made in translator.translate(texts, SOURCE, TARGET)]


def _same(made: list[str], wanted: list[str]) -> int:
    return sum(a == b for a, b in zip(made, wanted, strict=True))


def limits_of(lengths: Sequence[int]) -> list[int]:
    """Return tokens of each translation, from the subwords of its source."""
    return [length_limit(RATIO, length) for length in lengths]


def translate_work(vocabulary: Vocabulary, texts: Sequence[str], sizes: Sizes) -> Work:
    """Return the work of translating texts up to their limits."""
    lengths = [len(ids) for ids in vocabulary.encode(texts)]
    limits = limits_of(lengths)
    flops = translate_flops(sizes, np.array(lengths) + 2, np.array(limits))
    return Work(len(texts), sum(limits), flops)


def translate_flops(sizes: Sizes, source: np.ndarray, target: np.ndarray) -> float:
    """Return operations of the matrix products of a beam search.

    The encoder, and its keys and values in every layer of the decoder, run once per sentence; the
    decoder and the scores over the vocabulary once per beam and token.
    """
    wide, inner, layers = sizes["d_model"], sizes["decoder_ffn_dim"], sizes["decoder_layers"]
    encoder = {"hidden_size": wide, "intermediate_size": sizes["encoder_ffn_dim"]}
    source, target = source.astype(float), target.astype(float)
    once = layers * 2 * 2 * wide**2 * float(source.sum())
    a_token = layers * 2 * (6 * wide**2 + 2 * wide * inner) + 2 * wide * sizes["vocab_size"]
    attention = layers * 4 * wide * float((target * (target + 1) / 2 + target * source).sum())
    each_beam = a_token * float(target.sum()) + attention
    return encoder_flops(encoder, sizes["encoder_layers"], source) + once + BEAMS * each_beam


class PlainTranslator:
    """A plain implementation: `generate` over batches of 32 in order, padded."""

    def __init__(self, folder: str, settings: Settings) -> None:
        from transformers import AutoModelForSeq2SeqLM, NllbTokenizer

        self.device = settings.device
        self.vocabulary = Vocabulary(folder)
        self.tokenizer = NllbTokenizer.from_pretrained(folder, src_lang=SOURCE.flores)
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=settings.hardware.dtype)
        self.model: Any = model.eval().to(self.device)
        self.language = self.tokenizer.convert_tokens_to_ids(TARGET.flores)

    def translations(self, texts: Sequence[str], size: int = PLAIN_BATCH) -> list[str]:
        """Return translations, each up to the largest limit of its batch."""
        found: list[str] = []
        for begin in range(0, len(texts), size):
            batch = list(texts[begin : begin + size])
            limit = max(limits_of([len(ids) for ids in self.vocabulary.encode(batch)]))
            encoded = self.tokenizer(batch, padding=True, return_tensors="pt").to(self.device)
            with torch.no_grad():
                ids = self.model.generate(
                    **encoded, num_beams=BEAMS, do_sample=False, max_new_tokens=limit + 1,
                    forced_bos_token_id=self.language,
                )  # fmt: skip
            found += self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [text.strip() for text in found]
