"""Subwords and language tokens of an M2M100 or NLLB checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from xner.errors import InputError, UsageError
from xner.inference.checkpoints import load, model_signature
from xner.languages import Language

# Codes of M2M100 that differ from the BCP-47 tag of the language.
_M2M100 = {"nso_Latn": "ns", "nob_Latn": "no", "fuv_Latn": "ff", "zho_Hans": "zh"}


class Vocabulary:
    """Tokenizer and configuration of a checkpoint.

    Args:
        name: hub id or folder of the checkpoint.

    Raises:
        InputError: the checkpoint cannot be loaded, or is not an M2M100 or NLLB model.
    """

    def __init__(self, name: str) -> None:
        from transformers import AutoConfig, M2M100Tokenizer, NllbTokenizer
        from transformers.models.auto.tokenization_auto import get_tokenizer_config

        self.config = load(AutoConfig, name, "model")
        if self.config.model_type != "m2m_100":
            raise InputError(
                f"the model {name!r} has the type {self.config.model_type!r}; use an M2M100 or "
                f"NLLB checkpoint (type 'm2m_100')"
            )
        self.name = name
        kind = str(get_tokenizer_config(name).get("tokenizer_class", ""))
        loader = M2M100Tokenizer if kind.startswith("M2M100") else NllbTokenizer
        if loader is M2M100Tokenizer and find_spec("sentencepiece") is None:
            raise InputError(
                f"the tokenizer of {name!r} needs the package 'sentencepiece'; run: pip install "
                f"sentencepiece"
            )
        self.tokenizer: Any = load(loader, name, "tokenizer")
        # The first call changes settings of the tokenizer, which is not safe in several threads.
        self.encode(["a"])

    @property
    def signature(self) -> str:
        """Identifies the checkpoint."""
        return model_signature(self.name, self.config)

    @property
    def end(self) -> int:
        """Id of the end-of-sentence token."""
        return int(self.tokenizer.eos_token_id)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the subword ids of every text, without special tokens."""
        encoded = self.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, padding=False, verbose=False
        )
        return [list(ids) for ids in encoded["input_ids"]]

    def length(self, text: str) -> int:
        """Return the number of subwords of a text."""
        return len(self.encode([text])[0])

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of every row of subword ids."""
        texts = self.tokenizer.batch_decode(
            rows, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [text.strip() for text in texts]

    def language_token(self, language: Language) -> int:
        """Return the id of the token of a language.

        Raises:
            UsageError: the checkpoint does not know the language.
        """
        short = _M2M100.get(language.flores, language.bcp47)
        for token in (language.flores, f"__{short}__"):
            found = self.tokenizer.convert_tokens_to_ids(token)
            if found is not None and found != self.tokenizer.unk_token_id:
                return int(found)
        raise UsageError(
            f"the model {self.name!r} does not know {language.name} ({language.flores}); use a "
            f"model that does, such as facebook/nllb-200-distilled-600M"
        )

    def framed(self, ids: Sequence[int], language: int) -> list[int]:
        """Return source subwords with language and end tokens, as in training."""
        if getattr(self.tokenizer, "legacy_behaviour", False):
            return [*ids, self.end, language]
        return [language, *ids, self.end]
