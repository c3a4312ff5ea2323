"""Translators by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xner.errors import MissingExtraError, UsageError
from xner.translation.base import Translator

TRANSLATORS = ("nllb", "ctranslate2")


def make_translator(name: str, options: Mapping[str, Any]) -> Translator:
    """The translator of that name; options that are None are left out.

    Raises:
        UsageError: unknown name or option, or an option's value makes no sense.
        InputError: the model cannot be loaded.
        MissingExtraError: a package is not installed.
    """
    if name not in TRANSLATORS:
        raise UsageError(f"unknown translator {name!r}; choose one of {', '.join(TRANSLATORS)}")
    given = {option: value for option, value in options.items() if value is not None}
    try:
        if name == "nllb":
            from xner.translation.nllb import NllbTranslator

            return NllbTranslator(**given)
        from xner.translation.ctranslate2 import Ctranslate2Translator

        return Ctranslate2Translator(**given)
    except MissingExtraError:
        raise
    except TypeError as error:
        raise UsageError(f"translator {name}: {error}") from None
