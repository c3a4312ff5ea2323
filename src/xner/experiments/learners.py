"""What the stages that make students share: `train`, `distill`, `self_train`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.corpus import Corpus
from xner.errors import UsageError
from xner.experiments.stages import MODEL, Columns, Settings, Stage, Tell
from xner.training import require_training
from xner.training import settings as training

if TYPE_CHECKING:
    from xner.training.student import Trained

_OPTIONS = tuple(field.name for field in fields(training.Settings))
_SHARED = ("side", "labels", "dev", *_OPTIONS)
_SIDES = ("target", "source")


def learner(
    name: str,
    learn: Callable[[Corpus, Settings, Path, Tell], Trained],
    own: tuple[str, ...],
    *,
    columns: Callable[[Settings], Columns],
    check: Callable[[Settings], None] = lambda settings: None,
    **known: Any,
) -> Stage:
    """A stage that makes a student, for each seed.

    Args:
        name: of the stage.
        learn: makes it; goes on with what a killed run left.
        own: settings besides those of every student.
        columns, check: as in `Stage`; a student's own settings are checked here.
        **known: what else `Stage` has.
    """

    def checked(settings: Settings) -> None:
        require_training()
        options = {name: settings[name] for name in _OPTIONS if name in settings}
        try:
            check(settings)
            training.Settings.of(options | _start(settings))
        except TypeError as error:
            raise UsageError(f"a setting has a value of the wrong kind ({error})") from None

    return Stage(
        name,
        None,
        columns,
        (*own, *_SHARED),
        check=checked,
        seeded=lambda settings: True,
        learn=learn,
        **known,
    )


def of_text(settings: Settings) -> Columns:
    """The columns of a stage that learns from text without labels."""
    side = settings.get("side", "target")
    if side not in _SIDES:
        raise UsageError(f"side is {side!r}; choose one of {', '.join(_SIDES)}")
    return Columns((f"{side}_tokens",), (MODEL,))


def _start(settings: Settings) -> dict[str, Any]:
    """A student that starts from another tagger has that for its base."""
    if "start" in settings and not {"base", "from_scratch"} & settings.keys():
        return {"base": settings["start"]}
    return {}
