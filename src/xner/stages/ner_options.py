"""Options of the NER scores."""

from __future__ import annotations

from xner.effects import when
from xner.options import declare, option, options_of
from xner.score.scene import NER, NerSettings

SCORES = ("ner", "ner_spans")
"""Scores that read the probabilities of tags."""
COLUMNS = ("target_probabilities", "target_tagset")
"""Columns that they need."""
_GROUP = "scoring"
_USED = when("score ner or ner_spans", tagged=True)


@declare
class NerOptions:
    """How the scores `ner` and `ner_spans` are computed (Politov et al. 2025)."""

    ner_alpha: float = option(
        NER.alpha,
        "NER scores: factor for each word after the first of a span that is predicted entirely.",
        ge=1,
        unit="FACTOR",
        group=_GROUP,
        when=_USED,
        sign="ner_alpha:{:g}",
        rare=True,
    )
    ner_threshold: float = option(
        NER.threshold,
        "NER scores: a score that is not above this counts as 0.",
        ge=0,
        unit="SCORE",
        group=_GROUP,
        when=_USED,
        sign="ner_threshold:{:g}",
        rare=True,
    )
    ner_longest: int = option(
        NER.longest,
        "NER scores: number of words up to which the factor grows.",
        ge=1,
        unit="WORDS",
        group=_GROUP,
        when=_USED,
        sign="ner_longest:{}",
        rare=True,
    )

    @property
    def ner(self) -> NerSettings:
        """The settings of the scores."""
        return NerSettings(self.ner_alpha, self.ner_threshold, self.ner_longest)

    @property
    def changed_ner(self) -> list[str]:
        """Names of the settings that differ from their defaults."""
        declared = options_of(NerOptions)
        return [name for name, o in declared.items() if getattr(self, name) != o.default]
