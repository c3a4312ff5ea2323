"""An aligner without a model, for tests: it uses a word list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from xner.aligners.custom import FunctionAligner, Link


class FakeAligner(FunctionAligner):
    """Links each source word with its first translation, or else with its first copy.

        xner.align(corpus, aligner=FakeAligner({"dog": "Hund"}))

    Args:
        words: translation of each word, case-sensitive.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__(self._linked)
        self.words = dict(words)

    @property
    def signature(self) -> str:
        """`fake`, the number of words, and a digest of the list."""
        listed = repr(sorted(self.words.items())).encode()
        return f"fake({len(self.words)}#{hashlib.sha256(listed).hexdigest()[:8]})"

    def _linked(self, source: list[list[str]], target: list[list[str]]) -> list[list[Link]]:
        return [
            [
                (i, other.index(wanted))
                for i, word in enumerate(words)
                if (wanted := self.words.get(word, word)) in other
            ]
            for words, other in zip(source, target, strict=True)
        ]
