"""Fuzz the readers: whatever a file holds, they return a corpus or raise an XnerError.

    python -m benchmarks.fuzz --inputs 1000000 --first 0

Every input is made from its number, so a crash is repeated by `--first NUMBER --inputs 1`. Inputs
run in a process of their own, slice by slice: what kills it is found too. The script prints each
place of a crash once, with the number of the input, and exits with 1 if there was one.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache, partial
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

import xner
from benchmarks import mutations
from xner.aligners.bitext import Bitext, Side
from xner.aligners.model import AlignmentModel
from xner.aligners.native import NativeAligner
from xner.columns import row_place
from xner.corpus import Corpus, read_as_is, scan_as_is
from xner.errors import XnerWarning
from xner.experiments.config import load
from xner.formats import conll, format_named, jsonl, panx, parquet, pharaoh, text
from xner.formats.losses import Lost
from xner.score.counts import Counts
from xner.validate import validate
from xner.write import Writing, write

SLICE = 20_000
SAME = 8  # inputs made of one file; the first is not damaged
WHOLE = 0.05  # of the inputs become a corpus; the others are only parsed and checked
SECONDS = 20  # an input that takes longer hangs
PAIRS = 3
AGAIN = ("label-studio", "doccano", "brat", "webanno", "panx")
"""Formats that are read again after they were written."""
Make = Callable[[Random], bytes]
Check = Callable[[Random, Path], Any]


class HangError(BaseException):
    """An input takes too long."""


class DisagreementError(AssertionError):
    """Two ways to read a file give different results."""


def prepare(folder: Path) -> None:
    """Write the valid files that are read together with the damaged ones."""
    (folder / "a.conll").write_text("A\tB-PER\nb\tO\nc\tO\n\n" * PAIRS)
    (folder / "b.txt").write_text("x y z\n" * PAIRS)
    (folder / "c.align").write_text("0-0 1-1\n" * PAIRS)


def use(random: Random, corpus: Corpus, folder: Path) -> None:
    """Read a corpus to its end, and sometimes write it."""
    rows = corpus.table.num_rows
    if rows != len(corpus):
        raise DisagreementError(f"{rows} rows, but a length of {len(corpus)}")
    if random.random() > 0.2:
        return
    name = random.choice(["jsonl", "parquet", "conll", "txt", "align", *AGAIN])
    suffixes = format_named(name).FORMAT.suffixes
    out = folder / f"out{suffixes[0] if suffixes else ''}"
    shutil.rmtree(out, ignore_errors=True)
    lost = Lost() if random.random() < 0.5 else None
    write(out, corpus.batches(), Writing(format=name, language="en"), lost)
    if name in ("jsonl", "parquet") and rows:
        xner.read(out, side=None if "target_tokens" in corpus.columns else "source")
    if name in AGAIN and out.stat().st_size:
        again(corpus, name, out)


def again(corpus: Corpus, name: str, out: Path) -> None:
    """Read what was written: it has as many entities."""
    try:
        read = scan_as_is(out, side="target", format=name).corpus.table
    except xner.FormatError as error:
        if str(error).endswith(("the file is empty", "has no sentences")):
            return
        raise DisagreementError(f"{name} cannot be read again: {error}") from error
    column = next((n for n in ("target_entities", "entities") if n in corpus.columns), None)
    if column is not None and name != "panx":
        made, wanted = (
            sum(map(len, table[column if column in table.column_names else "target_entities"]))
            for table in (read, corpus.table)
        )
        if made != wanted:
            raise DisagreementError(f"{name} has {made} entities of {wanted}")


def pairs(random: Random, folder: Path, *files: Path, **options: Any) -> None:
    """Read files strictly, and sometimes also without bad rows: what is good must be the same."""
    other = random.random()
    reader = xner.scan if other < 0.1 else xner.read
    strict, refused = None, None
    try:
        strict = reader(*files, **options)
        use(random, strict, folder)
    except xner.XnerError as error:
        refused = error
    if other > 0.85:
        kept = xner.read(*files, **options, on_bad_row="quarantine")
        use(random, kept, folder)
        if strict is not None and kept.table.schema.equals(strict.schema) and kept.bad:
            raise DisagreementError(f"strict reading finds nothing, quarantine {kept.bad[0]}")
    if refused is not None:
        raise refused


def alone(module: Any, path: Path) -> None:
    """Parse a file and check its rows; several times as fast as a corpus of it."""
    for line, batch in module.read(path):
        validate(batch, row_place(f"{path}:", line))


def one_side(random: Random, path: Path) -> None:
    """Read a file of one side."""
    if random.random() > WHOLE:
        alone(conll if path.suffix == ".conll" else text, path)
        return
    pairs(random, path.parent, path, side=random.choice(["source", "target"]))


def both_sides(random: Random, path: Path) -> None:
    """Read a file with both sides."""
    if random.random() > WHOLE:
        alone(jsonl if path.suffix == ".jsonl" else parquet, path)
        return
    pairs(random, path.parent, path, side=random.choice([None, None, "source", "target"]))


def with_links(random: Random, path: Path) -> None:
    """Read a file of links with the words that it links."""
    if random.random() > WHOLE:
        alone(pharaoh, path)
        return
    pairs(random, path.parent, path.parent / "a.conll", path.parent / "b.txt", links=path)


def as_it_is(random: Random, path: Path) -> None:
    """Read a file whose columns are not named for a side."""
    if random.random() > WHOLE:
        alone(panx, path)
        return
    use(random, read_as_is(path), path.parent)


def annotated(random: Random, path: Path) -> None:
    """Read a file of an annotation tool."""
    use(random, scan_as_is(path, side=random.choice([None, "target"])).corpus, path.parent)


def saved_dataset(random: Random, path: Path) -> None:
    """Read a saved dataset whose Arrow file is damaged."""
    folder = path.parent / "dataset"
    if not folder.exists():
        shutil.copytree(mutations.dataset_folder(), folder)
    shutil.copy(path, folder / "data-00000-of-00001.arrow")
    use(random, scan_as_is(folder).corpus, path.parent)


def brat_folder(random: Random, path: Path) -> None:
    """Read a folder of brat with a text or annotations that are damaged."""
    folder = path.parent / "brat"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    content = path.read_bytes()
    text, _, annotations = content.partition(b"\x1d")
    (folder / "1.txt").write_bytes(text)
    (folder / "1.ann").write_bytes(annotations)
    use(random, scan_as_is(folder).corpus, path.parent)


def encoded(random: Random, path: Path) -> None:
    """Read a file in other encodings."""
    encoding = random.choice(["latin-1", "cp1252", "utf-16", "utf-8-sig", "shift_jis", "utf-7"])
    use(random, scan_as_is(path, encoding=encoding).corpus, path.parent)


def arrow(random: Random, path: Path) -> None:
    """Make a corpus of a table."""
    use(random, Corpus.from_table(mutations.table(random)), path.parent)


def counts(random: Random, path: Path) -> None:
    """Load corpus statistics."""
    Counts.load(path)


def saved_counts(random: Random) -> bytes:
    """A valid file of corpus statistics."""
    made = Counts("xner")
    made.add(np.arange(1, 9, dtype=np.uint64), np.ones(8, np.int64))
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        made.save(file.name)
        return Path(file.name).read_bytes()


def model(random: Random, path: Path) -> None:
    """Load an alignment model and apply it."""
    NativeAligner(model=AlignmentModel.load(path)).align(_bitext())


@cache
def _bitext() -> Bitext:
    words = Side(np.array([0, 1, 1], np.int32), np.array([0, 1, 3]), ["Nairobi", "lies"])
    return Bitext(words, words)


@cache
def _model() -> AlignmentModel:
    return NativeAligner(chains=1, effort=0.1).fit(_bitext())


def saved_model(random: Random) -> bytes:
    """A valid alignment model."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        _model().save(Path(file.name))
        return Path(file.name).read_bytes()


KINDS: dict[str, tuple[str, Make, Check]] = {
    "CoNLL": ("in.conll", mutations.conll, one_side),
    "PAN-X": ("in", mutations.panx, as_it_is),
    "text": ("in.txt", mutations.text, one_side),
    "JSON lines": ("in.jsonl", mutations.jsonl, both_sides),
    "Parquet": ("in.parquet", mutations.parquet, both_sides),
    "links": ("in.align", mutations.links, with_links),
    "hand alignments": (
        "in.gold", mutations.gold,
        lambda random, path: xner.evaluate_links(path, path.parent / "c.align"),
    ),
    "experiments": ("in.yaml", mutations.experiment, lambda random, path: load(path)),
    "Arrow tables": ("in.arrow", lambda random: b"", arrow),
    "statistics": ("in.npz", saved_counts, counts),
    "alignment models": ("in.npz", saved_model, model),
    "Label Studio": ("in.json", partial(mutations.written, "label-studio"), annotated),
    "doccano": ("in.jsonl", partial(mutations.written, "doccano"), annotated),
    "brat": ("in.brat", mutations.brat, brat_folder),
    "WebAnno TSV": ("in.tsv", partial(mutations.written, "webanno"), annotated),
    "compressed files": ("in.jsonl.gz", mutations.compressed, annotated),
    "encodings": ("in.conll", mutations.conll, encoded),
    "DocBin": ("in.spacy", partial(mutations.written, "spacy"), annotated),
    "datasets": ("in.arrow", mutations.dataset, saved_dataset),
}  # fmt: skip
WEIGHTS = (25, 5, 12, 28, 9, 20, 5, 1, 3, 1, 1, 6, 6, 6, 8, 3, 3, 1, 1)


def run_one(number: int, folder: Path) -> tuple[str, str]:
    """Make and check one input; returns its kind and what came of it: `read` or `refused`."""
    random = Random(number)
    kind, content, other = _file(number // SAME)
    name, _, check = KINDS[kind]
    if number % SAME:
        content = mutations.damaged(random, content, other)
    path = folder / name
    path.write_bytes(content)
    try:
        check(random, path)
    except xner.XnerError:
        return kind, "refused"
    return kind, "read"


@lru_cache(maxsize=2)
def _file(number: int) -> tuple[str, bytes, bytes]:
    """The kind and content of a file, and another file of that kind."""
    random = Random(number)
    kind = random.choices(list(KINDS), WEIGHTS)[0]
    make = KINDS[kind][1]
    return kind, make(random), make(random)


def _place(error: BaseException) -> str:
    """Where an error comes from: the last line of xner that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/xner/" in frame.filename] or frames
    return f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}"


def run_slice(
    first: int, last: int, folder: Path
) -> tuple[Counter[tuple[str, str]], dict[str, Any]]:
    """Check the inputs `[first, last)`; returns how many were read and refused, and crashes."""
    tried: Counter[tuple[str, str]] = Counter()
    crashes: dict[str, Any] = {}
    prepare(folder)
    os.chdir(folder)

    def hangs(*_: object) -> None:
        raise HangError

    signal.signal(signal.SIGALRM, hangs)
    progress = os.open(folder / "number", os.O_CREAT | os.O_WRONLY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", XnerWarning)
        for number in range(first, last):
            os.pwrite(progress, b"%012d" % number, 0)
            signal.alarm(SECONDS)
            try:
                tried[run_one(number, folder)] += 1
            except (Exception, HangError) as error:
                tried["all", "crashed"] += 1
                found = {"number": number, "error": f"{type(error).__name__}: {str(error)[:200]}"}
                crashes.setdefault(_place(error), found)
            finally:
                signal.alarm(0)
    return tried, crashes


def _work(first: int, last: int, folder: Path, answer: Any) -> None:
    answer.send(run_slice(first, last, folder))


def run_apart(first: int, last: int) -> tuple[Counter[tuple[str, str]], dict[str, Any]]:
    """Check a slice in a new process; goes on after an input that kills it."""
    tried: Counter[tuple[str, str]] = Counter()
    crashes: dict[str, Any] = {}
    home = "/dev/shm" if Path("/dev/shm").is_dir() else None
    while first < last:
        with tempfile.TemporaryDirectory(dir=home) as folder:
            context = multiprocessing.get_context("fork")
            receive, send = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(first, last, Path(folder), send))
            process.start()
            send.close()
            try:
                some, others = receive.recv()
                first = last
            except EOFError:
                number = int((Path(folder) / "number").read_text())
                process.join()
                place = f"process killed with {process.exitcode}"
                some = Counter({("all", "crashed"): 1, ("all", "before a kill"): number - first})
                others = {place: {"number": number}}
                first = number + 1
            process.join()
        tried += some
        crashes = others | crashes
    return tried, crashes


def main() -> int:
    """Run slices and print what was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--inputs", type=int, default=100_000)
    options.add_argument("--first", type=int, default=0, help="number of the first input")
    given = options.parse_args()
    pa.set_cpu_count(1)
    for package in ("datasets", "spacy.tokens"):  # once, and not while an input is timed
        with suppress(ImportError):
            import_module(package)
    begin = time.perf_counter()
    tried: Counter[tuple[str, str]] = Counter()
    crashes: dict[str, Any] = {}
    last = given.first + given.inputs
    for first in range(given.first, last, SLICE):
        some, found = run_apart(first, min(first + SLICE, last))
        tried += some
        for place in found.keys() - crashes.keys():
            print(f"{place}: {found[place]}", flush=True)
        crashes = found | crashes
        print(f"{tried.total():,} inputs, {len(crashes)} places of crashes", flush=True)
    seconds = time.perf_counter() - begin
    kinds = {f"{kind}, {outcome}": n for (kind, outcome), n in sorted(tried.items())}
    print(json.dumps({"inputs": tried.total(), "seconds": round(seconds, 1), **kinds}))
    return bool(crashes)


if __name__ == "__main__":
    sys.exit(main())
