"""What a projection did: a summary that grows batch by batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from xner.pipeline.outcome import OUTCOMES
from xner.score.relabel import Change


@dataclass
class Summary:
    """What a projection did, and what made it.

    Attributes:
        sentences: rows seen.
        entities: source entities seen; every one has an outcome.
        spans: target entities written (an entity may give several).
        outcomes: source entities by outcome.
        relabelled: how often a span's label was changed: by words, label before, label after.
        objective: sum of the chosen matching scores.
        bound: no allowed choice of candidates has a larger sum.
        routes: sentences by what settled them (docs/solving.md).
        statuses: sentences by what is known of their choice.
        seconds: wall time, reading, aligning and writing included.
        align_seconds: wall time of the aligner, 0 where the links were given.
        count_seconds: wall time of the first pass, 0 where the scores need none.
        signature: method, settings, aligner, version and seed.
    """

    signature: str = ""
    sentences: int = 0
    entities: int = 0
    spans: int = 0
    outcomes: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(OUTCOMES.values(), 0))
    )
    relabelled: Counter[Change] = field(default_factory=Counter)
    objective: float = 0.0
    bound: float = 0.0
    routes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    align_seconds: float = 0.0
    count_seconds: float = 0.0

    @property
    def sentences_per_second(self) -> float:
        """Rows per second of wall time."""
        return self.sentences / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as it stands in `--json`."""
        return {
            "sentences": self.sentences,
            "entities": self.entities,
            "spans": self.spans,
            "outcomes": dict(self.outcomes),
            "relabelled": [
                {"words": words, "from": old, "to": new, "spans": n}
                for (words, old, new), n in self.relabelled.most_common()
            ],
            "objective": self.objective,
            "bound": self.bound,
            "routes": dict(self.routes),
            "statuses": dict(self.statuses),
            "seconds": round(self.seconds, 4),
            "align_seconds": round(self.align_seconds, 4),
            "count_seconds": round(self.count_seconds, 4),
            "sentences_per_second": round(self.sentences_per_second, 1),
            "signature": self.signature,
        }
