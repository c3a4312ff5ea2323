"""Loading of models and tokenizers by hub id or folder."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xner.errors import InputError, MissingExtraError

_SAMPLE = 1 << 20
_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_TOKENIZERS = ("tokenizer*", "vocab*", "*.model", "*.spm")
"""Files of which a folder with a tokenizer has at least one."""
_PATIENCE = 10.0
"""Seconds to wait for the hub before a download."""


def load(loader: Any, name: str, what: str, **options: Any) -> Any:
    """Call `loader.from_pretrained(name, **options)`.

    No code of the model is run: remote code is refused, safetensors are preferred, and a pickled
    file is read with `weights_only`, which is the default of transformers.

    Args:
        loader: a class of transformers.
        name: hub id, or folder written by `save_pretrained`.
        what: what is loaded, for the error message; `tokenizer` must have files in a folder.
        **options: arguments of `from_pretrained`.

    Raises:
        InputError: the model does not exist, cannot be downloaded, is damaged or of another type,
            or needs code of its own.
    """
    check_available(name, what)
    if what == "tokenizer" and _lacks_tokenizer(Path(name)):
        raise InputError(
            f"the folder {name!r} has no tokenizer; copy the files of that of its model into it, "
            f"such as tokenizer.json and tokenizer_config.json"
        )
    try:
        with quiet():
            return loader.from_pretrained(name, trust_remote_code=False, **options)
    except Exception as error:  # what a damaged file raises depends on where the damage is
        if "out of memory" in str(error).lower():
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the {what} {name!r} cannot be loaded ({reason}); use a hub id that is in the cache "
            f"or can be downloaded, or a folder written by save_pretrained"
        ) from None


def _lacks_tokenizer(folder: Path) -> bool:
    # For such a folder, transformers may return a tokenizer whose only subword is [UNK].
    return folder.is_dir() and not any(any(folder.glob(name)) for name in _TOKENIZERS)


def check_available(name: str, what: str, others: str = "") -> None:
    """Check that a model is in a folder or the cache, or that the hub can be reached.

    `from_pretrained` repeats requests for half a minute if the hub cannot be reached.

    Args:
        name: hub id or folder.
        what: what is loaded, for the error message.
        others: what else could be named, for the error message.

    Raises:
        InputError: the model can be neither read nor downloaded.
        MissingExtraError: the packages of the extra `models` are not installed.
    """
    try:
        from huggingface_hub import constants, get_session, try_to_load_from_cache
    except ImportError:
        raise MissingExtraError("transformers", "models") from None
    if Path(name).exists():
        return
    if not _HUB_ID.fullmatch(name):
        raise InputError(
            f"the {what} {name!r} cannot be loaded: there is no such folder; give a hub id or a "
            f"folder that exists{others}"
        )
    cached = try_to_load_from_cache(name, "config.json")
    if constants.HF_HUB_OFFLINE or isinstance(cached, str):
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=_PATIENCE)
    except Exception as error:  # the classes depend on the version of huggingface_hub
        raise InputError(
            f"the {what} {name!r} cannot be loaded: there is no such folder, it is not in the "
            f"cache of the hub, and {constants.ENDPOINT} cannot be reached ({error}){others}"
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Silence messages of transformers, and its progress bars unless stderr is a terminal."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def most_positions(model: Any, default: int) -> int:
    """Return the maximum input length of a model in tokens, or `default` if it has none."""
    for name, module in model.named_modules():
        if name.rpartition(".")[2] == "position_embeddings" and hasattr(module, "num_embeddings"):
            # RoBERTa counts positions from the padding id plus 1.
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            return int(module.num_embeddings) - before
    return int(getattr(model.config, "max_position_embeddings", None) or default)


def model_signature(name: str, config: Any = None) -> str:
    """Identify a checkpoint: hub id and commit, or folder and a digest of its files."""
    folder = Path(name)
    if folder.is_dir():
        return f"{folder.resolve().name}#{_digest(folder)}"
    commit = getattr(config, "_commit_hash", None)
    return f"{name}@{commit[:8]}" if commit else name


def _digest(folder: Path) -> str:
    """Hash names, sizes, and first and last MiB of the model's files to eight hex digits."""
    total = hashlib.sha256()
    suffixes = {".json", ".safetensors", ".bin", ".model", ".txt"}
    for path in sorted(p for p in folder.iterdir() if p.suffix in suffixes):
        size = path.stat().st_size
        total.update(f"{path.name}:{size}".encode())
        with path.open("rb") as file:
            total.update(file.read(_SAMPLE))
            file.seek(max(0, size - _SAMPLE))
            total.update(file.read())
    return total.hexdigest()[:8]
