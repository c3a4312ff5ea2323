"""The part `train` of `benchmarks.gpu`: students from scratch and of XLM-R-base's size."""

from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pyarrow as pa
from tests.models.encoder import save_xlmr

import xner
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
from xner.columns import ENTITIES, TOKENS
from xner.tagging.subwords import Subwords
from xner.training.options import SIZES
from xner.training.scratch import make_config, make_tokenizer

LABELS = ("PER", "ORG", "LOC")
XLMR = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "vocab_size": 250_002}  # fmt: skip
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64}  # fmt: skip
SEED, BATCH = 3, 256
BACKWARD = 3
"""Products of a training step relative to a forward pass; the backward pass needs twice as many."""


def labelled(count: int) -> xner.Corpus:
    """Generate sentences with one entity each."""
    texts = sentences(count, SEED)
    entities = [[{"start": i % 3, "end": i % 3 + 1 + i % 2, "label": LABELS[i % 3]}]
                for i in range(count)]  # fmt: skip
    return xner.Corpus.from_table(
        pa.table({"tokens": pa.array(texts, TOKENS), "entities": pa.array(entities, ENTITIES)})
    )


def train_part(settings: Settings) -> Part:
    """Measure a small and a medium student from scratch, and one of the size of XLM-R-base."""
    count = 60 if settings.tiny else 50_000
    corpus, peak = labelled(count), matrix_peak(settings)
    rows = []
    for name, folder, sizes in _bases(settings, corpus):
        work = _work(folder, corpus, sizes)
        measured = timed(partial(_train, corpus, folder, settings), settings.device, 1)
        rows.append(row(f"xner, {name}", work, measured, peak, measured[0] / count))
        plain = timed(partial(_plain, corpus, folder, settings), settings.device, 1)
        rows.append(row(f"plain Trainer, {name}", work, plain, peak, measured[0] / count))
    notes = (
        f"One epoch over {count:,} sentences of 30 words, including loading, tokenisation and "
        f"saving. xner uses batches of {_batch(settings)} sentences of similar length, the plain "
        f"Trainer (with the collator of transformers) batches of the same size in random order. "
        f"Steps are in {settings.hardware.precision}. Matrix peak, measured on one large product: "
        f"{peak / 1e12:.2f} TFLOP/s. The share of peak counts the matrix products of the layers "
        f"{BACKWARD} times, without padding."
    )
    return Part("Train", notes, common.markdown(HEAD, rows))


def _bases(settings: Settings, corpus: xner.Corpus) -> Any:
    """Yield name, folder and sizes of each model."""
    texts = corpus.table["tokens"].to_pylist()
    for name in ["small"] if settings.tiny else SIZES:
        folder, size = settings.scratch / name, SIZES[name]
        vocabulary = make_tokenizer(texts, 500 if settings.tiny else 8000, folder)
        make_config(name, vocabulary, folder)
        # The inner layer of ModernBERT is gated: 1.5 times the products counted for two matrices.
        inner = 2 * size.width * 3 // 2
        yield name, folder, {
            "hidden_size": size.width, "num_hidden_layers": size.layers,
            "intermediate_size": inner,
        }  # fmt: skip
    sizes = TINY if settings.tiny else XLMR
    text = [" ".join(words) for words in sentences(2000, SEED)]
    folder = settings.scratch / "xlmr"
    pieces = 500 if settings.tiny else 8000
    save_xlmr(folder, text, pieces=pieces, positions=512, device=settings.device, **sizes)
    yield "XLM-R-base's size", folder, sizes


def _work(folder: Path, corpus: xner.Corpus, sizes: dict[str, int]) -> Work:
    texts = corpus.table["tokens"].to_pylist()
    pieces = [piece for own in Subwords(str(folder)).pieces(texts, 256) for piece in own]
    lengths = np.array([len(piece.ids) for piece in pieces])
    flops = BACKWARD * encoder_flops(sizes, sizes["num_hidden_layers"], lengths)
    return Work(len(texts), int(lengths.sum()), flops)


def _train(corpus: xner.Corpus, folder: Path, settings: Settings) -> None:
    output = settings.scratch / "student"
    rmtree(output, ignore_errors=True)
    how: dict[str, Any] = {"device": settings.device, "precision": settings.hardware.precision}
    xner.train(corpus, output, base=folder, epochs=1, batch_size=_batch(settings), **how)


def _batch(settings: Settings) -> int:
    return 16 if settings.tiny else BATCH


def _plain(corpus: xner.Corpus, folder: Path, settings: Settings) -> None:
    """A plain implementation: the Trainer with its collator and batches in random order."""
    from transformers import (
        AutoConfig,
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
    )

    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = AutoConfig.from_pretrained(folder, num_labels=1 + 2 * len(LABELS))
    output = settings.scratch / "plain"
    arguments = TrainingArguments(
        output_dir=str(output), num_train_epochs=1, per_device_train_batch_size=_batch(settings),
        save_strategy="no", report_to="none", disable_tqdm=True, logging_strategy="no",
        use_cpu=settings.device == "cpu", bf16=settings.hardware.precision == "bfloat16",
        fp16=settings.hardware.precision == "float16",
        dataloader_pin_memory=settings.device != "cpu",
    )  # fmt: skip
    Trainer(
        model=AutoModelForTokenClassification.from_config(config),
        args=arguments,
        train_dataset=_encoded(corpus, tokenizer),
        data_collator=DataCollatorForTokenClassification(tokenizer),
    ).train()


def _encoded(corpus: xner.Corpus, tokenizer: Any) -> list[dict[str, list[int]]]:
    """Return ids and tags of every sentence, -100 except at first subwords; tags are arbitrary."""
    made = []
    for words in corpus.table["tokens"].to_pylist():
        one = tokenizer(words, is_split_into_words=True, truncation=True, max_length=256)
        places = one.word_ids()
        first = [p is not None and p not in places[:i] for i, p in enumerate(places)]
        made.append({**one, "labels": [0 if own else -100 for own in first]})
    return made
