"""The commands that run a stage: their texts, their input, and how it is opened."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.cli.parsing import CommandParser
from xner.cli.reading import add_links, add_pairs, add_scheme
from xner.cli.stage import LICENCE, Command
from xner.errors import UsageError
from xner.stages.passing import ALL_COLUMNS

if TYPE_CHECKING:
    from xner.corpus import Corpus

_ALL_COLUMNS = ".jsonl or .parquet for all columns"


def _add_file(help_text: str) -> Callable[[CommandParser], None]:
    def add(command: CommandParser) -> None:
        command.add_argument(
            "file", type=Path, metavar="FILE",
            help=f"{help_text} Also a folder, or a quoted pattern such as 'data/*.parquet', for "
            f"several files.",
        )  # fmt: skip
        add_scheme(command)

    return add


def _read_both(options: argparse.Namespace, stage: Any) -> Corpus:
    from xner.corpus import scan

    return scan(
        options.file,
        scheme=options.scheme,
        encoding=options.encoding,
        on_bad_row=options.on_bad_row,
    )


def _read_side(side: Callable[[Any], str]) -> Callable[[argparse.Namespace, Any], Corpus]:
    def read(options: argparse.Namespace, stage: Any) -> Corpus:
        from xner.corpus import scan

        return scan(
            options.file,
            side=side(stage),
            scheme=options.scheme,
            encoding=options.encoding,
            on_bad_row=options.on_bad_row,
        )

    return read


def _read_pairs(options: argparse.Namespace, stage: Any) -> Corpus:
    from xner.corpus import scan

    links = getattr(options, "links", None)
    further = getattr(options, "links_backoff", [])
    if further and links is None:
        raise UsageError("--links-backoff needs --links")
    return scan(
        options.source,
        options.target,
        links=[links, *further] if links else None,
        scheme=options.scheme,
        docstart=options.docstart,
        encoding=options.encoding,
        on_bad_row=options.on_bad_row,
    )


def _add_linked_pairs(command: CommandParser) -> None:
    add_pairs(command)
    add_links(command)
    command.add_argument(
        "--links-backoff", type=Path, action="append", default=[], metavar="FILE", group="input",
        rare=True,
        help="More links, used between words that have none in --links; may be repeated.",
    )  # fmt: skip


COMMANDS = (
    Command(
        "project",
        "Project the entities of SOURCE onto TARGET, its translation.",
        "xner project en.conll de.txt -o de.conll",
        "Projected",
        f"Labelled target: .conll, or {_ALL_COLUMNS}.",
        _add_linked_pairs,
        _read_pairs,
    ),
    Command(
        "translate",
        "Translate one side of a corpus into the other, and split the translation into words.",
        "xner translate en.conll -o de.parquet --source-language en --target-language de",
        "Translated",
        f"{_ALL_COLUMNS}, or .txt for the words of the new side.",
        _add_file("Side to translate (.conll .jsonl .parquet .txt)."),
        _read_side(lambda stage: stage.given),
        lambda stage: str(stage.fill),
        LICENCE,
    ),
    Command(
        "easyproject",
        "Translate labelled sentences with markers around their entities. Entities whose markers "
        "are lost are projected along word links.",
        "xner easyproject en.conll -o de.conll --source-language en --target-language de",
        "Translated",
        f"Labelled translation: .conll, or {_ALL_COLUMNS}.",
        _add_file("Labelled sentences (.conll .jsonl .parquet)."),
        _read_side(lambda stage: "source"),
        note=LICENCE,
    ),
    Command(
        "tag",
        "Find the entities of one side of FILE with a tagger.",
        "xner tag en.txt -o en.conll --model "
        "FacebookAI/xlm-roberta-large-finetuned-conll03-english",
        "Tagged",
        f"Labelled side: .conll, or {_ALL_COLUMNS}.",
        _add_file("One side (.txt .conll .jsonl .parquet), or both sides (.jsonl .parquet)."),
        _read_side(lambda stage: stage.side),
        lambda stage: str(stage.side),
    ),
    Command(
        "candidates",
        "Add the spans that a tagger, or a labelled file (--from), finds on the target side as "
        "target candidates, for xner project --candidates spans.",
        "xner candidates de.txt --from de.ner.conll -o de.parquet",
        "Candidates",
        f"{_ALL_COLUMNS}.",
        _add_file("Target side (.txt .conll .jsonl .parquet), or both sides (.jsonl .parquet)."),
        _read_side(lambda stage: "target"),
        formats=ALL_COLUMNS,
    ),
    Command(
        "align",
        "Align the words of SOURCE with the words of TARGET, its translation.",
        "xner align en.conll de.txt -o en-de.align",
        "Aligned",
        f"Pharaoh links with weights (.align), or {_ALL_COLUMNS}.",
        add_pairs,
        _read_pairs,
    ),
    Command(
        "back-translate",
        "Translate the labelled SOURCE back into the language of TARGET, with markers around its "
        "entities.",
        "xner back-translate tagged.parquet -o back.parquet "
        "--source-language en --target-language sw",
        "Translated back",
        f"{_ALL_COLUMNS}.",
        add_pairs,
        _read_pairs,
        note=LICENCE,
        formats=ALL_COLUMNS,
    ),
    Command(
        "refine",
        "Complete the links from source to target with links through the back-translation.",
        "xner refine back.parquet -o refined.parquet",
        "Refined",
        f"Pharaoh links with weights (.align), or {_ALL_COLUMNS}.",
        _add_file("Output of xner back-translate (.jsonl .parquet), with or without links."),
        _read_both,
        formats=(".align", *ALL_COLUMNS),
    ),
    Command(
        "align-target",
        "Project the entities of the back-translation onto the target, within one language.",
        "xner align-target back.parquet -o sw.conll",
        "Projected",
        f"Labelled target: .conll, or {_ALL_COLUMNS}.",
        _add_file("Output of xner back-translate (.jsonl .parquet)."),
        _read_both,
    ),
    Command(
        "strip-affixes",
        "Narrow the character offsets of target entities to what is left without the prefixes and "
        "suffixes of their words, such as Ankara in Ankara'da.",
        "xner strip-affixes projected.jsonl -o stripped.jsonl",
        "Stripped",
        f"{_ALL_COLUMNS}.",
        _add_file("Output of xner project, with links and target_offsets (.jsonl .parquet)."),
        _read_both,
        formats=ALL_COLUMNS,
    ),
)
