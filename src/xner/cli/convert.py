"""`xner convert`: write a corpus in another format."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

from xner._version import __version__
from xner.cli.bad_rows import add_bad_rows, list_bad_rows, shown_bad_rows
from xner.cli.command import Command
from xner.cli.parsing import CommandParser
from xner.cli.reading import add_links, add_reading
from xner.cli.terminal import facts, print_json, progress
from xner.errors import UsageError, XnerWarning
from xner.schemes import SCHEMES

_EXAMPLES = """examples:
  xner convert projected.parquet projected.spacy
  xner convert projected.parquet tasks.json --labeling-config interface.xml
  xner convert en.conll de.conll pairs.jsonl.zst --links en-de.align
  xner convert esp.train es.conll --from conll --encoding latin-1
"""


def add_arguments(command: CommandParser) -> None:
    """Add the arguments of the command to its parser."""
    command.epilog = f"{_formats()}\n{_EXAMPLES}"
    command.add_argument(
        "inputs", type=Path, nargs="+", metavar="IN",
        help="A file with one side or both, or the files of the source and of the target.",
    )  # fmt: skip
    command.add_argument("output", type=Path, metavar="OUT", help="File or folder to write.")
    command.add_argument(
        "--from", dest="format", metavar="FORMAT", group="input",
        help="Format of IN, one of those below. Default: what its suffix or first line says.",
    )  # fmt: skip
    add_links(command)
    add_reading(command)
    add_bad_rows(command)
    command.add_argument(
        "--to", metavar="FORMAT",
        help="Format of OUT, one of those below. Default: what its suffix says.",
    )  # fmt: skip
    command.add_argument(
        "--side", choices=("source", "target"),
        help="Side to write, if OUT holds one; or the side of an IN whose columns are not named "
        "for one. Default: target.",
    )  # fmt: skip
    command.add_argument(
        "--write-scheme", choices=SCHEMES, default="IOB2", rare=True,
        help="Labelling scheme of OUT: IOB1, IOB2, BILOU or IOBES. Default: IOB2.",
    )  # fmt: skip
    command.add_argument(
        "--language", metavar="CODE", help="Code of the language, such as sw; needed by panx."
    )
    command.add_argument(
        "--labeling-config", type=Path, metavar="FILE",
        help="Also write the labeling interface of the project (.xml); for label-studio.",
    )  # fmt: skip
    command.add_argument(
        "--strict", action="store_true",
        help="Write nothing if OUT cannot hold all of IN. Default: write what it can hold, and "
        "warn.",
    )  # fmt: skip


def _formats() -> str:
    """The list of formats for the help page."""
    from xner.formats import MODULES

    forms = [module.FORMAT for module in MODULES]
    named = ", ".join(f"{form.name} ({' '.join(form.suffixes) or form.title})" for form in forms)
    return f"formats (.gz or .zst may follow the suffix of a text format):\n  {named}.\n"


def run(options: argparse.Namespace) -> None:
    """Convert the files, and say what the output cannot hold."""
    from xner.corpus import scan_as_is
    from xner.formats.losses import Lost
    from xner.write import Writing, check_writable, write

    if len(options.inputs) > 2:
        raise UsageError(
            f"there are {len(options.inputs)} input files; name one, or a source and a target. A "
            f"quoted pattern such as 'data/*.conll' reads several files as one"
        )
    begin = perf_counter()
    how = Writing(options.side or "target", options.write_scheme, options.to, options.language)
    module = how.check(options.output)
    form = module.FORMAT
    if options.labeling_config is not None:
        if not hasattr(module, "labeling_config"):
            raise UsageError("--labeling-config needs --to label-studio")
        check_writable(options.labeling_config)
    corpus, has_ids = scan_as_is(
        *options.inputs,
        links=options.links,
        side=options.side,
        scheme=options.scheme,
        docstart=options.docstart,
        encoding=options.encoding,
        format=options.format,
        on_bad_row=options.on_bad_row,
    )
    left_out = list_bad_rows(options, corpus.bad, options.output, read=options.inputs)
    lost = Lost(has_ids=has_ids)
    with progress(options.quiet or options.json) as tell:
        batches = _told(corpus, tell)
        write(options.output, batches, how, lost, strict=options.strict)
    if options.labeling_config is not None:
        _write_config(options.labeling_config, corpus)
    if lost.counts:
        message = f"{options.output}: {form.title} cannot hold {lost}"
        warnings.warn(message, XnerWarning, stacklevel=2)
    seconds = perf_counter() - begin
    made = {
        "sentences": len(corpus),
        "format": form.name,
        "lost": dict(lost.counts),
        **left_out,
        "seconds": seconds,
        "warnings": options.warnings,
        "output": str(options.output),
    }
    if options.json:
        print_json(made)
        return
    rows = [("output", made["output"]), ("format", form.title)]
    rows += [("sentences", f"{len(corpus):,}"), ("seconds", f"{seconds:,.2f}")]
    rows += shown_bad_rows(left_out)
    rows += [(f"left out: {name}", f"{n:,}") for name, n in lost.counts.items()]
    facts("Converted", rows, f"xner:{__version__}")


def _write_config(path: Path, corpus: Any) -> None:
    """Write the labeling interface for the labels of a corpus."""
    from xner.formats.files import atomic
    from xner.formats.label_studio import labeling_config

    prefixes = [p for p in ("source_", "target_", "") if f"{p}tokens" in corpus.columns]
    names = [f"{p}entities" for p in prefixes if f"{p}entities" in corpus.columns]
    labels = {
        label
        for batch in corpus.select(*names).batches()
        for name in names
        for label in batch[name].flatten().field("label").unique().to_pylist()
    }
    with atomic(path) as partial:
        partial.write_text(labeling_config(labels, prefixes), "utf-8")


def _told(corpus: Any, tell: Any) -> Any:
    """The batches of a corpus; tells the share that was read."""
    done = 0
    for batch in corpus.batches():
        yield batch
        done += batch.num_rows
        tell("convert", done / len(corpus))


COMMAND = Command(
    "Write IN in the format of OUT. What the format cannot hold is counted and left out, with a "
    "warning.",
    "",
    add_arguments,
    run,
)
