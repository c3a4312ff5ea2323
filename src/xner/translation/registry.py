"""Translators by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xner.errors import unknown
from xner.options import build
from xner.translation.base import Translator
from xner.translation.options import LlmTranslatorOptions, TranslatorOptions

TRANSLATORS = ("nllb", "ctranslate2", "llm")


def make_translator(
    name: str, options: TranslatorOptions | LlmTranslatorOptions | Mapping[str, Any]
) -> Translator:
    """Create a translator by name and load its model.

    Raises:
        UsageError: the name or an option is unknown, or a value is out of range.
        InputError: the model cannot be loaded.
        MissingExtraError: a package is not installed.
    """
    if name not in TRANSLATORS:
        raise unknown("translator", name, TRANSLATORS)
    kind: Any = LlmTranslatorOptions if name == "llm" else TranslatorOptions
    if isinstance(options, Mapping):
        options = build(kind, options, place=f"translator {name}")
    translator: Translator = _class(name)(options)
    return translator


def _class(name: str) -> Any:
    if name == "llm":
        from xner.translation.llm import LlmTranslator

        return LlmTranslator
    if name == "nllb":
        from xner.translation.nllb import NllbTranslator

        return NllbTranslator
    from xner.translation.ctranslate2 import Ctranslate2Translator

    return Ctranslate2Translator
