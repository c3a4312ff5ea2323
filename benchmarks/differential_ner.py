"""Differential check of the NER scores, with the same random tagger on both sides.

An untrained tagger predicts all kinds of tags and unusual sequences of them; one label has no I-.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from tests.models import tagging

import xner
from benchmarks.differential import MAX_WORDS, UNEXPLAINED, Check, Span
from benchmarks.published_code import Code
from xner.corpus import Corpus
from xner.score.ner import ner, ner_spans
from xner.score.ngrams import all_ngrams
from xner.score.scene import NER, Scene, Text

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC")
LABELS = ("PER", "LOC", "ORG", "MISC")
TEMPERATURE = 2.0
CLOSE = 1e-5  # tolerance for float32 probabilities from batches of other sizes
Words = list[str]
Published = Callable[[Words, list[Span]], tuple[Any, Any]]


def save_tagger(folder: Path, seed: int = 0) -> Path:
    """Save a tiny XLM-R with large random weights."""
    models: Any = tagging
    tokenizer = models.xlmr_tokenizer()
    settings = {**models.SIZES, "id2label": dict(enumerate(TAGS))}
    settings["label2id"] = {tag: at for at, tag in enumerate(TAGS)}
    config = models.XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, pad_token_id=1, **settings
    )
    with models.one_thread(seed), torch.no_grad():
        model = models.XLMRobertaForTokenClassification(config).eval()
        for weights in model.parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=0.35)
        model.roberta.embeddings.word_embeddings.weight.mul_(8)
        model.classifier.weight.mul_(3)
        model.classifier.bias[1:3] += 6  # predict PER often, and therefore spans of several words
        for layer in model.roberta.encoder.layer:
            layer.output.dense.weight.mul_(0.1)
            layer.attention.output.dense.weight.mul_(0.1)
    tokenizer.model_max_length = 512
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def published(thesis: Code, folder: Path) -> Published:
    """Return the thesis's scores of n-grams, by label and class-free, after its threshold."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    entities = [{"label": label} for label in LABELS]
    cost = thesis.costs.compute_ner_model_cost
    sides = []
    for per_class in (True, False):
        made = thesis.cand_evaluator.NERModelLogitsCandidateEvaluator(
            "", 1, per_class_costs=per_class, temperature=TEMPERATURE
        )
        made._prepare_label_idx_map(model)
        sides.append(made)

    def scores(words: Words, spans: list[Span]) -> tuple[Any, Any]:
        found = [s.evaluate_tgt_candidates([words], [spans], model, tokenizer)[0] for s in sides]
        own = cost(entities, spans, found[0], False, NER.threshold).toarray()
        return own, cost(entities, spans, found[1], True, NER.threshold).toarray()

    return scores


def predicted(batch: pa.RecordBatch) -> int:
    """Count spans of several words whose most probable tags are B-l, I-l, …, where α applies."""
    found = 0
    for row in batch["target_probabilities"].to_pylist():
        tags = [TAGS[int(np.argmax(word))] for word in row]
        for at, tag in enumerate(tags):
            inside = f"I{tag[1:]}"
            inner = list(takewhile(inside.__eq__, tags[at + 1 :]))
            found += min(len(inner), MAX_WORDS - 1) if tag.startswith("B-") else 0
    return found


def ours(sentences: Sequence[Words], folder: Path) -> Iterator[Any]:
    """Yield the number of predicted spans, then for every sentence its n-grams and xner's scores
    of each label, by label and class-free."""
    entities = [{"start": at, "end": at + 1, "label": label} for at, label in enumerate(LABELS)]
    columns = {
        "source_tokens": [list(LABELS)] * len(sentences),
        "target_tokens": sentences,
        "source_entities": [entities] * len(sentences),
    }
    pairs = xner.tag(
        Corpus.from_table(pa.table(columns)),
        side="target",
        model=str(folder),
        probabilities=True,
        temperature=TEMPERATURE,
        device="cpu",
    )
    (batch,) = pairs.batches()
    yield predicted(batch)
    text = Text(batch)
    problem = all_ngrams(text, MAX_WORDS).problem
    scene = Scene(text, problem)
    sides = ner(scene), ner_spans(scene)
    edges = problem.candidate_offsets[problem.entity_offsets]
    for lo, hi in pairwise(edges):
        first = slice(lo, lo + (hi - lo) // len(LABELS))
        spans = list(zip(problem.start[first].tolist(), problem.end[first].tolist(), strict=True))
        yield spans, *(side[lo:hi].reshape(len(LABELS), -1) for side in sides)


def ner_scores(thesis: Code, name: str, sentences: Sequence[Words]) -> list[Check]:
    """Compare every n-gram for every label, then class-free, to `CLOSE`."""
    what = ("NER scores, thesis, per class (cells)", "NER scores, thesis, class-free (cells)")
    checks = [Check(title, name, len(sentences)) for title in what]
    with tempfile.TemporaryDirectory() as folder, tagging.one_thread(0):
        model = save_tagger(Path(folder))
        evaluate = published(thesis, model)
        boosted, *rows = ours(sentences, model)
        for words, (spans, *found) in zip(sentences, rows, strict=True):
            for check, mine, theirs in zip(checks, found, evaluate(words, spans), strict=True):
                compare(check, mine, theirs)
    for check in checks:
        check.note = f"largest difference of equal scores {check.largest:.1e}"
    checks[0].note += f"; {boosted:,} spans of several words are predicted as one entity (α)"
    return checks


def compare(check: Check, mine: Any, theirs: Any) -> None:
    """Count cells that differ by more than `CLOSE`."""
    check.compared += mine.size
    gap = np.abs(mine - theirs)
    apart = gap > CLOSE
    check.largest = max(check.largest, float(gap[~apart].max(initial=0.0)))
    # Rounding puts the two values on different sides of the threshold.
    rounding = apart & (np.abs(np.maximum(mine, theirs) - NER.threshold) <= CLOSE)
    for reason, cells in (
        ("at the threshold of 0.05, within 1e-5", rounding),
        (UNEXPLAINED, apart & ~rounding),
    ):
        if cells.any():
            check.reasons[reason] += int(cells.sum())
