"""Making a student of examples: model, loop, dev score, files; resumed where it was cut off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from xner._version import __version__
from xner.corpus import Corpus, StrPath
from xner.errors import OutputError, UsageError
from xner.inference.checkpoints import load, model_signature, quiet
from xner.training.card import MANIFEST, read_manifest, write_card
from xner.training.examples import Counts, Examples
from xner.training.fitting import Lesson, fit
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
        seconds: wall time of the call that made it, or found it finished.
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
    folder, told = Path(output), told or {}
    judge = None if dev is None else gather(dev[0], dev[1], examples.tagset)[0]
    lesson = Lesson(examples, counts, settings, judge, text, soft)
    manifest = _manifest(lesson, told)
    if resume and (done := read_manifest(folder)) is not None:
        _check_same(done, manifest, folder)
        return as_trained(folder, done, perf_counter() - begin)
    work = _prepare(folder, manifest, resume)
    with quiet():
        history, kept = fit(lesson, work, resume, progress or (lambda stage, share: None))
        made = {
            **manifest,
            "counts": counts.as_dict(),
            "sources": list(sources),
            "history": history,
            "f1": max((epoch["f1"] for epoch in history), default=None) if judge else None,
        }
        _save(kept, settings.base, work, folder, made)
    return as_trained(folder, made, perf_counter() - begin)


def _manifest(lesson: Lesson, told: dict[str, Any]) -> dict[str, Any]:
    """All that decides a student, and the signature of it."""
    from importlib.metadata import version

    base = lesson.settings.base
    asked = {name: v for name, v in lesson.settings.as_dict().items() if v is not None}
    if base:
        asked["base"] = model_signature(base)
    how = dict(zip(("loss", "temperature"), lesson.soft, strict=True))
    how = how if lesson.examples.soft is not None else {}
    data = {"train": lesson.examples.signature}
    if lesson.judge is not None:
        data["dev"] = lesson.judge.signature
    if lesson.text and not base:
        data["tokenizer"] = _digest(lesson.text)
    shown = [f"{k}:{v}" for k, v in {**told, **how, **asked}.items() if not isinstance(v, dict)]
    shown += [f"{name}:{digest}" for name, digest in data.items()]
    return {
        "signature": "|".join([f"xner:{__version__}", *shown]),
        **told,
        **how,
        "settings": asked,
        "data": data,
        "tagset": list(lesson.examples.tagset),
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


def as_trained(folder: Path, manifest: dict[str, Any], seconds: float) -> Trained:
    """A finished student, from its manifest."""
    own = {"signature", "settings", "data", "tagset", "versions", "counts", "sources", "history"}
    return Trained(
        folder,
        manifest["counts"],
        tuple(manifest["tagset"]),
        manifest["f1"],
        manifest["history"],
        seconds,
        manifest["signature"],
        {n: v for n, v in manifest.items() if n not in own | {"f1"}},
    )
