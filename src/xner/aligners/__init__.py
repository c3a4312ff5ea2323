"""Word aligners, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from xner.aligners.bitext import Bitext, Links
from xner.errors import UsageError


class Aligner(Protocol):
    """What an aligner offers: links for a bitext, and a signature of what made them."""

    @property
    def signature(self) -> str:
        """Name, settings and seed."""
        ...

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Links of every pair; `progress` is called with the share that is done."""
        ...


ALIGNERS = ("native", "eflomal", "fast_align", "simalign", "awesome")


def make_aligner(name: str, options: Mapping[str, Any]) -> Aligner:
    """The aligner of that name.

    Raises:
        UsageError: unknown name or option, or an option's value makes no sense.
        MissingExtraError: its package is not installed.
    """
    if name not in ALIGNERS:
        raise UsageError(f"unknown aligner {name!r}; choose one of {', '.join(ALIGNERS)}")
    try:
        if name == "native":
            from xner.aligners.native import NativeAligner

            return NativeAligner(**options)
        if name == "eflomal":
            from xner.aligners.eflomal import EflomalAligner

            return EflomalAligner(**options)
        if name == "simalign":
            from xner.aligners.simalign import SimAlignAligner

            return SimAlignAligner(**options)
        if name == "awesome":
            from xner.aligners.awesome import AwesomeAligner

            return AwesomeAligner(**options)
        from xner.aligners.fast_align import FastAlignAligner

        return FastAlignAligner(**options)
    except (TypeError, ValueError) as error:
        raise UsageError(f"aligner {name}: {error}") from None
