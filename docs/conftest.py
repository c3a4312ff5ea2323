"""The files that code blocks and docstrings read."""

import os
import shutil

import pytest

# Set before torch is imported: models in examples are too small for two threads.
os.environ["OMP_NUM_THREADS"] = "1"

import xner
from xner import stages
from xner.cli.demo import FOLDER as DEMO

ALSO = {"it": "es", "fr": "es"}
"""Languages that blocks name and the demo lacks, with the language whose text stands for them."""
PAIRS = [
    *("pairs.parquet", "more.parquet", "web.parquet", "a.parquet", "b.parquet"),
    *("pairs/0.parquet", "en/0.parquet", "de/0.parquet"),
]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Folder of the demo corpus, under the file names that the pages use."""
    folder = tmp_path_factory.mktemp("files")
    for language in ("en", "de", "es", "sw", "ru", *ALSO):
        labelled = DEMO / f"{ALSO.get(language, language)}.conll"
        shutil.copy(labelled, folder / f"{language}.conll")
        side = xner.read(labelled, side="target").table["target_tokens"].to_pylist()
        text = "".join(" ".join(words) + "\n" for words in side)
        for name in (f"{language}.txt", f"more.{language}.txt", f"news.{language}.txt"):
            (folder / name).write_text(text, "utf-8")
    for name in ("gold.conll", "predicted.conll", "dev.conll"):
        shutil.copy(folder / "de.conll", folder / name)
    pairs = xner.read(folder / "en.conll", folder / "de.txt")
    for name in PAIRS:
        (folder / name).parent.mkdir(exist_ok=True)
        pairs.write(folder / name)
    linked = xner.align(pairs)
    for name in ("en-de.align", "predicted.align", "a.align", "b.align"):
        linked.write(folder / name)
    (folder / "gold.txt").write_text("1-1 2-2\n" * len(pairs))
    xner.read(folder / "en.conll", side="source").write(folder / "en.parquet")
    xner.read(folder / "de.conll", side="target").write(folder / "de.parquet")
    return folder


@pytest.fixture
def working_folder(files, tmp_path, monkeypatch):
    """A copy of the files as the current folder; the hub is not asked for models."""
    folder = shutil.copytree(files, tmp_path / "work")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(stages, "_REGISTERED", {})
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder
