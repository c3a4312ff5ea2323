"""What a service was asked, in the report of a stage."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xner.report import Figure

_TITLES = {
    "requests": "requests",
    "retries": "repeated requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "from_cache": "sentences from the cache",
    "malformed_answers": "malformed answers",
    "unplaced": "entities that are not in their sentence",
}


class Used:
    """Counts what a tagger or translator asks of a service (its `usage`), part by part."""

    def __init__(self, component: Any) -> None:
        """Count from now on."""
        self._component = component
        self._before = self._usage()

    def since(self) -> Counter[str]:
        """What was asked since the last call."""
        now = self._usage()
        new = Counter(now)
        new.subtract(self._before)
        self._before = now
        return +new

    def _usage(self) -> Counter[str]:
        return Counter(getattr(self._component, "usage", {}))


def _rows(used: Counter[str]) -> list[tuple[str, str]]:
    rows = [(title, f"{used[name]:,}") for name, title in _TITLES.items() if used[name]]
    return rows + ([("cost", f"{used['cost']:,.4f}")] if used["cost"] else [])


def _json(used: Counter[str]) -> dict[str, Any]:
    return {n: round(v, 6) if n == "cost" else v for n, v in sorted(used.items())}


SERVICE = Figure("service", start=(), as_json=_json, as_rows=_rows)
"""The figure of a report; empty without a service."""
