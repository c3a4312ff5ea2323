"""A command that runs a stage on a corpus: read, run, write, print the report."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
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
from xner.cli.flags import add_flags, build_from_flags, flag_of, options_given
from xner.cli.jobs import add_output, check_not_read, engine_of, files_of, output_of, reading_of
from xner.cli.memory import one_heap
from xner.cli.parsing import CommandParser
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError
from xner.options import UNSET, build, options_of
from xner.schemes import SCHEMES
from xner.stages import Stage, find_stage
from xner.stages.passing import ALL_COLUMNS, bare

if TYPE_CHECKING:
    from xner.cli.bad_rows import Bad
    from xner.corpus import Corpus
    from xner.jobs import Finished, Output

LICENCE = "NLLB-200 is licensed CC-BY-NC-4.0: not for commercial use"
_NLLB = ("nllb", "ctranslate2")
"""Translators whose default model is NLLB-200."""
_FREE = "m2m100"
"""Part of the names of models that these translators take too, under another licence."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs a stage.

    Attributes:
        name: name of the command.
        description: first paragraph of `xner COMMAND --help`.
        example: a command line, which ends that page.
        title: heading of the printed report.
        output: help text of `--output`.
        add: adds the input arguments.
        read: opens the input.
        side: the side that is written to files of one side.
        note: the last paragraph of `--help`.
        formats: suffixes of files that can hold the result; empty if all can.
    """

    name: str
    description: str
    example: str
    title: str
    output: str
    add: Callable[[CommandParser], None]
    read: Callable[[argparse.Namespace, Any], Corpus]
    side: Callable[[Any], str] = lambda stage: "target"
    note: str = ""
    formats: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """Name of the stage."""
        return "align_tgt" if self.name == "align-target" else self.name.replace("-", "_")

    def add_arguments(self, command: CommandParser) -> None:
        """Add the arguments of the command to its parser."""
        command.epilog = f"{self.note}." if self.note else None
        self.add(command)
        add_bad_rows(command)
        add_output(command, self.output)
        command.add_argument(
            "--write-scheme", choices=SCHEMES, default="IOB2", rare=True,
            help="Labelling scheme of OUT: IOB1, IOB2, BILOU or IOBES. Default: IOB2.",
        )  # fmt: skip
        add_flags(command, find_stage(self.stage))
        if self.stage in _PROJECTING:
            _add_nmt(command)

    def run(self, options: argparse.Namespace) -> None:
        """Read the input, run the stage, write the result and print the report."""
        from xner.jobs import run_job
        from xner.write import check_output

        output = output_of(options)
        if not output.folder:
            check_output(output.path)
        if self.formats:
            _check_format(output, self.formats)
        check_not_read(output.path, options)
        begin = perf_counter()
        with (
            closing(engine_of(options)) as engine,
            progress(options.quiet or options.json) as tell,
        ):
            stage, further = self._stage(options, output.suffix, tell)
            if stage.threaded:
                one_heap()
            _check_side_file(options, output, "--save-counts", getattr(stage, "save_counts", None))
            _check_side_file(options, output, "--save-model", getattr(stage, "save_model", None))
            _check_side_file(options, output, "--bad-rows", options.bad_rows)
            corpus = stage.fitting(self.read(options, stage))
            if output.folder or stage.lengthy(corpus) or engine.name != "local":
                options.left = "finished parts are kept: the same command continues"
            left_out = list_bad_rows(options, corpus.bad, output.path, further)
            done = run_job(
                stage,
                corpus,
                output,
                side=self.side(stage),
                scheme=options.write_scheme,
                columns=options.columns,
                files=[*files_of(options), *files_to_fit_on(options)],
                reading=reading_of(options),
                engine=engine,
                part_rows=options.part_rows,
                restart=options.restart,
            )
        report = done.report
        if not done.parts:
            report.seconds = perf_counter() - begin
        self._print(options, output, done, left_out, licence_of(stage))

    def _print(
        self,
        options: argparse.Namespace,
        output: Output,
        done: Finished,
        left_out: dict[str, Any],
        licence: str,
    ) -> None:
        report = done.report
        if options.json:
            given = {"warnings": options.warnings, "output": str(output)}
            given |= {"parts": done.parts, "kept_parts": done.kept} if done.parts else {}
            print_json({**report.as_dict(), **left_out, **given})
            return
        signature = f"{report.signature}\n{licence}." if licence else report.signature
        rows = report.rows()
        rows[1:1] = shown_bad_rows(left_out)
        facts(f"{self.title} to {output}{_of_parts(done)}", rows, signature)

    def _stage(
        self, options: argparse.Namespace, suffix: str, tell: Callable[[str, float], None]
    ) -> tuple[Stage, dict[str, Bad]]:
        """The stage, and the bad rows of files that its options name."""
        kind = find_stage(self.stage)
        given = options_given(options, kind)
        if self.stage in _PROJECTING:
            given |= _nmt_given(options, given)
        if given.get("probabilities"):
            _check_probabilities(options.output, suffix)
        further: dict[str, Bad] = {}
        if leaves_out(options):
            given, further = open_fit_on(given)
        return build_from_flags(kind, {**given, "progress": tell}), further


def licence_of(stage: Stage) -> str:
    """The licence of the translation model that a stage runs; empty if it is not restricted."""
    restricted = getattr(stage, "translator", "") in _NLLB
    return LICENCE if restricted and _FREE not in str(getattr(stage, "model", "")).lower() else ""


_PROJECTING = ("project", "align_tgt")
_HARDWARE = ("device", "precision", "batch_tokens")


def _add_nmt(command: CommandParser) -> None:
    """The options of the score `nmt`; where its model runs is shared with the aligner."""
    from xner.score.nmt import NmtOptions

    add_flags(command, NmtOptions, skip=_HARDWARE, prefix="nmt_", optional=True)


def _nmt_given(options: argparse.Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """The options of the score `nmt`; hardware options go to the aligner only if it takes them.

    Raises:
        UsageError: the model or a language is missing.
    """
    from xner.score.nmt import NmtOptions
    from xner.stages.aligner_options import takes

    own = options_given(options, NmtOptions, prefix="nmt_")
    if not own:
        return {}
    required = [name for name, o in options_of(NmtOptions).items() if o.default is UNSET]
    if missing := [flag_of(name, options_of(NmtOptions)[name]) for name in required
                   if name not in own]:  # fmt: skip
        raise UsageError(f"score nmt also needs {' and '.join(missing)}")
    shared = {name: given[name] for name in _HARDWARE if name in given}
    made = {"nmt": build(NmtOptions, {**own, **shared}, place="score nmt")}
    default = options_of(find_stage("project"))["aligner"].default
    for name in shared:
        if not takes(given.get("aligner", default), name):
            del given[name]
    return made


def _check_side_file(
    options: argparse.Namespace, output: Output, flag: str, path: Path | None
) -> None:
    """Raise an error if a further file cannot be written, or would overwrite another one."""
    from xner.write import check_writable

    if path is None:
        return
    others = (output.path, *files_of(options))
    if Path(path).resolve() in [other.resolve() for other in others]:
        raise UsageError(f"{flag} {path}: is an input or the output; name another file")
    check_writable(Path(path))


def _check_probabilities(output: str, suffix: str) -> None:
    if bare(suffix) not in ALL_COLUMNS:
        raise UsageError(f"{output} cannot hold probabilities; write .jsonl or .parquet")


def _check_format(output: Output, formats: tuple[str, ...]) -> None:
    """Raise UsageError if the format of the output cannot hold what the command makes."""
    if bare(output.suffix) not in formats:
        shown = [suffix for suffix in formats if suffix not in (".ndjson", ".pq")]
        raise UsageError(
            f"{output}: {output.suffix} files cannot hold the result; write {' or '.join(shown)}"
        )


def _of_parts(done: Finished) -> str:
    """What to say of a job in several parts, or of one that was finished before."""
    if done.nothing_to_do:
        return ": finished before, nothing was done"
    kept = f", {done.kept:,} of them by earlier runs" if done.kept else ""
    return f" in {done.parts:,} parts{kept}" if done.parts > 1 or kept else ""
