"""Students from scratch on a CPU: transfer, translate-train, distillation, self-training.

    python -m benchmarks.students                # writes benchmarks/results/students.md
    python -m benchmarks.students --seeds 1      # one seed; more can be added by another run

Every student is kept in the folder of `--work`; what is there is not made again, and an
interrupted one goes on from its last epoch.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import fmean
from time import perf_counter
from typing import Any

import xner
from benchmarks import common
from benchmarks.quality import spread

AFRICAN, EUROPEAN = ("swa", "yor", "xho"), ("de", "es")
LANGUAGES = (*AFRICAN, *EUROPEAN)
NAMES = {"swa": "Swahili", "yor": "Yorùbá", "xho": "isiXhosa", "de": "German", "es": "Spanish"}
DROP_MISC: dict[str, str | None] = {"MISC": None}
SCRATCH: dict[str, Any] = {"from_scratch": "small", "vocabulary": 8000}
MANY: dict[str, Any] = {"from_scratch": "small", "vocabulary": 16000}
ROUTES = {
    "direct": "direct transfer (teacher en)",
    "train-xner": "translate-train, xner's labels",
    "train-sure": "translate-train, xner's labels, doubtful dropped",
    "train-rival": "translate-train, T-Projection's labels",
    "single": "distill single (en)",
    "multi": "distill multi (en, de, es)",
    "self": "self-train (from en)",
    "self-xner": "translate-train, then self-train",
}
MAIN = [route for route in ROUTES if route not in ("train-sure", "self-xner")]
# Fixed beforehand: nothing is tuned on the test sets.
SELF: dict[str, Any] = {"top": 0.5, "rounds": 2, "epochs": 1, "learning_rate": 5e-4, "masked": 0.2}


@dataclass(frozen=True)
class Place:
    """Where everything lies, and how long students learn."""

    data: Path
    work: Path
    epochs: int

    def text(self, language: str) -> Path:
        """Projected pairs of a language; source side English."""
        return self.work / "text" / f"{language}.parquet"

    @property
    def english(self) -> Path:
        """English gold with PER, LOC, ORG and MISC."""
        return self.data / "conll-mt" / "en.train.conll"

    def rival(self, language: str) -> Path:
        """T-Projection's labels on the same sentences."""
        return self.data / "masakhaner2" / f"en-{language}" / f"{language}.t-projection.conll"

    def test(self, language: str) -> Path:
        """The human-labelled test set."""
        if language == "en":
            return self.data / "conll-mt" / "en.test.conll"
        folder = "masakhaner2" if language in AFRICAN else "gold-test"
        name = f"{language}.test.conll" if language in AFRICAN else f"{language}.conll"
        return self.data / folder / name

    def student(self, route: str, language: str, seed: int) -> Path:
        """The folder of a student."""
        return self.work / f"seed{seed}" / f"{language}-{route}"


def pairs(place: Place, language: str) -> xner.Corpus:
    """English gold and its translation; documents' marks left out."""
    if language in AFRICAN:
        return xner.read(place.rival(language).with_name("en.conll"), place.rival(language))
    text = place.data / "conll-mt" / f"{language}.train.txt"
    table = xner.read(place.english, text, docstart="keep").table
    marks = [words == ["-DOCSTART-"] for words in table["source_tokens"].to_pylist()]
    return xner.Corpus.from_table(table.filter([not mark for mark in marks]))


def project(place: Place, language: str) -> dict[str, Any]:
    """Project English gold onto the translation, with the default."""
    path, note = place.text(language), place.text(language).with_suffix(".json")
    if not note.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        begin = getrusage(RUSAGE_SELF).ru_utime
        made = xner.project(pairs(place, language))
        made.write(path)
        told = {**made.summary.as_dict(), "cpu": getrusage(RUSAGE_SELF).ru_utime - begin}
        note.write_text(json.dumps(told))
    found: dict[str, Any] = json.loads(note.read_text())
    return found


def teacher(place: Place, language: str, seed: int) -> xner.Trained:
    """A tagger of a source language whose tokenizer has seen all languages."""
    many = [place.text(name) for name in LANGUAGES]
    corpus = place.english if language == "en" else place.text(language)
    return xner.train(
        corpus,
        place.student("teacher", language, seed),
        labels=DROP_MISC,
        tokenizer_text=many,
        epochs=place.epochs,
        seed=seed,
        resume=True,
        **MANY,
    )


def translate_train(place: Place, route: str, language: str, seed: int) -> xner.Trained:
    """A student of projected labels: ours, ours without doubtful ones, or the rival's."""
    return xner.train(
        place.rival(language) if route == "train-rival" else place.text(language),
        place.student(route, language, seed),
        labels=DROP_MISC,
        max_unprojected=0.0 if route == "train-sure" else None,
        epochs=place.epochs,
        seed=seed,
        resume=True,
        **SCRATCH,
    )


def distill(place: Place, route: str, language: str, seed: int) -> xner.Trained:
    """A student of the probabilities of one teacher, or of all in other languages."""
    taught = ["en"] if route == "single" else [n for n in ("en", "de", "es") if n != language]
    weighed: dict[str, Any] = {}
    if route == "multi":
        # The text of English is the source side of any pair.
        english = xner.read(place.english, side="source")
        texts = {"en": as_target(english), "de": place.text("de"), "es": place.text("es")}
        weighed = {"weights": "domain", "sources": [texts[name] for name in taught]}
    return xner.distill(
        place.text(language),
        place.student(route, language, seed),
        teachers=[place.student("teacher", name, seed) for name in taught],
        epochs=place.epochs,
        seed=seed,
        resume=True,
        **weighed,
        **SCRATCH,
    )


def as_target(corpus: xner.Corpus) -> xner.Corpus:
    """Words of a source side as those of a target side."""
    table = corpus.table.select(["source_tokens"]).rename_columns(["target_tokens"])
    return xner.Corpus.from_table(table.replace_schema_metadata(None))


def self_train(place: Place, route: str, language: str, seed: int) -> xner.Trained:
    """Rounds of pseudo-labels, from the English teacher or from translate-train."""
    start = place.student("teacher", "en", seed)
    if route == "self-xner":
        start = place.student("train-xner", language, seed)
    return xner.self_train(
        place.text(language),
        place.student(route, language, seed),
        start=start,
        seed=seed,
        resume=True,
        **SELF,
    )


def make(place: Place, route: str, language: str, seed: int) -> dict[str, Any]:
    """Make a student, score it, and keep what came out beside it."""
    folder = place.student(route, language, seed)
    note = folder.with_suffix(".json")
    if note.is_file():
        kept: dict[str, Any] = json.loads(note.read_text())
        return kept
    begin, wall = getrusage(RUSAGE_SELF).ru_utime, perf_counter()
    if route == "direct":
        folder, told = place.student("teacher", "en", seed), {}
    elif route == "teacher":
        told = teacher(place, language, seed).as_dict()
    elif route.startswith("train"):
        told = translate_train(place, route, language, seed).as_dict()
    elif route.startswith("self"):
        told = self_train(place, route, language, seed).as_dict()
    else:
        told = distill(place, route, language, seed).as_dict()
    gold = place.test(language)
    found = xner.tag(xner.read(gold, side="target"), side="target", model=str(folder))
    result = xner.evaluate(gold, found, ignore=["MISC"])
    made = {
        "route": route,
        "language": language,
        "seed": seed,
        "f1": result.f1,
        "labels": {label: s.f1 for label, s in result.labels.items()},
        "tests": result.sentences,
        "cpu": getrusage(RUSAGE_SELF).ru_utime - begin,
        "wall": perf_counter() - wall,
        "told": told,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(made))
    return made


def tasks(
    routes: Sequence[str], seed: int, languages: Sequence[str] = LANGUAGES
) -> list[list[tuple[str, str, int]]]:
    """What is made for a seed: those that need nothing, and then those that need a teacher."""
    first: list[tuple[str, str, int]] = []
    if not all(route.startswith("train") for route in routes):
        first = [("teacher", language, seed) for language in ("en", *reversed(EUROPEAN))]
    second: list[tuple[str, str, int]] = []
    for route in routes:
        for language in languages:
            if route == "train-rival" and language in EUROPEAN:
                continue
            early = route.startswith("train")
            (first if early else second).append((route, language, seed))
    return [first, second]


def run(
    place: Place, routes: Sequence[str], languages: Sequence[str], seeds: int, jobs: int
) -> None:
    """All students, seed by seed."""
    with ProcessPoolExecutor(jobs, initializer=one_thread) as pool:
        list(pool.map(partial(project, place), LANGUAGES))
        for seed in range(1, seeds + 1):
            for stage in tasks(routes, seed, languages):
                for made in pool.map(partial(_make, place), stage):
                    print(
                        f"# seed {seed}: {made['language']} {made['route']}: {made['f1']:.4f}, "
                        f"{made['cpu']:.0f} s of a core, {made['wall']:.0f} s",
                        flush=True,
                    )


def _make(place: Place, task: tuple[str, str, int]) -> dict[str, Any]:
    return make(place, *task)


def one_thread() -> None:
    """For a process of the pool."""
    import torch

    os.environ["XNER_THREADS"] = "1"
    torch.set_num_threads(1)


def finished(place: Place, seeds: int) -> list[dict[str, Any]]:
    """What earlier runs left."""
    notes = [p for s in range(1, seeds + 1) for p in (place.work / f"seed{s}").glob("*.json")]
    return [json.loads(path.read_text()) for path in sorted(notes)]


Cell = Callable[[str], str]


def table(place: Place, done: Sequence[dict[str, Any]]) -> str:
    """Routes by language; sentences and divergence on top."""

    def row(name: str, cell: Cell) -> list[str]:
        return [name, *(cell(language) for language in LANGUAGES)]

    def scores(route: str, language: str) -> str:
        found = [m["f1"] for m in done if (m["route"], m["language"]) == (route, language)]
        return spread(found) if found else "–"

    def tests(language: str) -> str:
        return next((f"{m['tests']:,}" for m in done if m["language"] == language), "–")

    noted = {n: project(place, n) for n in LANGUAGES}
    rows = [
        row("training sentences", lambda n: f"{noted[n]['sentences']:,}"),
        row("test sentences", tests),
        row("lexical divergence from English", lambda n: f"{divergence(place, n):.3f}"),
    ]
    rows += [row(name, partial(scores, route)) for route, name in ROUTES.items()]
    rows.append(row("gain of translate-train over transfer", partial(gain, done, "direct")))
    rows.append(row("xner's labels minus T-Projection's", partial(gain, done, "train-rival")))
    return common.markdown(["strict F1", *NAMES.values()], rows)


def divergence(place: Place, language: str) -> float:
    """Of English and the target text, both sides of the same pairs."""
    corpus = xner.read(place.text(language))
    return xner.divergence(corpus, corpus)


def gain(done: Sequence[dict[str, Any]], other: str, language: str) -> str:
    """Mean F1 of translate-train on xner's labels less that of another route, same seeds."""
    by = {(m["route"], m["seed"]): m["f1"] for m in done if m["language"] == language}
    seeds = [s for route, s in by if route == "train-xner" and (other, s) in by]
    if not seeds:
        return "–"
    return f"{fmean(by['train-xner', s] - by[other, s] for s in seeds):+.4f}"


def details(done: Sequence[dict[str, Any]]) -> str:
    """What the table does not say: teachers, their weights, rounds."""
    lines = []
    for language in ("en", *EUROPEAN):
        f1 = [m["f1"] for m in done if (m["route"], m["language"]) == ("teacher", language)]
        if f1:
            lines.append(f"* teacher {language}: F1 {spread(f1)} on its own language's test set")
    for m in done:
        if m["seed"] == 1 and m["route"] == "multi":
            weights = m["told"]["teacher_weights"]
            lines.append(f"* teachers' weights for {m['language']}, seed 1: {weights}, "
                         f"τ {m['told']['tau']:.3f}, language identified "
                         f"{100 * m['told']['language_accuracy']:.1f} %")  # fmt: skip
        if m["seed"] == 1 and m["route"].startswith("self"):
            scores = [each["score"] for each in m["told"]["rounds"]]
            lines.append(f"* {m['route']} {m['language']}, seed 1: agreement by round {scores}")
    return "\n".join(lines)


def page(place: Place, done: Sequence[dict[str, Any]], seconds: float) -> str:
    """All that is written."""
    seeds = sorted({m["seed"] for m in done})
    cpu = sum(m["cpu"] for m in done) + sum(project(place, n)["cpu"] for n in LANGUAGES)
    example = next(m["told"]["signature"] for m in done if m["route"] == "train-xner")
    parts = [
        "Strict entity F1 (seqeval, IOB2; PER, LOC, ORG) on human test sets; mean ± standard "
        f"deviation over seeds {seeds} (weights, order, dropout). Every student is made from "
        "scratch: a byte-pair tokenizer of 8,000 subwords trained on its text and a ModernBERT of "
        f"2 layers of 128; {place.epochs} epochs, no dev set, nothing tuned on the tests. "
        "Projection: default settings, seed 1. Teachers: likewise, with a tokenizer of 16,000 "
        "trained on all six languages' training text.",
        table(place, done),
        details(done),
        f"One student's signature: `{example}`.",
        f"Its text's: `{project(place, 'swa')['signature']}`.",
        f"{len(done)} students, {cpu / 60:.0f} minutes of one core in all; this run "
        f"{seconds / 60:.0f} minutes of wall time on a shared machine. "
        f"{common.made_by('torch', 'transformers', 'pyarrow')}",
    ]
    return "\n\n".join(parts)


def main() -> None:
    """Make the students and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--jobs", type=int, default=2, help="students made at a time")
    options.add_argument("--only", nargs="+", choices=ROUTES, default=MAIN, help="routes")
    options.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    options.add_argument("--report", action="store_true", help="only write the page")
    options.add_argument("--fresh", action="store_true", help="throw away what is in --work")
    options.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir(), "xner-students"), help="folder"
    )
    chosen = options.parse_args()
    if chosen.fresh:
        shutil.rmtree(chosen.work, ignore_errors=True)
    place = Place(chosen.data, chosen.work, chosen.epochs)
    begin = perf_counter()
    if not chosen.report:
        run(place, chosen.only, chosen.languages, chosen.seeds, chosen.jobs)
    body = page(place, finished(place, chosen.seeds), perf_counter() - begin)
    common.save(chosen.results, "students.md", "Students", body)


if __name__ == "__main__":
    main()
