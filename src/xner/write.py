"""Writing a corpus: batch by batch, complete or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import ModuleType

import pyarrow as pa

from xner.errors import OutputError, UsageError, XnerWarning
from xner.formats import conll, doccano, format_of, jsonl, panx, pharaoh, text
from xner.formats.files import atomic
from xner.formats.losses import Lost, side_of
from xner.formats.registry import BOTH
from xner.formats.streams import open_output
from xner.overlap import behind
from xner.schemes import check_scheme


@dataclass(frozen=True, slots=True)
class Writing:
    """How batches are written.

    Attributes:
        side: side that is written to files of one side.
        scheme: labelling scheme of tags.
        format: name of the format, if the suffix does not say it.
        language: code of the language, for PAN-X.
    """

    side: str = "target"
    scheme: str = "IOB2"
    format: str | None = None
    language: str | None = None

    def check(self, path: Path) -> ModuleType:
        """Check before any work that `path` can be written; return its format.

        Raises:
            UsageError: the suffix, format, scheme or side is unknown.
            OutputError: its folder is missing or cannot be written to.
        """
        module = format_of(path, name=self.format)
        check_scheme(self.scheme)
        if self.side not in ("source", "target"):
            raise UsageError(f"side is {self.side!r}; choose source or target")
        check_writable(path, folder=module.FORMAT.folder)
        return module


def check_output(path: Path) -> None:
    """Check before any work that `path` can be written; errors are those of `Writing.check`."""
    Writing().check(path)


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Raise OutputError if a file or folder cannot be written."""
    try:
        with atomic(path, folder=folder) as partial:
            raise _EnoughError(partial)
    except _EnoughError:
        pass


class _EnoughError(Exception):
    """Leaves `atomic` without creating the file."""


def write_batches(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    *,
    side: str = "target",
    scheme: str = "IOB2",
    format: str | None = None,  # noqa: A002 - the name of the option
    language: str | None = None,
) -> None:
    """Write batches to `path`; arguments and errors are those of `Corpus.write`."""
    write(path, batches, Writing(side, scheme, format, language))


def write(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    how: Writing,
    lost: Lost | None = None,
    *,
    strict: bool = False,
) -> None:
    """Write batches to `path`.

    Args:
        path: the file.
        batches: what to write.
        how: side, scheme and format.
        lost: counts what the format cannot hold; without it, entities that overlap are an error,
            and those that begin or end inside a word a warning.
        strict: raise OutputError if something is lost; nothing is written.
    """
    module = how.check(path)
    form = module.FORMAT
    widened = Lost()
    if lost is not None:
        batches = (lost.fitted(batch, form, how.side) for batch in batches)
    else:
        batches = (widened.noted(batch, form, how.side) for batch in batches)
    with atomic(path, folder=form.folder) as partial:
        with _opened(module, partial, path, batches, how) as (put, rest):
            behind(put, rest)
        if strict and lost is not None and lost.counts:
            raise OutputError(f"{path}: {form.title} cannot hold {lost}; nothing was written")
    if widened.counts:
        message = f"{path}: {form.title} cannot hold {widened}; their whole words are written"
        warnings.warn(message, XnerWarning, stacklevel=3)


Put = Callable[[pa.RecordBatch], object]


@contextmanager
def _opened(
    module: ModuleType, partial: Path, path: Path, batches: Iterable[pa.RecordBatch], how: Writing
) -> Iterator[tuple[Put, Iterable[pa.RecordBatch]]]:
    """A function that writes a batch, and the batches."""
    if BOTH not in module.FORMAT.keeps and module is not pharaoh:
        batches = (_one_side(batch, how.side, path) for batch in batches)
    if not hasattr(module, "writer"):
        with open_output(partial, path) as file:
            yield lambda batch: file.write(_render(module, batch, path, how)), batches
        return
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        raise OutputError(f"{path}: there are no rows to write")
    with module.writer(partial, path, first.schema) as writer:
        yield writer.write_batch, chain([first], rest)


def _one_side(batch: pa.RecordBatch, side: str, path: Path) -> pa.RecordBatch:
    own = side_of(batch, side)
    if "tokens" not in own.schema.names:
        raise UsageError(f"{path}: the corpus has no column '{side}_tokens' to write")
    return own


def _render(module: ModuleType, batch: pa.RecordBatch, path: Path, how: Writing) -> bytes:
    """The bytes of a batch in a format of lines."""
    if module is jsonl:
        return jsonl.render(batch)
    if module is pharaoh:
        if "links" not in batch.schema.names:
            raise UsageError(f"{path}: the corpus has no column 'links' to write")
        return pharaoh.render(batch["links"])
    if module is text:
        return text.render(batch["tokens"], batch["id"], path)
    if module is doccano:
        return doccano.render(batch)
    words = batch["tokens"], batch["entities"], batch["id"], path, how.scheme
    return panx.render(*words, how.language) if module is panx else conll.render(*words)
