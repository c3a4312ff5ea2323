"""What the stages that train students share: `train`, `distill`, `self_train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xner.corpus import Corpus
from xner.experiments.stages import MODEL, Columns, Settings, Stage, Tell
from xner.options import build, is_listed, options_of, types_of
from xner.training import require_training
from xner.training.options import StudentOptions

if TYPE_CHECKING:
    from xner.training.student import Trained


def learner(
    name: str,
    options: type[StudentOptions],
    learn: Callable[[Corpus, Settings, Path, Tell], Trained],
    *,
    columns: Callable[[Settings], Columns],
    filled: Callable[[Settings], Settings] = lambda settings: settings,
) -> Stage:
    """A stage that trains a student, for each seed.

    Args:
        name: name of the stage.
        options: the options of the student, which are the settings of the stage.
        learn: trains the student, and continues what a killed run left.
        columns: as in `Stage`.
        filled: settings to check, with stand-ins for those that a run fills in.
    """
    kind: Callable[..., Any] = options
    declared, kinds = options_of(kind), types_of(kind)

    def check(settings: Settings) -> None:
        require_training()
        build(options, filled(settings))

    def named(kind: str) -> frozenset[str]:
        return frozenset(name for name, option in declared.items() if option.names == kind)

    return Stage(
        name,
        None,
        columns,
        tuple(declared),
        check=check,
        seeded=lambda settings: True,
        learn=learn,
        files=named("file"),
        taggers=named("tagger"),
        texts={name: option.text_of for name, option in declared.items() if option.text_of},
        each={name: option.each_of for name, option in declared.items() if option.each_of},
        listed=frozenset(name for name, kind in kinds.items() if is_listed(kind)),
    )


def of_text(settings: Settings) -> Columns:
    """The columns of a stage that learns from text without labels."""
    return Columns((f"{settings.get('side', 'target')}_tokens",), (MODEL,))
