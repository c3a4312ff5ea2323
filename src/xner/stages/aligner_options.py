"""Options of word aligners, for every stage that aligns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

from xner.aligners import ALIGNERS, Aligner, aligner_class, make_aligner
from xner.aligners.custom import as_aligner
from xner.aligners.model import AlignmentModel
from xner.aligners.native import NativeAligner
from xner.effects import When, when
from xner.options import Option, declare, option, options_of, shown_default
from xner.stages.base import Stage

CLASSES = {name: aligner_class(name) for name in ALIGNERS}
GROUP = "alignment"
_BOUNDS = ("ge", "gt", "le", "lt")


def _owners(name: str) -> dict[str, Option]:
    """The declarations of an option by the aligners that take it."""
    found = {aligner: options_of(kind).get(name) for aligner, kind in CLASSES.items()}
    return {aligner: declared for aligner, declared in found.items() if declared is not None}


def _of_aligners(name: str, **declared: Any) -> Any:
    """An option that aligners declare; None stands for the default of the chosen aligner."""
    owners = _owners(name)
    first = next(iter(owners.values()))
    defaults: dict[str, list[str]] = {}
    for aligner, each in owners.items():
        defaults.setdefault(shown_default(each), []).append(aligner)
    shown = [
        value if len(defaults) == 1 else f"{value} ({', '.join(names)})"
        for value, names in defaults.items()
        if value
    ]
    helps: dict[str, list[str]] = {}
    for aligner, each in owners.items():
        helps.setdefault(each.help, []).append(aligner)
    choices = tuple(dict.fromkeys(chain.from_iterable(each.choices for each in owners.values())))
    bounds = {name: {getattr(each, name) for each in owners.values()} for name in _BOUNDS}
    return option(
        None,
        _help_of(helps),
        choices=choices,
        **{name: values.pop() for name, values in bounds.items() if len(values) == 1},
        default_text=", ".join(shown),
        unit=first.unit,
        group=GROUP,
        rare=first.rare,
        when=_conditions(owners),
        **declared,
    )


def _help_of(helps: Mapping[str, Sequence[str]]) -> str:
    """One help text of those of several aligners.

    Help pages show the first sentence alone, so it holds the first sentences of all texts.
    """
    if len(helps) == 1:
        return next(iter(helps))
    parts = {
        _joined(names): text.removesuffix(".").partition(". ") for text, names in helps.items()
    }
    openings = {owner: first for owner, (first, _, _) in parts.items()}
    more = [f"{owner}: {rest}." for owner, (_, _, rest) in parts.items() if rest]
    if len(set(openings.values())) == 1:
        return " ".join([f"{next(iter(openings.values()))}.", *more])
    opening = "; ".join(
        f"{owner}: {first[0].lower()}{first[1:]}" for owner, first in openings.items()
    )
    return " ".join([f"{opening}.", *more])


def _conditions(owners: Mapping[str, Option]) -> tuple[When, ...]:
    """When an option that aligners take has an effect: with each of them, as it declares."""
    found = []
    for aligner, declared in owners.items():
        for condition in declared.when or (when(),):
            # None stands for the default of the aligner.
            own = options_of(CLASSES[aligner])
            values = {
                name: (*wanted, None) if own[name].default in wanted else wanted
                for name, wanted in condition.values.items()
            }
            found.append(When({"aligner": (aligner,), **values}))
    return _merged(found)


def _merged(conditions: Sequence[When]) -> tuple[When, ...]:
    """The conditions, with those that name an aligner alone in one."""
    alone = [one.values["aligner"][0] for one in conditions if len(one.values) == 1]
    more = [one for one in conditions if len(one.values) > 1]
    return (*([when(aligner=tuple(alone))] if alone else []), *more)


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@declare
class AlignerOptions(Stage):
    """A stage that can align words: the aligner and its options."""

    aligner: str | Aligner = option(
        "native",
        "Word aligner: native, eflomal, fast_align, simalign, awesome, mixture or module:name. "
        "`native` needs no model and no other package, `eflomal` and `fast_align` are other "
        "statistical aligners, `simalign` and `awesome` use a pretrained encoder, `mixture` is "
        "`native` with a pretrained encoder. `module:name` is your own function, which can also "
        "be given in Python (docs/plugins.md).",
        choices=ALIGNERS,
        adapt=as_aligner,
        group=GROUP,
    )
    seed: int | None = _of_aligners("seed")
    symmetrisation: str | None = _of_aligners("symmetrisation")
    threshold: float | None = _of_aligners("threshold", flag="--link-threshold")
    chains: int | None = _of_aligners("chains")
    effort: float | None = _of_aligners("effort")
    fit_pairs: int | None = _of_aligners("fit_pairs")
    iterations: int | None = _of_aligners("iterations")
    favor_diagonal: bool | None = _of_aligners("favor_diagonal", flag="")
    units: str | None = _of_aligners("units")
    model: str | Path | AlignmentModel | None = _of_aligners("model", names="model")
    layer: int | None = _of_aligners("layer")
    matching: str | None = _of_aligners("matching")
    token_type: str | None = _of_aligners("token_type")
    distortion: float | None = _of_aligners("distortion")
    extraction: str | None = _of_aligners("extraction")
    combination: str | None = _of_aligners("combination")
    device: str | None = _of_aligners("device")
    precision: str | None = _of_aligners("precision")
    batch_tokens: int | None = _of_aligners("batch_tokens")

    @property
    def aligner_options(self) -> dict[str, Any]:
        """The options of the aligner that were given."""
        names = (name for name in options_of(AlignerOptions) if name not in _NOT_OF_ALIGNERS)
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return given | ({"model": str(self.model)} if isinstance(self.model, Path) else {})

    def make_aligner(self) -> Aligner:
        """The aligner with its options.

        Raises:
            UsageError: the aligner does not take an option.
            MissingExtraError: its package is not installed.
        """
        if isinstance(self.aligner, str):
            return make_aligner(self.aligner, self.aligner_options)
        return self.aligner

    @property
    def pretrained(self) -> bool:
        """Whether the aligner is a pretrained encoder, which is not fitted on the corpus."""
        return isinstance(self.aligner, str) and not CLASSES[self.aligner].fitted

    @property
    def by_part(self) -> bool:
        """Whether the links of a sentence pair do not depend on other pairs."""
        return self.pretrained or (self.aligner == "native" and self.model is not None)

    def with_aligner(self) -> Self:
        """The stage with its model in memory, for several parts."""
        aligner = self.make_aligner()
        if isinstance(aligner, NativeAligner):
            return replace(self, model=aligner.fitted_model)
        return replace(self, **NO_ALIGNER, aligner=aligner)


_NOT_OF_ALIGNERS = {"aligner", *options_of(Stage)}
NO_ALIGNER = {name: None for name in options_of(AlignerOptions) if name not in _NOT_OF_ALIGNERS}


def takes(aligner: str | Aligner, name: str) -> bool:
    """Whether an aligner takes an option."""
    return isinstance(aligner, str) and aligner in _owners(name)


def is_random(aligner: str | Aligner) -> bool:
    """Whether an aligner gives other links for another seed, or in every run."""
    return isinstance(aligner, str) and bool(getattr(CLASSES.get(aligner), "random", False))


def without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without the seed of the run, if the aligner takes none."""
    aligner = settings.get("aligner", "native")
    varies = is_random(aligner) and not takes(aligner, "seed")
    return {name: v for name, v in settings.items() if name != "seed" or not varies}
