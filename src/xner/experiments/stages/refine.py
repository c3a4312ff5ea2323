"""Word links mended by those through a back-translation."""

from __future__ import annotations

from xner.aligners.compose import WAYS
from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.stages import Columns, Settings, Stage, Tell
from xner.experiments.stages.align import check_aligner, seeded, split, without_seed
from xner.pipeline.back import COMBINE, refine

_OWN = {"combine": COMBINE, "paths": WAYS}


def _run(corpus: Corpus, settings: Settings, tell: Tell) -> Corpus:
    own = {name: settings[name] for name in _OWN if name in settings}
    aligner, options = split(_of_aligner(settings))
    made: Corpus = refine(
        corpus,
        aligner=aligner,
        aligner_options=without_seed(aligner, options),
        **own,
        progress=tell,
    )
    return made


def _of_aligner(settings: Settings) -> Settings:
    return {name: value for name, value in settings.items() if name not in _OWN}


def _check(settings: Settings) -> None:
    for name, known in _OWN.items():
        if settings.get(name, known[0]) not in known:
            raise UsageError(f"{name} is {settings[name]!r}; choose one of {', '.join(known)}")
    if idle := [name for name in ("links", "fit_on", "pivot") if name in settings]:
        raise UsageError(f"{idle[0]} is for the links that are there, under align; leave it out")
    check_aligner(*split(_of_aligner(settings)))


STAGE = Stage(
    name="refine",
    run=_run,
    columns=lambda settings: Columns(
        needs=("source_tokens", "target_tokens", "back_tokens"),
        makes=("links",),
        uses=("links",),
        replaces=True,
    ),
    settings=None,
    files=frozenset({"model"}),
    check=_check,
    seeded=seeded,
)
