"""A translator without a model, for tests: it uses a word list."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from xner.languages import Language
from xner.translation.base import Translated

_WORD = re.compile(r"\w+")


class FakeTranslator:
    """Translates word by word and copies unknown words.

        xner.translate(corpus, "eng", "deu", translator=FakeTranslator({"dog": "Hund"}))

    Args:
        words: translation of each word, case-sensitive.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = dict(words)

    @property
    def signature(self) -> str:
        """`fake`, the number of words, and a digest of the list."""
        listed = repr(sorted(self.words.items())).encode()
        return f"fake({len(self.words)}#{hashlib.sha256(listed).hexdigest()[:8]})"

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """Yield the translation of every text, in order."""
        for text in texts:
            if not text.strip():
                yield Translated("", "empty_input", 0)
                continue
            text = _WORD.sub(lambda word: self.words.get(word[0], word[0]), text)
            yield Translated(text, "translated" if text.strip() else "empty")
