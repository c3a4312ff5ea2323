"""Word links: made by an aligner, or read from files."""

from __future__ import annotations

from inspect import signature
from typing import Any

from xner.aligners import ALIGNERS, make_aligner
from xner.corpus import Corpus, with_links
from xner.errors import MissingExtraError, UsageError
from xner.experiments.checks import unknown
from xner.experiments.stages import Columns, Settings, Stage, Tell
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
        return with_links(corpus, links if _many(links) else [links])
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
