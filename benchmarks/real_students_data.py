"""Samples of text and a small encoder for `benchmarks.real_students`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from transformers import AutoModel, AutoTokenizer

import xner

Sentence = list[tuple[str, str]]
"""Words and tags."""
UTTERANCES = {
    "person": "PER",
    "artist_name": "PER",
    "place_name": "LOC",
    "business_name": "ORG",
}  # fmt: skip
"""Slots of MASSIVE that are entities of CoNLL-2003; words of other slots are outside entities."""
DEPTHS = (6, 10, 12)
"""Numbers of layers of further encoders."""
T = TypeVar("T")
_CODES = {"en": "en", "de": "de", "es": "es", "swa": "sw"}


def prepare(data: Path, folder: Path, encoder: Path, layers: int, train: int, test: int) -> None:
    """Write samples and the encoder, unless a previous run of the same sizes wrote them.

    Args:
        data: folder of the corpora.
        folder: folder to write to.
        encoder: folder of multilingual-e5-small.
        layers: number of its lowest layers to keep.
        train: training sentences per language.
        test: test sentences per language.
    """
    sizes = {"layers": layers, "train": train, "test": test}
    note = folder / "sizes.json"
    if note.is_file() and json.loads(note.read_text()) == sizes:
        return
    folder.mkdir(parents=True, exist_ok=True)
    words = {word for text in write_samples(data, folder, train, test) for word in text}
    shorten(encoder, sorted(words), layers, folder / "encoder")
    for other in DEPTHS:
        shorten(encoder, sorted(words), other, folder / f"encoder-{other}")
    note.write_text(json.dumps(sizes))


def write_samples(data: Path, folder: Path, train: int, test: int) -> list[list[str]]:
    """Write all samples; return their sentences."""
    mt, massive = data / "conll-mt", data / "parallel-gold" / "massive"
    english = read(mt / "en.train.conll")
    news = [i for i, rows in enumerate(english) if rows[0][0] != "-DOCSTART-"]
    chosen = spread(news, train)
    own = [rows for rows in read(mt / "en.test.conll") if rows[0][0] != "-DOCSTART-"]
    files = {"en.conll": [english[i] for i in chosen], "en.test.conll": spread(own, test)}
    for language in ("de", "es"):
        lines = (mt / f"{language}.train.txt").read_text("utf-8").splitlines()
        files[f"{language}.txt"] = [untagged(lines[i].split()) for i in chosen]
        files[f"{language}.test.conll"] = spread(
            read(data / "gold-test" / f"{language}.conll"), test
        )
    african = data / "masakhaner2"
    for language in ("swa", "xho", "yor"):
        source = read(african / f"en-{language}" / "en.conll")
        target = read(african / f"en-{language}" / f"{language}.t-projection.conll")
        files[f"en-{language}.conll"] = spread(source, train)
        files[f"{language}.txt"] = spread(target, train)
        files[f"{language}.test.conll"] = spread(read(african / f"{language}.test.conll"), test)
    for language, code in _CODES.items():
        rows = read(massive / f"{code}.conll", UTTERANCES)
        suffix = "conll" if language == "en" else "txt"
        files[f"{language}.utterances.{suffix}"] = rows[::2]
        if language != "en":
            files[f"{language}.utterances.test.conll"] = rows[1::2]
    for name, rows in files.items():
        (folder / name).write_text(text_of(rows, tagged=name.endswith(".conll")), "utf-8")
    return [[word for word, _ in row] for rows in files.values() for row in rows]


def read(path: Path, labels: Mapping[str, str] | None = None) -> list[Sentence]:
    """Read CoNLL as IOB2; with `labels`, rename labels and drop the others."""
    table = xner.read(path, side="source", docstart="keep").table
    sentences = []
    for words, entities in zip(
        table["source_tokens"].to_pylist(), table["source_entities"].to_pylist(), strict=True
    ):
        spans = [
            (e["start"], e["end"], name)
            for e in entities
            if (name := e["label"] if labels is None else labels.get(e["label"]))
        ]
        tags = xner.tags_from_spans(spans, len(words))
        sentences.append(list(zip(words, tags, strict=True)))
    return sentences


def untagged(words: Iterable[str]) -> Sentence:
    """Words outside entities."""
    return [(word, "O") for word in words]


def spread(rows: Sequence[T], count: int) -> list[T]:
    """At most `count` evenly spaced rows."""
    step = max(1.0, len(rows) / count)
    return [rows[int(i * step)] for i in range(int(len(rows) / step))]


def text_of(sentences: Iterable[Sentence], tagged: bool) -> str:
    """CoNLL, or one line per sentence."""
    if not tagged:
        return "".join(" ".join(word for word, _ in row) + "\n" for row in sentences)
    return "".join("".join(f"{w}\t{tag}\n" for w, tag in row) + "\n" for row in sentences)


def shorten(encoder: Path, words: Sequence[str], layers: int, folder: Path) -> None:
    """Write an encoder with its lowest layers and the subwords of these words alone.

    Its outputs for these words are those of the layer of the whole encoder.
    """
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    backend = tokenizer.backend_tokenizer
    found = backend.encode_batch(
        [[word] for word in words], is_pretokenized=True, add_special_tokens=False
    )
    used = {*tokenizer.all_special_ids, *(i for each in found for i in each.ids)}
    kept = sorted(used)
    new = {old: i for i, old in enumerate(kept)}
    content = json.loads(backend.to_str())
    pieces = content["model"]["vocab"]
    content["model"]["vocab"] = [pieces[i] for i in kept if i < len(pieces)]
    content["model"]["unk_id"] = new[content["model"]["unk_id"]]
    for added in content["added_tokens"]:
        added["id"] = new[added["id"]]
    for special in content["post_processor"]["special_tokens"].values():
        special["ids"] = [new[i] for i in special["ids"]]
    model = AutoModel.from_pretrained(encoder, add_pooling_layer=False)
    old = model.embeddings.word_embeddings
    padding = new[tokenizer.pad_token_id]
    model.config.update({
        "vocab_size": len(kept),
        "pad_token_id": padding,
        "num_hidden_layers": layers,
    })  # fmt: skip
    few = torch.nn.Embedding(len(kept), old.embedding_dim, padding_idx=padding)
    few.weight.data = old.weight.data[kept].clone()
    model.embeddings.word_embeddings = few
    model.encoder.layer = model.encoder.layer[:layers]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
