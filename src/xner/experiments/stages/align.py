"""Word links: made by an aligner, or read from files."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner.aligners import ALIGNERS, make_aligner
from xner.columns import LINKS_MADE_BY
from xner.corpus import Corpus, linked_batch, rechunk
from xner.errors import MissingExtraError, ParallelError, UsageError
from xner.experiments.checks import unknown
from xner.experiments.stages import Columns, Settings, Stage, Tell
from xner.formats import format_of, pharaoh
from xner.pipeline.align import align

_BESIDE = ("aligner", "links", "fit_on", "pivot")
_SEEDED = ("native",)
_VARYING = ("eflomal",)
"""Takes no seed, but gives other links every time: it is run once for each seed."""


def split(settings: Settings) -> tuple[Any, dict[str, Any]]:
    """The aligner, and the options that are its own."""
    own = {name: value for name, value in settings.items() if name not in _BESIDE}
    return settings.get("aligner", "native"), own


def without_seed(aligner: Any, own: dict[str, Any]) -> dict[str, Any]:
    """The options, without the seed of the run where the aligner takes none."""
    return {name: v for name, v in own.items() if name != "seed" or aligner not in _VARYING}


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    if "links" in settings:
        links = settings["links"]
        return _with_links(corpus, [Path(p) for p in (links if _many(links) else [links])])
    aligner, own = split(settings)
    return align(
        corpus,
        aligner=aligner,
        fit_on=settings.get("fit_on") or (),
        pivot=settings.get("pivot") or (),
        progress=tell,
        **without_seed(aligner, own),
    )


def _many(value: object) -> bool:
    return isinstance(value, list | tuple)


def _check(settings: Settings) -> None:
    if "links" in settings:
        if idle := [name for name in settings if name != "links"]:
            raise UsageError(f"the links are given, so {idle[0]} would change nothing")
        return
    check_aligner(*split(settings))


def check_aligner(aligner: Any, own: Settings) -> None:
    """Raise UsageError for an aligner or options of it that are not known, or make no sense.

    Raises:
        MissingExtraError: its package is not installed.
    """
    if not isinstance(aligner, str):
        return
    if aligner not in ALIGNERS:
        raise unknown("aligner", aligner, ALIGNERS, "align")
    for name in own:
        known = _options(aligner)
        if known is not None and name not in known:
            raise unknown("option", name, known, f"aligner {aligner}")
    make_aligner(aligner, own)


def _options(aligner: str) -> list[str] | None:
    """The options of an aligner; None where they cannot be told."""
    try:
        return list(signature(type(make_aligner(aligner, {}))).parameters)
    except (UsageError, MissingExtraError):
        return None


def seeded(settings: Settings) -> bool:
    """Whether the aligner gives other links for another seed, or every time."""
    aligner = settings.get("aligner", "native")
    return "links" not in settings and aligner in _SEEDED + _VARYING


def _with_links(pairs: Corpus, paths: list[Path]) -> Corpus:
    """`pairs` with links from files, of which each further one backs off those before it.

    Raises:
        InputError: a file is missing or malformed, or has not one row a pair.
        UsageError: a suffix that does not say links.
    """
    for path in paths:
        rows = format_of(path, pharaoh).count(path)
        if rows != len(pairs):
            raise ParallelError(f"{path}: {rows} rows, but {pairs.origin} has {len(pairs)}")

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        streams = [rechunk(batch for _, batch in pharaoh.read(path)) for path in paths]
        for batch, *parts in zip(pairs.batches(), *streams, strict=True):
            made = linked_batch(batch, [part["links"] for part in parts], paths, done + 1)
            names = ",".join(path.name for path in paths)
            metadata = {**(batch.schema.metadata or {}), LINKS_MADE_BY: f"file({names})".encode()}
            yield made.replace_schema_metadata(metadata)
            done += batch.num_rows

    return Corpus(batches, len(pairs), pairs.origin)


STAGE = Stage(
    name="align",
    run=_run,
    columns=lambda settings: Columns(("source_tokens", "target_tokens"), ("links",)),
    settings=None,
    files=frozenset({"links", "fit_on", "pivot", "model"}),
    listed=frozenset({"links", "fit_on", "pivot"}),
    check=_check,
    seeded=seeded,
)
