"""Data sets by name: where the files of each language lie in their folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from xner.errors import InputError, UsageError
from xner.experiments import checks

Entry = dict[str, Any]
_KEYS = ("loader", "folder", "languages", "split", "source")


def load_data(given: Mapping[str, Any], folder: Path, place: str) -> dict[str, Entry]:
    """Entries of the section `languages` for a data set.

    Args:
        given: `loader`, `folder`, and where wanted `languages` (default: all that are there),
            `split` (default: test), and for parallel data the `source` language (default: en).
        folder: what a relative folder is relative to.
        place: names the section in messages.

    Raises:
        UsageError: a key or loader is unknown.
        InputError: there is no such folder or language.
    """
    checks.check_keys(given, _KEYS, place)
    name = checks.text(given.get("loader"), f"{place}.loader")
    if name not in LOADERS:
        raise checks.unknown("loader", name, LOADERS, place)
    root = folder / checks.text(given.get("folder"), f"{place}.folder")
    if not root.is_dir():
        raise InputError(f"{place}.folder: {root}: no such folder; check the path")
    split = checks.text(given.get("split", "test"), f"{place}.split")
    found = LOADERS[name](root, split, checks.text(given.get("source", "en"), f"{place}.source"))
    if not found:
        raise InputError(f"{root}: has no files of {name}, split {split}")
    wanted = checks.listed(given.get("languages"), f"{place}.languages") or list(found)
    for language in wanted:
        if language not in found:
            raise checks.unknown("language", language, found, f"{place}.languages")
    return {language: found[language] for language in wanted}


def _europarl(root: Path, split: str, source: str) -> dict[str, Entry]:
    """`LANG.conll`, or `LANG-europarl.test.conll02` as published; parallel, labelled."""
    if split != "test":
        raise UsageError(f"europarl-ner has no split {split!r}, test alone")
    endings = (".conll", "-europarl.test.conll02")
    files = _by_language((e, path, path.name) for e in endings for path in root.glob(f"*{e}"))
    if source not in files:
        raise InputError(f"{root}: has no labelled file of the source language {source!r}")
    return {
        language: {"source": files[source], "gold": file}
        for language, file in files.items()
        if language != source
    }


def _masakhaner(root: Path, split: str, source: str) -> dict[str, Entry]:
    """`LANG/test.txt` as published (CoNLL inside), or `LANG.test.conll`."""
    nested = (
        (f"/{split}.txt", p, f"{p.parent.name}/{p.name}") for p in root.glob(f"*/{split}.txt")
    )
    flat = ((f".{split}.conll", p, p.name) for p in root.glob(f"*.{split}.conll"))
    files = _by_language([*nested, *flat])
    return {language: {"gold": file} for language, file in files.items()}


def _panx(root: Path, split: str, source: str) -> dict[str, Entry]:
    """`LANG/test` as published: `lang:word<TAB>tag`, no suffix."""
    paths = sorted(path for path in root.glob(f"*/{split}") if path.is_file())
    return {path.parent.name: {"gold": {"file": str(path), "format": "panx"}} for path in paths}


def _by_language(found: Iterable[tuple[str, Path, str]]) -> dict[str, Entry]:
    """`(ending, file, name)` by what stands before the ending, sorted."""
    files: dict[str, Entry] = {}
    for ending, path, name in found:
        files.setdefault(name.removesuffix(ending), {"file": str(path), "format": "conll"})
    return dict(sorted(files.items()))


LOADERS: dict[str, Callable[[Path, str, str], dict[str, Entry]]] = {
    "europarl-ner": _europarl,
    "masakhaner2": _masakhaner,
    "panx": _panx,
    "wikiann": _panx,
}
