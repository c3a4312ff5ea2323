"""Translation with CTranslate2, which runs converted checkpoints faster than transformers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xner.errors import InputError, MissingExtraError, OutputError, UsageError
from xner.inference.hardware import Hardware
from xner.languages import Language
from xner.translation.engine import CheckpointTranslator, Found, Piece, TranslationEngine
from xner.translation.options import TranslatorOptions
from xner.translation.vocabulary import Vocabulary

_EXTRA = "ctranslate2"


class Ctranslate2Translator(CheckpointTranslator):
    """An NLLB-200 or M2M100 checkpoint in CTranslate2, with one copy on each device.

    The checkpoint is converted once; the converted model is kept in `options.folder`.

    Raises:
        MissingExtraError: ctranslate2, torch or transformers is not installed.
        InputError: the model cannot be loaded or converted, or is of another type.
        OutputError: the converted model cannot be written.
        UsageError: the device or compute type cannot be used.
    """

    def __init__(self, options: TranslatorOptions) -> None:
        if find_spec("ctranslate2") is None:
            raise MissingExtraError("ctranslate2", _EXTRA)
        super().__init__(options)
        self.compute_type = options.compute_type or self.hardware.precision
        converted = _converted(self.vocabulary, self.compute_type, _cache(options.folder))
        self.models = _load_models(converted, self.hardware, self.compute_type)

    @property
    def signature(self) -> str:
        """Checkpoint, search options, hardware and version of ctranslate2."""
        import ctranslate2

        hardware = f"{self.hardware.kind}/{self.compute_type}"
        return self._signed("ctranslate2", hardware, "ctranslate2", ctranslate2.__version__)

    def engine(self, source: Language, target: Language) -> _Engine:
        """Return the engine for a pair of languages."""
        return _Engine(self, source, target)


def _cache(folder: str | Path | None) -> Path:
    if folder is not None:
        return Path(folder)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "xner" / "ctranslate2"


def _converted(vocabulary: Vocabulary, compute_type: str, cache: Path) -> Path:
    """Return the folder of the converted model; convert the model if it does not exist."""
    name = "".join(c if c.isalnum() or c in "-._" else "-" for c in vocabulary.signature)
    folder = cache / f"{name}-{compute_type}"
    if (folder / "model.bin").is_file():
        return folder
    partial = cache / f".{folder.name}.{os.getpid()}.partial"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _convert(vocabulary.name, compute_type, partial)
        if not folder.exists():
            partial.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{cache}: the converted model cannot be written ({error.strerror or error})"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _convert(model: str, compute_type: str, folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    try:
        TransformersConverter(model).convert(str(folder), quantization=compute_type)
    except (ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"CTranslate2 cannot convert the model {model!r} ({reason})") from None


def _load_models(folder: Path, hardware: Hardware, compute_type: str) -> list[Any]:
    import ctranslate2

    models = []
    for device in hardware.devices:
        kind, _, index = device.partition(":")
        try:
            models.append(
                ctranslate2.Translator(
                    str(folder),
                    device=kind,
                    device_index=int(index or 0),
                    compute_type=compute_type,
                )
            )
        except (ValueError, RuntimeError) as error:
            raise UsageError(
                f"CTranslate2 cannot run {compute_type} on {device} "
                f"({str(error).splitlines()[0]}); choose another precision or device"
            ) from None
    return models


class _Engine(TranslationEngine[list[list[str]]]):
    def __init__(
        self, translator: Ctranslate2Translator, source: Language, target: Language
    ) -> None:
        super().__init__(translator, source, target, len(translator.models))
        self.models = translator.models
        self.tokenizer = translator.vocabulary.tokenizer
        self.prefix = [self.tokenizer.convert_ids_to_tokens(self.target)]

    def ready(self, pieces: Sequence[Piece]) -> list[list[str]]:
        """Return the tokens of every piece."""
        return [self.tokenizer.convert_ids_to_tokens(self.framed(piece)) for piece in pieces]

    def search(self, worker: int, batch: list[list[str]], pieces: Sequence[Piece]) -> list[Found]:
        """Translate every piece; a piece whose own limit is exceeded is searched again alone."""
        limit = max(piece.limit for piece in pieces)
        found = self._search(worker, batch, limit)
        for i, piece in enumerate(pieces):
            if len(found[i].ids) + found[i].finished > piece.limit:
                found[i] = self._search(worker, [batch[i]], piece.limit)[0]
        return found

    def _search(self, worker: int, tokens: list[list[str]], limit: int) -> list[Found]:
        import torch

        try:
            results = self.models[worker].translate_batch(
                tokens,
                target_prefix=[self.prefix] * len(tokens),
                beam_size=self.options.beams,
                # The language token counts too.
                max_decoding_length=limit + 1,
                max_input_length=0,
                return_end_token=True,
            )
        except RuntimeError as error:
            if "out of memory" in str(error):
                raise torch.OutOfMemoryError(str(error)) from None
            raise
        return [self._found(result.hypotheses[0]) for result in results]

    def _found(self, tokens: list[str]) -> Found:
        ids = self.tokenizer.convert_tokens_to_ids(tokens)
        finished = bool(ids) and ids[-1] == self.vocabulary.end
        return Found(ids[1 : len(ids) - finished], finished)
