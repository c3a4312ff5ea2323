"""Making a student of examples: model, loop, dev score, files; resumed where it was cut off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from xner._version import __version__
from xner.columns import ENTITIES, TOKENS
from xner.corpus import Corpus, StrPath
from xner.errors import InputError, OutputError, UsageError
from xner.evaluation.entities import evaluate
from xner.inference.checkpoints import load, model_signature
from xner.schemes import spans_from_tags
from xner.training.card import MANIFEST, read_manifest, write_card
from xner.training.examples import Counts, Examples
from xner.training.gather import Choice, gather
from xner.training.settings import Settings

CHECKPOINTS = "checkpoints"
Progress = Callable[[str, float], None]


@dataclass
class Trained:
    """A student that was trained.

    Attributes:
        folder: where `AutoModelForTokenClassification.from_pretrained` finds it.
        counts: what it learnt from.
        tagset: its tags.
        f1: on the dev set, of the epoch that was kept; None without one.
        history: for each epoch `epoch`, `loss` and, with a dev set, `f1`.
        seconds: wall time of all of it.
        signature: what made it.
        told: what else a task says of itself, such as weights of teachers or rounds.
    """

    folder: Path
    counts: dict[str, Any]
    tagset: tuple[str, ...]
    f1: float | None
    history: list[dict[str, float]]
    seconds: float
    signature: str
    told: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The student as it stands in `--json`."""
        return {
            "model": str(self.folder),
            "tagset": list(self.tagset),
            "counts": self.counts,
            "f1": self.f1,
            "history": self.history,
            **self.told,
            "seconds": round(self.seconds, 2),
            "signature": self.signature,
        }


def make_student(
    examples: Examples,
    counts: Counts,
    output: StrPath,
    settings: Settings,
    *,
    dev: tuple[Sequence[Corpus], Choice] | None = None,
    text: Sequence[Sequence[str]] = (),
    sources: Sequence[str] = (),
    told: dict[str, Any] | None = None,
    soft: tuple[str, float] = ("mse", 1.0),
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train a student on examples and save it; `xner.train` and its like end here.

    Args:
        examples: what is learnt.
        counts: what the examples were made of; what the tokenizer does is added.
        output: folder for the model.
        settings: how.
        dev: labelled corpora to choose the epoch by, and what of them counts.
        text: more sentences for a tokenizer made anew.
        sources: where the examples come from, for the card.
        told: what the task says of itself: its name, and what decides the student besides
            `settings` and `examples`.
        soft: loss and temperature, where the examples have probabilities.
        resume: go on from the last complete epoch.
        progress: called with the name of the stage and the share that is done.

    Raises:
        UsageError: `resume` meets another run.
        OutputError: `output` cannot be written, or holds something else.
    """
    begin = perf_counter()
    folder = Path(output)
    told = told or {}
    judge = None if dev is None else gather(dev[0], dev[1], examples.tagset)[0]
    manifest = _manifest(examples, judge, text, settings, told, soft)
    if resume and (done := read_manifest(folder)) is not None:
        _check_same(done, manifest, folder)
        return as_trained(folder, done)
    work = _prepare(folder, manifest, resume)
    with _quiet():
        history, kept = _train(
            examples, judge, counts, work, settings, text, soft, resume, progress
        )
        f1 = max((epoch["f1"] for epoch in history), default=None) if judge else None
        made = {
            **manifest,
            "counts": counts.as_dict(),
            "sources": list(sources),
            "history": history,
            "f1": f1,
            "seconds": perf_counter() - begin,
        }
        _save(kept, settings.base, work, folder, made)
    return as_trained(folder, made)


def _manifest(
    examples: Examples,
    judge: Examples | None,
    text: Sequence[Sequence[str]],
    settings: Settings,
    told: dict[str, Any],
    soft: tuple[str, float],
) -> dict[str, Any]:
    """All that decides a student, and the signature of it."""
    from importlib.metadata import version

    base = settings.base and model_signature(settings.base)
    asked = {name: v for name, v in settings.as_dict().items() if v is not None}
    how = {"loss": soft[0], "temperature": soft[1]} if examples.soft is not None else {}
    if base:
        asked["base"] = base
    data = {"train": examples.signature, **({"dev": judge.signature} if judge else {})}
    if text and settings.from_scratch:
        data["tokenizer"] = _digest(text)
    shown = [f"{k}:{v}" for k, v in {**told, **how, **asked}.items() if not isinstance(v, dict)]
    shown += [f"{name}:{digest}" for name, digest in data.items()]
    return {
        "signature": "|".join([f"xner:{__version__}", *shown]),
        **told,
        **how,
        "settings": asked,
        "data": data,
        "tagset": list(examples.tagset),
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }


def _digest(text: Sequence[Sequence[str]]) -> str:
    import hashlib

    total = hashlib.sha256()
    for words in text:
        total.update("\0".join([*words, "\n"]).encode())
    return total.hexdigest()[:16]


def _check_same(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    if found.get("signature") != wanted["signature"]:
        raise UsageError(
            f"{folder}: holds another run, {found.get('signature')}; this one is "
            f"{wanted['signature']}; choose another folder, or remove it"
        )


def _prepare(folder: Path, manifest: dict[str, Any], resume: bool) -> Path:
    """The folder of checkpoints, with a note of whose they are.

    Raises:
        OutputError: the folder cannot be made, or holds something else.
        UsageError: it holds an interrupted run, and `resume` was not asked for, or of others.
    """
    work = folder / CHECKPOINTS
    note = work / MANIFEST
    if note.is_file() and resume:
        _check_same(json.loads(note.read_text("utf-8")), manifest, folder)
        return work
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "an interrupted run; resume it" if note.is_file() else "something already"
        raise OutputError(f"{folder}: holds {what}, or choose another folder, or remove it")
    try:
        work.mkdir(parents=True)
        note.write_text(json.dumps(manifest), "utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
    return work


def _train(
    examples: Examples,
    judge: Examples | None,
    counts: Counts,
    work: Path,
    settings: Settings,
    text: Sequence[Sequence[str]],
    soft: tuple[str, float],
    resume: bool,
    progress: Progress | None,
) -> tuple[list[dict[str, float]], Any]:
    """Run the loop; the losses and scores by epoch, and the model that is kept."""
    import torch
    from transformers import set_seed
    from transformers.trainer_utils import get_last_checkpoint

    from xner.tagging.subwords import Subwords
    from xner.training.loop import Collator, Soft, Student, cut, likeliest

    start = _start(work, examples, settings, text)
    set_seed(settings.seed)
    model = _model(start, examples.tagset)
    subwords = Subwords(start)

    def collator(own: Examples, share: float, own_counts: Counts | None) -> Collator:
        ids = _special_ids(start)
        found = cut(own, subwords, settings.window, own_counts)
        return Collator(own, found, subwords.filler, ids[1:], ids[0], share)

    if judge is not None:
        dev = collator(judge, 0.0, None)

    def score(trained: Any) -> float:
        assert judge is not None
        device = next(trained.parameters()).device
        return tags_f1(judge, likeliest(trained, dev, torch.device(device)))

    trainer = Student(
        model,
        collator(examples, settings.hidden, counts),
        settings,
        Soft(*soft),
        work,
        None if judge is None else score,
        progress or (lambda stage, share: None),
    )
    last = get_last_checkpoint(str(work)) if resume else None
    trainer.train(resume_from_checkpoint=last)
    return _history(trainer.state.log_history), trainer.model


def _start(
    work: Path, examples: Examples, settings: Settings, text: Sequence[Sequence[str]]
) -> str:
    """Where tokenizer and model are loaded from: the base, or a folder made here."""
    if settings.base is not None:
        return settings.base
    from xner.training.scratch import make_config, make_tokenizer

    folder = work / "start"
    if not (folder / "config.json").is_file():
        size = make_tokenizer([*examples.sentences, *text], settings.vocabulary, folder)
        make_config(size, folder)
    return str(folder)


def _model(start: str, tagset: Sequence[str]) -> Any:
    """A token classifier with these tags; a base's own head is kept if its tags are the same."""
    from transformers import AutoConfig, AutoModelForTokenClassification

    names = dict(enumerate(tagset))
    config = load(AutoConfig, start, "base model")
    had = dict(config.id2label)
    config.id2label = names
    config.label2id = {tag: i for i, tag in names.items()}
    if (Path(start) / "config.json").is_file() and not _has_weights(Path(start)):
        return AutoModelForTokenClassification.from_config(config)
    model = load(
        AutoModelForTokenClassification,
        start,
        "base model",
        config=config,
        ignore_mismatched_sizes=True,
    )
    if had != names and len(had) == len(names):
        _reset_head(model, start)
    return model.float()


def _has_weights(folder: Path) -> bool:
    return any(path.suffix in (".safetensors", ".bin") for path in folder.iterdir())


def _reset_head(model: Any, start: str) -> None:
    """New weights for a head that was trained for as many, but other tags."""
    head = getattr(model, "classifier", None) or getattr(model, "score", None)
    if head is None or not hasattr(head, "weight"):
        raise InputError(f"the base model {start!r} has no head that xner knows how to replace")
    head.weight.data.normal_(0.0, 0.02)
    if head.bias is not None:
        head.bias.data.zero_()


def _special_ids(start: str) -> tuple[int, ...]:
    """The id that masks a subword, and the ids that are never masked."""
    from transformers import AutoTokenizer

    tokenizer = load(AutoTokenizer, start, "tokenizer")
    mask = tokenizer.mask_token_id
    return (tokenizer.unk_token_id or 0) if mask is None else mask, *tokenizer.all_special_ids


def tags_f1(judge: Examples, found: np.ndarray[Any, Any]) -> float:
    """Strict entity F1 of predicted tags, as `xner.evaluate` has it."""
    return evaluate(_labelled(judge, judge.tags), _labelled(judge, found)).f1


def _labelled(judge: Examples, tags: np.ndarray[Any, Any]) -> Corpus:
    rows = []
    for i, j in pairwise(judge.offsets):
        spans = spans_from_tags([judge.tagset[t] for t in tags[i:j]])
        rows.append([{"start": s, "end": e, "label": label} for s, e, label in spans])
    table = pa.table(
        {"tokens": pa.array(judge.sentences, TOKENS), "entities": pa.array(rows, ENTITIES)}
    )
    return Corpus.from_table(table, "dev")


def _history(log: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Epochs of the Trainer's log, with what is known of each."""
    epochs: dict[float, dict[str, float]] = {}
    for entry in log:
        for name, key in (("loss", "loss"), ("eval_f1", "f1")):
            if name in entry:
                epochs.setdefault(entry["epoch"], {"epoch": entry["epoch"]})[key] = entry[name]
    return list(epochs.values())


def _save(model: Any, base: str | None, work: Path, folder: Path, manifest: dict[str, Any]) -> None:
    """Model, tokenizer and card; the manifest comes last, and then the checkpoints go."""
    from transformers import AutoTokenizer

    start = base or str(work / "start")
    try:
        model.save_pretrained(folder)
        load(AutoTokenizer, start, "tokenizer").save_pretrained(folder)
        write_card(folder, manifest)
        shutil.rmtree(work)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None


def as_trained(folder: Path, manifest: dict[str, Any]) -> Trained:
    """A finished student, from its manifest."""
    own = {"signature", "settings", "data", "tagset", "versions", "counts", "sources", "history"}
    return Trained(
        folder,
        manifest["counts"],
        tuple(manifest["tagset"]),
        manifest["f1"],
        manifest["history"],
        manifest["seconds"],
        manifest["signature"],
        {n: v for n, v in manifest.items() if n not in own | {"f1", "seconds"}},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of transformers: what matters is told by xner."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
