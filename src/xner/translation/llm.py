"""Translation with a language model behind an address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import tee
from typing import Any

from xner.languages import Language
from xner.services.answers import Answers
from xner.services.client import Service
from xner.services.prompts import TRANSLATE, digest, to_translate
from xner.translation.base import Translated
from xner.translation.options import LlmTranslatorOptions


class LlmTranslator:
    """A language model that is asked for translations.

    A text without a usable answer has the outcome `malformed`.
    """

    def __init__(self, options: LlmTranslatorOptions) -> None:
        """Prepare the requests; none is made yet.

        Raises:
            UsageError: the address is missing.
        """
        self._options = options
        self._service = Service(options, str(options.model))
        self.signature = f"llm({options.model}@{self._service.host},prompt:{digest(TRANSLATE)})"
        self._used: Counter[str] = Counter()

    @property
    def usage(self) -> Counter[str]:
        """What was asked so far, and what it cost."""
        return self._used

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """Yield the translation of every text, in order.

        Raises:
            UsageError: the cache cannot be used.
            ServiceError: the service refuses a request, or fails in every attempt.
        """
        prompt = to_translate(source.name, target.name)
        asker = Answers(self._service, self._options, prompt, _fits)
        given, asked = tee(texts)
        answers = asker.of(text for text in asked if text.strip())
        for text in given:
            if not text.strip():
                yield Translated("", "empty_input", 0)
                continue
            answer = next(answers)
            self._used = asker.usage
            if answer is None:
                yield Translated("", "malformed")
            else:
                yield Translated(answer, "translated" if answer.strip() else "empty")


def _fits(text: str, answer: Any) -> bool:
    return isinstance(answer, str)
