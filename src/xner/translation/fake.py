"""A translator by word list, for tests that need no model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from xner.languages import Language
from xner.translation.base import Translated

_WORD = re.compile(r"\w+")


class FakeTranslator:
    """Puts word for word and copies what it does not know.

        xner.translate(corpus, "eng", "deu", translator=FakeTranslator({"dog": "Hund"}))

    Args:
        words: the word for each word, case and all.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = dict(words)

    @property
    def signature(self) -> str:
        """`fake`, the number of words and a digest of them."""
        listed = repr(sorted(self.words.items())).encode()
        return f"fake({len(self.words)}#{hashlib.sha256(listed).hexdigest()[:8]})"

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """The translation of every text, in their order."""
        for text in texts:
            if not text.strip():
                yield Translated("", "empty_input", 0)
                continue
            made = _WORD.sub(lambda word: self.words.get(word[0], word[0]), text)
            yield Translated(made, "translated" if made.strip() else "empty")
