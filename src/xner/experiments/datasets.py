"""Loaders of published data sets: they find the files of each language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import structs

from xner.errors import InputError, UsageError, unknown
from xner.experiments.hub import download
from xner.experiments.schema import DataSet, FileEntry, LanguageEntry

Entries = dict[str, LanguageEntry]


def load_data(given: DataSet, folder: Path, place: str) -> Entries:
    """Return the languages of a data set with their files.

    Args:
        given: entry of the section `data`.
        folder: folder of the experiment file.
        place: name of the entry in messages.

    Raises:
        UsageError: the loader or a language is unknown, or neither a folder nor the hub is named.
        InputError: the folder does not exist, or has no files of the data set; or the data set
            cannot be downloaded.
    """
    if given.loader not in LOADERS:
        raise unknown("loader", given.loader, LOADERS, place)
    if (given.folder is None) == (given.hub is None):
        raise UsageError(f"{place}: needs a folder, or hub for a data set of the hub, not both")
    found = _of_folder(given, folder, place) if given.hub is None else _of_hub(given, place)
    wanted = given.languages or list(found)
    for language in wanted:
        if language not in found:
            raise unknown("language", language, found, f"{place}.languages")
    return {language: _encoded(found[language], given.encoding) for language in wanted}


def _of_folder(given: DataSet, folder: Path, place: str) -> Entries:
    assert given.folder is not None
    if given.config is not None:
        raise UsageError(f"{place}.config: only a data set of the hub has configurations")
    root = folder / given.folder
    if not root.is_dir():
        raise InputError(f"{place}.folder: {root}: no such folder; check the path")
    found = LOADERS[given.loader](root, given.split, given.source)
    if not found:
        raise InputError(f"{root}: has no files of {given.loader}, split {given.split}")
    return found


def _of_hub(given: DataSet, place: str) -> Entries:
    """One configuration for each language, with the columns `tokens` and `ner_tags`."""
    assert given.hub is not None
    if not given.languages:
        raise UsageError(f"{place}: a data set of the hub needs languages")
    config = given.config or _CONFIGS.get(given.hub, "{language}")
    parallel = LOADERS[given.loader] in _PARALLEL
    wanted = [*given.languages, *([given.source] if parallel else [])]
    configs = {language: config.replace("{language}", language) for language in wanted}
    downloaded = download(given.hub, list(configs.values()), given.split, place)
    files = {
        language: FileEntry(file=str(downloaded[name].absolute()), format="parquet")
        for language, name in configs.items()
    }
    source = files[given.source] if parallel else None
    return {
        language: LanguageEntry(source=source, gold=files[language]) for language in given.languages
    }


def _encoded(entry: LanguageEntry, encoding: str | None) -> LanguageEntry:
    """The files of a language, with their encoding."""
    files = {name: getattr(entry, name) for name in ("source", "gold")}
    return structs.replace(
        entry,
        **{
            name: structs.replace(file, encoding=encoding)
            for name, file in files.items()
            if isinstance(file, FileEntry)
        },
    )


def _europarl(root: Path, split: str, source: str) -> Entries:
    """`LANG.conll`, or `LANG-europarl.test.conll02` as published; parallel, labelled."""
    if split != "test":
        raise UsageError(f"europarl-ner has no split {split!r}; it only has test")
    endings = (".conll", "-europarl.test.conll02")
    files = _by_language((e, path, path.name) for e in endings for path in root.glob(f"*{e}"))
    return _pairs(files, root, source)


def _parallel(root: Path, split: str, source: str) -> Entries:
    """`LANG.SPLIT.conll` or `LANG.conll`; parallel, labelled on both sides."""
    endings = (f".{split}.conll", ".conll")
    files = _by_language((e, path, path.name) for e in endings for path in root.glob(f"*{e}"))
    files = {name: file for name, file in files.items() if "." not in name}  # other splits
    return _pairs(files, root, source) if files else {}


def _masakhaner(root: Path, split: str, source: str) -> Entries:
    """`LANG/test.txt` as published (CoNLL inside), or `LANG.test.conll`."""
    nested = (
        (f"/{split}.txt", p, f"{p.parent.name}/{p.name}") for p in root.glob(f"*/{split}.txt")
    )
    flat = ((f".{split}.conll", p, p.name) for p in root.glob(f"*.{split}.conll"))
    files = _by_language([*nested, *flat])
    return {language: LanguageEntry(gold=file) for language, file in files.items()}


def _panx(root: Path, split: str, source: str) -> Entries:
    """`LANG/test` as published: `lang:word<TAB>tag`, no suffix."""
    paths = sorted(path for path in root.glob(f"*/{split}") if path.is_file())
    return {
        path.parent.name: LanguageEntry(gold=FileEntry(file=str(path), format="panx"))
        for path in paths
    }


def _pairs(files: dict[str, FileEntry], root: Path, source: str) -> Entries:
    """The languages of parallel labelled files, except the source language."""
    if source not in files:
        raise InputError(f"{root}: has no labelled file of the source language {source!r}")
    return {
        language: LanguageEntry(source=files[source], gold=file)
        for language, file in files.items()
        if language != source
    }


def _by_language(found: Iterable[tuple[str, Path, str]]) -> dict[str, FileEntry]:
    """Return the CoNLL files `(ending, file, name)` by what precedes the ending, sorted."""
    files: dict[str, FileEntry] = {}
    for ending, path, name in found:
        files.setdefault(name.removesuffix(ending), FileEntry(file=str(path), format="conll"))
    return dict(sorted(files.items()))


LOADERS: dict[str, Callable[[Path, str, str], Entries]] = {
    "absa": _parallel,
    "europarl-ner": _europarl,
    "masakhaner2": _masakhaner,
    "massive": _parallel,
    "panx": _panx,
    "uner-pud": _parallel,
    "wikiann": _panx,
    "xsid": _parallel,
    "xtreme": _panx,
}
_PARALLEL = (_europarl, _parallel)
"""Loaders of sets whose source language is labelled too."""
_CONFIGS = {"google/xtreme": "PAN-X.{language}"}
"""Names of configurations on the hub, where they are not the name of the language."""
