"""Data sets of the Hugging Face hub, downloaded as Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xner.errors import InputError, MissingExtraError

REVISION = "refs/convert/parquet"
"""Branch on which the hub keeps every data set as `CONFIG/SPLIT/*.parquet`."""


def download(hub: str, configs: Sequence[str], split: str, place: str) -> dict[str, Path]:
    """Download one split of some configurations of a data set, unless they are in the cache.

    Args:
        hub: id of the data set.
        configs: names of the configurations.
        split: name of the split.
        place: entry of the experiment file, for messages.

    Returns:
        The file of each configuration.

    Raises:
        MissingExtraError: huggingface_hub is not installed; it comes with the extra `models`.
        InputError: the data set cannot be downloaded, or a configuration is not in one file.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingExtraError("huggingface_hub", "models") from None
    patterns = [f"{config}/{split}/*.parquet" for config in configs]
    try:
        found = snapshot_download(
            hub, repo_type="dataset", revision=REVISION, allow_patterns=patterns
        )
    except Exception as error:  # the classes depend on the version of huggingface_hub
        reason = " ".join(str(error).split())
        raise InputError(
            f"{place}.hub: {hub} cannot be downloaded ({reason}); check the id, or give a folder"
        ) from None
    return {config: _file(Path(found), config, split, hub, place) for config in configs}


def _file(root: Path, config: str, split: str, hub: str, place: str) -> Path:
    files = sorted((root / config / split).glob("*.parquet"))
    if len(files) != 1:
        many = "no file" if not files else f"{len(files)} files, but one is needed,"
        raise InputError(f"{place}.hub: {hub} has {many} of {config}, split {split}")
    return files[0]
