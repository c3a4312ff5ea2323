"""Functions as translators, and checks of what translators return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from xner.callables import Function, ResultError, as_component, grouped, is_text
from xner.languages import Language
from xner.translation.base import OUTCOMES, Translated, Translator

TranslateFunction = Callable[[list[str], Language, Language], Iterable[str | Translated]]
"""A function that translates: takes texts and their source and target language, returns the
translation of each text, in order. Texts without words are not passed to it."""
BATCH = 64
"""Maximum number of texts per call of a function."""


class FunctionTranslator(Function):
    """A function as a translator.

    >>> from xner.languages import find_language
    >>> shout = FunctionTranslator(lambda texts, source, target: [t.upper() for t in texts])
    >>> english, german = find_language("en"), find_language("de")
    >>> [one.text for one in shout.translate(["a dog", ""], english, german)]
    ['A DOG', '']
    """

    kind = "translator"
    function: TranslateFunction

    def translate(
        self, texts: Iterable[str], source: Language, target: Language
    ) -> Iterator[Translated]:
        """Yield the translation of every text, in order."""
        before = 0
        for group in grouped(texts, BATCH):
            asked = [text for text in group if text.strip()]
            results = self.results(asked, before, source, target)
            found = iter(results)
            for text in group:
                yield next(found) if text.strip() else Translated("", "empty_input", 0)
            before += len(group)


def as_translator(given: Any) -> Translator:
    """Return a translator as it is, and a function as a translator.

    Raises:
        UsageError: `given` is neither.
    """
    translator: Translator = as_component(given, FunctionTranslator, Translator)
    return translator


def checked(
    translator: Translator, texts: Iterable[str], source: Language, target: Language
) -> Iterator[Translated]:
    """Yield the translations of a translator; text alone counts as `translated`, or as `empty`.

    Raises:
        ResultError: a result is not text, has an unknown outcome, or there are too few or too many.
    """
    taken = done = 0

    def counted() -> Iterator[str]:
        nonlocal taken
        for text in texts:
            taken += 1
            yield text

    for result in translator.translate(counted(), source, target):
        if done >= taken:
            raise ResultError(_name(translator), done - 1, "is followed by a result too many")
        if fault := _fault(result):
            raise ResultError(_name(translator), done, fault)
        done += 1
        yield _as_translated(result)
    if done < taken:
        raise ResultError(_name(translator), done, "has no translation: results are missing")


def _fault(result: Any) -> str:
    """What is wrong with a result; empty if nothing is."""
    text = result.text if isinstance(result, Translated) else result
    if not isinstance(text, str):
        return f"the translation is {result!r:.80}; it must be text, or a Translated"
    if not is_text(text):
        return f"the translation is {text!r:.80}, which has half of a character (a surrogate)"
    if isinstance(result, Translated) and result.outcome not in OUTCOMES:
        return f"the outcome is {result.outcome!r}; it must be one of {', '.join(OUTCOMES)}"
    return ""


def _as_translated(result: Translated | str) -> Translated:
    if isinstance(result, Translated):
        return result
    return Translated(result, "translated" if result.strip() else "empty")


def _name(translator: Translator) -> str:
    return f"the translator {translator.signature}"
