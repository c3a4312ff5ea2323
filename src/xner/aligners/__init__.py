"""Word aligners by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ClassVar, Protocol

from xner.aligners.bitext import Bitext, Links
from xner.errors import unknown
from xner.options import build


class Aligner(Protocol):
    """Interface of aligners: any object with `align` and `signature` can be used as one."""

    @property
    def signature(self) -> str:
        """Name, settings and seed."""
        ...

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair; `progress` is called with the fraction done."""
        ...


class NamedAligner(Aligner, Protocol):
    """An aligner of xner, a dataclass whose fields declare its options (`xner.options`).

    Attributes:
        fitted: it is fitted on the bitext that it aligns, so more bitext (`fit_on`) can help.
        random: its links depend on random numbers; without an option `seed`, they differ from
            run to run.
        pivots: it computes link probabilities (`xner.aligners.pivot.SoftAligner`), so it can
            align through further languages.
    """

    fitted: ClassVar[bool]
    random: ClassVar[bool]
    pivots: ClassVar[bool]


_CLASSES = {
    "native": "native.NativeAligner",
    "eflomal": "eflomal.EflomalAligner",
    "fast_align": "fast_align.FastAlignAligner",
    "simalign": "simalign.SimAlignAligner",
    "awesome": "awesome.AwesomeAligner",
    "mixture": "mixture.MixtureAligner",
}
ALIGNERS = tuple(_CLASSES)


def aligner_class(name: str) -> type[NamedAligner]:
    """Return the class of an aligner; its module is imported, but not torch.

    Raises:
        UsageError: the name is unknown.
    """
    if name not in _CLASSES:
        raise unknown("aligner", name, ALIGNERS)
    module, _, class_name = _CLASSES[name].partition(".")
    found: type[NamedAligner] = getattr(import_module(f"{__name__}.{module}"), class_name)
    return found


def make_aligner(name: str, options: Mapping[str, Any]) -> Aligner:
    """Create an aligner by name.

    Raises:
        UsageError: the name or an option is unknown, or a value is out of range.
        MissingExtraError: the aligner's package is not installed.
    """
    return build(aligner_class(name), options, place=f"aligner {name}")
