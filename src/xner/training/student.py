"""Training of a student from examples to files, continued where an interrupted run ended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from xner._version import __version__
from xner.corpus import StrPath
from xner.errors import OutputError, UsageError
from xner.inference.checkpoints import load, model_signature, quiet
from xner.training import Progress, silent
from xner.training.card import MANIFEST, read_manifest, write_card
from xner.training.examples import Lesson, hash_words
from xner.training.fitting import fit

CHECKPOINTS = "checkpoints"


@dataclass
class Trained:
    """A trained student.

    Attributes:
        folder: model folder for `AutoModelForTokenClassification.from_pretrained`.
        counts: what the student was trained on.
        tagset: the student's tags.
        f1: F1 on the dev set of the epoch that was kept; None without a dev set.
        history: `epoch`, `loss` and, with a dev set, `f1` of each epoch.
        seconds: wall time of the call that trained the student, or found it complete.
        signature: everything that determines the student.
        details: further results of the task, such as weights of teachers or rounds.
    """

    folder: Path
    counts: dict[str, Any]
    tagset: tuple[str, ...]
    f1: float | None
    history: list[dict[str, float]]
    seconds: float
    signature: str
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The student as printed by `--json`."""
        return {
            "model": str(self.folder),
            "tagset": list(self.tagset),
            "counts": self.counts,
            "f1": self.f1,
            "history": self.history,
            **self.details,
            "seconds": round(self.seconds, 2),
            "signature": self.signature,
        }


def make_student(
    lesson: Lesson, output: StrPath, *, resume: bool = False, progress: Progress | None = None
) -> Trained:
    """Train a student and save it.

    Args:
        lesson: everything that determines the student.
        output: folder for the model.
        resume: continue after the last complete epoch, or return a complete student.
        progress: called with the name of the stage and the share that is done.

    Raises:
        UsageError: `resume` finds another run.
        OutputError: `output` cannot be written, or contains something else.
    """
    begin = perf_counter()
    folder = Path(output)
    manifest = _manifest(lesson)
    if resume and (done := read_manifest(folder)) is not None:
        _check_same(done, manifest, folder)
        return as_trained(folder, done, perf_counter() - begin)
    work = _prepare(folder, manifest, resume)
    with quiet(), _removed_if_useless(work):
        history, model = fit(lesson, work, resume, progress or silent)
        f1 = max((epoch["f1"] for epoch in history), default=None) if lesson.dev else None
        manifest |= {
            "counts": lesson.counts.as_dict(),
            "sources": list(lesson.sources),
            "history": history,
            "f1": f1,
        }
        _save(model, lesson.options.base or work / "start", folder, manifest)
    return as_trained(folder, manifest, perf_counter() - begin)


def _manifest(lesson: Lesson) -> dict[str, Any]:
    """Everything that determines a student, and the signature of it."""
    from importlib.metadata import version

    base = lesson.options.base
    settings = {name: v for name, v in lesson.options.as_dict().items() if v is not None}
    if base:
        settings["base"] = model_signature(str(base))
    loss = {} if lesson.examples.soft is None else lesson.loss._asdict()
    data = {"train": lesson.examples.signature}
    if lesson.dev is not None:
        data["dev"] = lesson.dev.signature
    if lesson.text and not base:
        data["tokenizer"] = hash_words(lesson.text).hexdigest()[:16]
    values = {**lesson.details, **loss, **settings}
    shown = [f"{name}:{v}" for name, v in values.items() if not isinstance(v, dict)]
    shown += [f"{name}:{digest}" for name, digest in data.items()]
    return {
        "signature": "|".join([f"xner:{__version__}", *shown]),
        **lesson.details,
        **loss,
        "settings": settings,
        "data": data,
        "tagset": list(lesson.examples.tagset),
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }


def _check_same(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    if found.get("signature") != wanted["signature"]:
        raise UsageError(
            f"{folder}: contains another run, {found.get('signature')}; this run is "
            f"{wanted['signature']}; choose another folder, or remove it"
        )


def _prepare(folder: Path, manifest: dict[str, Any], resume: bool) -> Path:
    """Create the folder for checkpoints, with the manifest of the run.

    Raises:
        OutputError: the folder cannot be created, contains something else, or contains an
            interrupted run and `resume` is false.
        UsageError: the folder contains another interrupted run.
    """
    work = folder / CHECKPOINTS
    if resume and (found := read_manifest(work)) is not None:
        _check_same(found, manifest, folder)
        return work
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        begun = (work / MANIFEST).is_file()
        what = "contains an interrupted run; resume it," if begun else "is not empty;"
        raise OutputError(f"{folder}: {what} choose another folder, or remove it")
    try:
        work.mkdir(parents=True)
        (work / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
    return work


@contextmanager
def _removed_if_useless(work: Path) -> Iterator[None]:
    """Remove the folder for checkpoints if training fails before the first of them."""
    try:
        yield
    except BaseException:
        if not any(work.glob("checkpoint-*")):
            shutil.rmtree(work, ignore_errors=True)
            with suppress(OSError):  # it holds something else
                work.parent.rmdir()
        raise


def _save(model: Any, start: str | Path, folder: Path, manifest: dict[str, Any]) -> None:
    """Save model, tokenizer and card, then the manifest, and remove the checkpoints."""
    from transformers import AutoTokenizer

    try:
        model.save_pretrained(folder)
        load(AutoTokenizer, str(start), "tokenizer").save_pretrained(folder)
        write_card(folder, manifest)
        shutil.rmtree(folder / CHECKPOINTS)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None


def as_trained(folder: Path, manifest: dict[str, Any], seconds: float) -> Trained:
    """A complete student, from its manifest."""
    general = {
        "signature",
        "settings",
        "data",
        "tagset",
        "versions",
        "counts",
        "sources",
        "history",
    }
    return Trained(
        folder,
        manifest["counts"],
        tuple(manifest["tagset"]),
        manifest["f1"],
        manifest["history"],
        seconds,
        manifest["signature"],
        {name: value for name, value in manifest.items() if name not in general | {"f1"}},
    )
