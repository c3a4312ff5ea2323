"""Loading models and tokenizers by hub id or folder, with errors that say what to do."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xner.errors import InputError

_SAMPLE = 1 << 20


def load(loader: Any, name: str, what: str, **options: Any) -> Any:
    """`loader.from_pretrained(name, **options)`.

    Args:
        loader: a class of transformers.
        name: hub id, or folder that `save_pretrained` wrote.
        what: the thing that is loaded, for the message.
        **options: for `from_pretrained`.

    Raises:
        InputError: there is no such model, it cannot be reached, or it is of another kind.
    """
    try:
        with quiet():
            return loader.from_pretrained(name, **options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the {what} {name!r} cannot be loaded ({reason}); give a hub id while the hub can be "
            f"reached or its files are in the cache, or a folder that save_pretrained wrote"
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the notes of transformers, and without its bars where nobody watches."""
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
    """Most tokens that a loaded model reads at once; `default` where it does not say."""
    for name, module in model.named_modules():
        if name.rpartition(".")[2] == "position_embeddings" and hasattr(module, "num_embeddings"):
            # RoBERTa counts positions from behind the padding id.
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            return int(module.num_embeddings) - before
    return int(getattr(model.config, "max_position_embeddings", None) or default)


def model_signature(name: str, config: Any = None) -> str:
    """What identifies a checkpoint: hub id and commit, or folder and a digest of its files."""
    folder = Path(name)
    if folder.is_dir():
        return f"{folder.resolve().name}#{_digest(folder)}"
    commit = getattr(config, "_commit_hash", None)
    return f"{name}@{commit[:8]}" if commit else name


def _digest(folder: Path) -> str:
    """Eight hex digits over the names, sizes, first and last MiB of the files that matter."""
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
