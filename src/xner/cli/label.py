"""`xner label`: from text to labels in another language, with all stages in one command."""

from __future__ import annotations

import argparse
import os
import shutil
from collections import Counter
from contextlib import closing
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from xner.cli.bad_rows import (
    add_bad_rows,
    files_to_fit_on,
    leaves_out,
    list_bad_rows,
    open_fit_on,
    shown_bad_rows,
)
from xner.cli.command import Command
from xner.cli.flags import add_flags, build_from_flags, flags_of, options_given
from xner.cli.jobs import add_output, check_not_read, engine_of, files_of, output_of, reading_of
from xner.cli.memory import one_heap
from xner.cli.parsing import CommandParser
from xner.cli.reading import add_reading, add_target
from xner.cli.stage import LICENCE, licence_of
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError
from xner.options import UNSET, options_of
from xner.schemes import SCHEMES
from xner.stages import Stage, find_stage
from xner.stages.chain import CHAIN, DECIDED, needed_stages
from xner.stages.passing import ALL_COLUMNS, bare

if TYPE_CHECKING:
    from xner.cli.bad_rows import Bad
    from xner.corpus import Corpus
    from xner.jobs import Finished, Output
    from xner.report import Progress

_COMMON = {
    "tag": ("model",),
    "translate": ("source_language", "target_language", "fill", "translator", "model"),
    "project": ("aligner",),
}
"""Options on the short help page."""
_TITLES = {"tag": "Tagged", "translate": "Translated", "project": "Projected"}
_REASONS = {"tag": "the source has labels", "translate": "both sides are given"}


@cache
def chain_flags() -> dict[str, dict[str, str]]:
    """Return the flags of the options of all stages, by stage and name.

    An option has the flag that it has in the command of its stage. If several stages have the
    same flag, it is preceded by the name of the stage, such as `--tag-model`.
    """
    own = {
        stage: {n: f for n, f in flags_of(find_stage(stage)).items() if n not in DECIDED[stage]}
        for stage in CHAIN
    }
    known = Counter(flag for flags in own.values() for flag in flags.values())
    return {
        stage: {
            name: flag if known[flag] == 1 else f"--{stage}-{flag.removeprefix('--')}"
            for name, flag in flags.items()
        }
        for stage, flags in own.items()
    }


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    command.epilog = f"{LICENCE}."
    command.add_argument(
        "source", type=Path, metavar="SOURCE",
        help="Text, labelled or not (.txt .conll .jsonl .parquet), or both sides. Here and below "
        "also a folder, or a quoted pattern, for several files.",
    )  # fmt: skip
    add_target(command)
    add_reading(command)
    add_bad_rows(command)
    add_output(command, "Labelled target: .conll, or .jsonl or .parquet for all columns.")
    command.add_argument(
        "--write-scheme", choices=SCHEMES, default="IOB2", rare=True,
        help="Labelling scheme of OUT: IOB1, IOB2, BILOU or IOBES. Default: IOB2.",
    )  # fmt: skip
    command.add_argument(
        "--keep", type=Path, metavar="FOLDER",
        help="Keep the output of each stage in FOLDER. It is in FOLDER/tag and FOLDER/translate, "
        "as Parquet. Without it, the folder is hidden beside OUT, and removed at the end.",
    )  # fmt: skip
    command.add_argument(
        "--report", type=Path, metavar="REPORT",
        help="Also write the HTML page of xner report. OUT must have all columns.",
    )  # fmt: skip
    for stage, flags in chain_flags().items():
        add_flags(
            command, find_stage(stage), prefix=f"{stage}_", flags=flags, common=_COMMON[stage],
            optional=True,
        )  # fmt: skip
    command.set_defaults(left="finished parts are kept: the same command continues")


def run(options: argparse.Namespace) -> None:
    """Run the stages that the input needs, and print what each did."""
    from xner.jobs.chain import run_chain

    output = output_of(options)
    check_not_read(output.path, options)
    _check_report(options, output)
    folder = options.keep or output.path.with_name(f".{output.path.name}.label")
    begin = perf_counter()
    with closing(engine_of(options)) as engine, progress(options.quiet or options.json) as tell:
        given = {name: options_given(options, find_stage(name), f"{name}_") for name in CHAIN}
        corpus = _read(options, given["translate"].get("fill", "target"))
        further: dict[str, Bad] = {}
        if leaves_out(options):
            given["project"], further = open_fit_on(given["project"])
            if corpus.bad and "pivot" in given["project"]:
                raise UsageError(
                    "--pivot cannot be used if bad rows are left out; remove them from all files, "
                    "or run translate and project one by one"
                )
        stages = _stages(given, corpus, tell)
        if all(stage.threaded for stage in stages):
            one_heap()
        left_out = list_bad_rows(options, corpus.bad, output.path, further)
        done = run_chain(
            stages, corpus, output, folder, files=[*files_of(options), *files_to_fit_on(options)],
            reading=reading_of(options),
            engine=engine, restart=options.restart, part_rows=options.part_rows,
            scheme=options.write_scheme, columns=options.columns,
        )  # fmt: skip
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        if options.report is not None:
            from xner.review.writing import write_report

            write_report(output.path, options.report, progress=tell)
    _print(options, output, stages, done, left_out, perf_counter() - begin)


def _check_report(options: argparse.Namespace, output: Output) -> None:
    if options.report is not None and (
        bare(output.suffix) not in ALL_COLUMNS or options.columns != "all"
    ):
        raise UsageError("--report needs all columns in OUT; write .jsonl or .parquet")


def _read(options: argparse.Namespace, fill: str) -> Corpus:
    """The text: two files, one with both sides, or one of the side that is translated."""
    from xner.corpus import scan

    reading = reading_of(options)
    if options.target is not None:
        return scan(options.source, options.target, **reading)
    return scan(options.source, side="target" if fill == "source" else "source", **reading)


def _stages(given: dict[str, dict[str, Any]], corpus: Corpus, tell: Progress) -> list[Stage]:
    """The stages that the text needs.

    Raises:
        UsageError: an option is missing, or belongs to a stage that is not needed.
    """
    flags = chain_flags()
    needed = needed_stages(corpus.columns, given["translate"].get("fill", "target"))
    for stage in CHAIN:
        if given[stage] and stage not in needed:
            flag = flags[stage][next(iter(given[stage]))]
            raise UsageError(f"{flag} has no effect, because {_REASONS[stage]}; leave it out")
    stages = []
    for name in needed:
        kind = find_stage(name)
        for option, declared in options_of(kind).items():
            if declared.default is UNSET and option not in given[name]:
                raise UsageError(f"{flags[name][option]} is missing; translating the text needs it")
        made = build_from_flags(kind, {**given[name], "progress": tell}, flags=flags[name])
        made.ready()
        stages.append(made)
    return stages


def _print(
    options: argparse.Namespace,
    output: Output,
    stages: list[Stage],
    done: list[Finished],
    left_out: dict[str, Any],
    seconds: float,
) -> None:
    reports = {stage.name: own.report for stage, own in zip(stages, done, strict=True)}
    last = reports["project"]
    if options.json:
        steps = {name: report.as_dict() for name, report in reports.items()}
        kept = {} if options.keep is None else {"kept": str(options.keep)}
        print_json(
            {**last.as_dict(), **left_out, "seconds": round(seconds, 4), "steps": steps,
             "warnings": options.warnings, "output": str(output), **kept}
        )  # fmt: skip
        return
    for name, report in reports.items():
        place = "" if options.keep is None else f" to {options.keep / name}{os.sep}"
        facts(
            f"{_TITLES[name]}{f' to {output}' if name == 'project' else place}",
            report.rows(),
            report.signature,
        )
    for name, count in shown_bad_rows(left_out):
        print(f"{name}: {count}")
    licence = next(filter(None, map(licence_of, stages)), "")
    print(f"{seconds:,.1f} s. {licence}." if licence else f"{seconds:,.1f} s")


COMMAND = Command(
    "Label text in another language: tag SOURCE, translate it, and project its labels onto the "
    "translation. Labels in SOURCE are kept, and TARGET replaces the translation. With "
    "--translate-fill source, SOURCE is in the target language and gets the labels of its "
    "translation.",
    "xner label en.txt -o sw.conll --source-language en --target-language sw --tag-model MODEL",
    add_arguments,
    run,
)
