"""The columns that a file must be read for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_UNNAMED = ("tokens", "entities", "tags", "ner_tags", "text", "offsets", "entity_offsets")
"""Columns that become those of a side."""
_CHECKED_WITH = {
    "entities": ("tokens",),
    "tags": ("tokens",),
    "candidates": ("tokens",),
    "offsets": ("tokens", "text"),
    "entity_offsets": ("tokens", "text", "offsets", "entities", "tags"),
    "probabilities": ("tokens", "tagset"),
}
"""Columns that validation compares with others of the same side."""


def columns_to_read(wanted: Collection[str], held: Sequence[str]) -> list[str]:
    """The columns that a file must be read for.

    Args:
        wanted: columns of the corpus, named for their sides.
        held: columns of the file, named for a side or not.
    """
    needed = {*wanted, *_UNNAMED}
    for side in ("source", "target", "back"):
        if f"{side}_tokens" not in held and any(name.startswith(f"{side}_") for name in wanted):
            needed |= {f"{side}_text", f"{side}_entities"}
    for name in held:
        side, _, kind = name.partition("_")
        if re.sub("(ner_)?tags", "entities", name) in wanted or name in wanted:
            needed |= {name, *(f"{side}_{other}" for other in _CHECKED_WITH.get(kind, ()))}
    return [name for name in held if name in needed]
