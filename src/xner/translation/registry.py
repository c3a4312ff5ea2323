"""Translators by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xner.options import build, unknown
from xner.translation.base import Translator
from xner.translation.options import TranslatorOptions

TRANSLATORS = ("nllb", "ctranslate2")


def make_translator(name: str, options: TranslatorOptions | Mapping[str, Any]) -> Translator:
    """Create a translator by name and load its model.

    Raises:
        UsageError: the name or an option is unknown, or a value is out of range.
        InputError: the model cannot be loaded.
        MissingExtraError: a package is not installed.
    """
    if name not in TRANSLATORS:
        raise unknown("translator", name, TRANSLATORS)
    if isinstance(options, Mapping):
        options = build(TranslatorOptions, options, place=f"translator {name}")
    if name == "nllb":
        from xner.translation.nllb import NllbTranslator

        return NllbTranslator(options)
    from xner.translation.ctranslate2 import Ctranslate2Translator

    return Ctranslate2Translator(options)
