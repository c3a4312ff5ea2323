"""`xner demo`: align, project and score a small corpus that the package includes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from xner.cli.command import Command
from xner.cli.parsing import CommandParser
from xner.cli.terminal import grid, print_json, progress
from xner.errors import OutputError
from xner.report import Progress, silent

if TYPE_CHECKING:
    from rich.text import Text

    from xner.corpus import Corpus
    from xner.evaluation.entities import Evaluation

FOLDER = Path(__file__).parent.parent / "demo"
LANGUAGES = {"de": "German", "es": "Spanish", "sw": "Swahili", "ru": "Russian"}
_COLOURS = {"PER": "black on cyan", "LOC": "black on green", "ORG": "black on yellow"}
_SHOWN = {"de": 22, "es": 11, "sw": 38, "ru": 48}
"""The row of the sentence that is shown, by language."""


@dataclass(frozen=True, slots=True)
class Result:
    """One method on one language."""

    language: str
    method: str
    projection: Corpus
    evaluation: Evaluation


def run(options: argparse.Namespace) -> None:
    """Project the demo corpus and show scores and a few sentences, or write its files."""
    if options.files:
        written = write_files(options.files)
        if options.json:
            print_json({"files": [str(path) for path in written]})
        else:
            print(f"{len(written)} files in {options.files}")
        return
    begin = perf_counter()
    with progress(options.quiet or options.json) as tell:
        results = list(demo(tell))
    seconds = perf_counter() - begin
    if options.json:
        print_json(_as_dict(results, seconds))
        return
    _show_sentences(results)
    _show_scores(results, seconds)


def write_files(folder: Path) -> list[Path]:
    """Write the demo corpus as labelled files, `en.conll`, and as plain text, `en.txt`.

    Raises:
        OutputError: the folder or a file cannot be written, or a file exists.
    """
    from xner.corpus import read

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for labelled in sorted(FOLDER.glob("*.conll")):
            rows = read(labelled, side="target").table["target_tokens"].to_pylist()
            text = "".join(" ".join(words) + "\n" for words in rows)
            for name, content in (
                (labelled.name, labelled.read_text("utf-8")),
                (f"{labelled.stem}.txt", text),
            ):
                with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                    file.write(content)
                written.append(folder / name)
    except FileExistsError as error:
        raise OutputError(f"{error.filename} exists; name another folder") from None
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}; name another folder") from None
    return written


def _add_arguments(command: CommandParser) -> None:
    command.add_argument(
        "--files",
        type=Path,
        metavar="FOLDER",
        help="Only write the corpus to this folder, labelled (en.conll) and as text (en.txt).",
    )


def demo(tell: Progress = silent) -> Iterator[Result]:
    """Run every method on every language of the demo corpus."""
    from xner.corpus import read
    from xner.evaluation.entities import evaluate
    from xner.stages.align import align
    from xner.stages.matching_options import METHODS
    from xner.stages.project import Project

    methods = [m for m in METHODS if m != "ilp" or find_spec("ortools")]
    for i, language in enumerate(LANGUAGES):
        gold = FOLDER / f"{language}.conll"
        linked = align(read(FOLDER / "en.conll", gold)).collect()
        for method in methods:
            projection = Project(method=method)(linked)
            yield Result(language, method, projection, evaluate(gold, projection))
        tell("demo", (i + 1) / len(LANGUAGES))


def _as_dict(results: list[Result], seconds: float) -> dict[str, Any]:
    return {
        "results": [
            {
                "language": result.language,
                "method": result.method,
                "f1": result.evaluation.f1,
                **result.projection.report.as_dict(),
                "evaluation": result.evaluation.signature,
            }
            for result in results
        ],
        "total_seconds": round(seconds, 3),
    }


def _show_scores(results: list[Result], seconds: float) -> None:
    methods = list(dict.fromkeys(result.method for result in results))
    rows = []
    for code, name in LANGUAGES.items():
        own = {r.method: r for r in results if r.language == code}
        scores = [f"{100 * own[method].evaluation.f1:.1f}" for method in methods]
        report = own[methods[-1]].projection.report
        lost = report.entities - report.outcomes["projected"]
        rows.append([name, str(report.entities), *scores, str(lost)])
    head = ["English to", "entities", *methods, "lost"]
    sentences = results[0].evaluation.sentences
    title = f"Entity F1, {sentences} sentences per language, no gold labels used, {seconds:.1f} s"
    grid(title, head, rows)
    for method in methods:
        result = next(r for r in results if r.method == method)
        print(result.projection.report.signature)
    print(results[0].evaluation.signature)
    if "ilp" not in methods:
        print("Method ilp needs OR-Tools: pip install 'xner[ilp]'")
    print("\nYour own files: xner project SOURCE.conll TARGET.txt -o OUT.conll")


def _show_sentences(results: list[Result]) -> None:
    from rich.console import Console

    console = Console()
    last = {result.language: result.projection for result in results}
    for language, row in _SHOWN.items():
        record = last[language].table.slice(row, 1).to_pylist()[0]
        console.print(_coloured("en", record["source_tokens"], record["source_entities"]))
        console.print(_coloured(language, record["target_tokens"], record["target_entities"]))
        console.print()


def _coloured(language: str, tokens: list[str], entities: list[dict[str, Any]]) -> Text:
    from rich.text import Text

    line = Text(f"{language}  ", style="dim")
    starts = {e["start"]: e for e in entities}
    word = 0
    while word < len(tokens):
        entity = starts.get(word)
        if entity is None:
            line.append(tokens[word], style="default")
            word += 1
        else:
            text = " ".join(tokens[word : entity["end"]])
            style = _COLOURS.get(entity["label"], "reverse")
            line.append(f"{text} [{entity['label']}]", style=style)
            word = entity["end"]
        line.append(" ")
    return line


COMMAND = Command(
    "Align English with German, Spanish, Swahili and Russian, project its entities with every "
    "method, and score them against gold labels. Needs no download.",
    "xner demo",
    _add_arguments,
    run,
)
