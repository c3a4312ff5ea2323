"""Measure one language with one aligner and one system, and keep the result in a file.

A piece is measured again if its text, the code of xner or its settings have changed. Its links are
kept too, and depend only on the text, the aligner's settings and the code of aligners and kernels.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xner
from benchmarks.mistakes import ceiling
from benchmarks.systems import System
from xner.aligners import make_aligner
from xner.evaluation.counts import counted
from xner.experiments.datasets import load_data
from xner.experiments.schema import DataSet, FileEntry
from xner.labels import label_files, label_side

GIVEN = ("awesome", "mgiza.grow_diag_final-and", "simalign.itermax")
"""Aligners whose links are files beside the text (`en-LANG.SPLIT.NAME.align`), where they exist."""
_SOURCES = Path(xner.__file__).parent
_FEW = 50
"""Sentences that compiled code is tried on before it is timed."""


@dataclass(frozen=True, slots=True)
class Language:
    """Parallel text with gold entities on both sides.

    Attributes:
        data: name of the set, with its split if it has several.
        name: name of the language.
        source, gold: labelled files.
    """

    data: str
    name: str
    source: Path
    gold: Path

    def given(self, aligner: str) -> Path:
        """The file with links of an aligner; it need not exist."""
        source, split = self.source.stem.partition(".")[::2]
        rest = f".{split}" if split else ""
        return self.gold.parent / f"{source}-{self.gold.stem.split('.')[0]}{rest}.{aligner}.align"

    @property
    def aligners(self) -> list[str]:
        """Names of the aligners whose links are given."""
        return [name for name in GIVEN if self.given(name).is_file()]

    def digest(self) -> str:
        """A digest of the text and its labels."""
        return digest_of(self.source.read_bytes(), self.gold.read_bytes())


def part_of(language: Language, first: int, last: int, folder: Path) -> Language:
    """Write the sentences `[first, last)` of a language, and the links given for them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for file in (language.source, language.gold):
        corpus = xner.read(file, side="source")
        path = folder / file.name
        corpus.part(first, min(last, len(corpus))).collect().write(path, side="source")
        files.append(path)
    part = Language(language.data, language.name, *files)
    for aligner in language.aligners:
        rows = language.given(aligner).read_text("utf-8").splitlines()[first:last]
        part.given(aligner).write_text("".join(f"{row}\n" for row in rows), "utf-8")
    return part


@dataclass(frozen=True, slots=True)
class Piece:
    """The result of one language, aligner and system.

    Attributes:
        data, language, aligner, system: names.
        counts: int64 (S, 3): correct, projected and gold entities of every sentence.
        ceiling: F1 of a projection that places everything right, given the labels of both sides.
        align_seconds, project_seconds: processor time of all threads and of the packages' programs,
            without compilation; aligning is 0 for given links.
        signature: settings of aligner and projection.
    """

    data: str
    language: str
    aligner: str
    system: str
    counts: NDArray[np.int64]
    ceiling: float
    align_seconds: float
    project_seconds: float
    signature: str

    @property
    def f1(self) -> float:
        """Strict entity F1."""
        return float(f1_of(self.counts.sum(axis=0)))

    @property
    def pairs(self) -> int:
        """Number of sentence pairs."""
        return len(self.counts)


def processor_seconds() -> float:
    """Processor time of this process and of the programs that it has run."""
    return sum(os.times()[:4])


def f1_of(counts: NDArray[Any]) -> NDArray[np.float64]:
    """F1 of counts (..., 3); 0 where there are no entities."""
    total = counts[..., 1] + counts[..., 2]
    return np.asarray(2 * counts[..., 0] / np.maximum(total, 1), np.float64)


def languages_of(loader: str, folder: Path, split: str = "test") -> list[Language]:
    """The languages of a set, by the loader of experiments."""
    given = DataSet(loader=loader, folder=str(folder), split=split)
    found = load_data(given, Path(), loader)
    # A split is part of the name only where the files name it.
    return [
        Language(loader if gold.stem == name else f"{loader} {split}", name, source, gold)
        for name, entry in found.items()
        for source, gold in [(_path(entry.source), _path(entry.gold))]
    ]


def _path(entry: Any) -> Path:
    assert isinstance(entry, FileEntry)
    return Path(entry.file)


class Pieces:
    """Measures pieces, and keeps them in a folder.

    Args:
        folder: where results and links are kept.
        tell: called with a line for everything that is computed.
        options: options of aligners, by name.
    """

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None] = print,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.folder = folder
        self._tell = tell
        self._options = options or {}
        self._signatures: dict[str, str] = {}
        self._warm: set[str] = set()

    def find(self, language: Language, aligner: str, system: System) -> Piece | None:
        """The piece if it is kept and still valid."""
        path = self._path(language, aligner, system)
        if not path.is_file():
            return None
        kept = json.loads(path.read_text("utf-8"))
        return Piece(**{**kept, "counts": np.array(kept["counts"], np.int64).reshape(-1, 3)})

    def measure(self, language: Language, aligner: str, systems: Iterable[System]) -> list[Piece]:
        """The pieces of a language and an aligner; those that are missing are measured."""
        made = []
        for system in systems:
            piece = self.find(language, aligner, system)
            made.append(piece or self._measured(language, aligner, system))
        return made

    def links(self, language: Language, aligner: str) -> tuple[xner.Corpus, float]:
        """The text with links, and the seconds that aligning took."""
        if aligner in language.aligners:
            file = language.given(aligner)
            return xner.read(language.source, language.gold, links=file), 0.0
        path = self.folder / f"links-{self._links_digest(language, aligner)}.parquet"
        if not path.is_file():
            pairs = xner.read(language.source, language.gold)
            self._compile(pairs, aligner)
            begin = processor_seconds()
            linked = xner.align(pairs, aligner=aligner, **self._of(aligner)).collect()
            seconds = processor_seconds() - begin
            self._tell(f"# {language.data} {language.name}, {aligner}: {seconds:.1f} s")
            self.folder.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".json").write_text(json.dumps(seconds), "utf-8")
            linked.write(path)
        return xner.read(path), float(json.loads(path.with_suffix(".json").read_text("utf-8")))

    def _measured(self, language: Language, aligner: str, system: System) -> Piece:
        linked, align_seconds = self.links(language, aligner)
        linked = linked.collect()
        if system.name not in self._warm:
            xner.project(_few(linked), **system.project)
            self._warm.add(system.name)
        begin = processor_seconds()
        out = xner.project(linked, **system.project)
        seconds = processor_seconds() - begin
        piece = Piece(
            language.data,
            language.name,
            aligner,
            system.name,
            sentence_counts(language.gold, out),
            _ceiling(linked, language.gold),
            align_seconds,
            seconds,
            out.report.signature,
        )
        kept = {name: getattr(piece, name) for name in Piece.__slots__}
        text = json.dumps({**kept, "counts": piece.counts.ravel().tolist()})
        path = self._path(language, aligner, system)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        self._tell(f"{language.data} {language.name}, {aligner}, {system.name}: {piece.f1:.4f}")
        return piece

    def _compile(self, pairs: xner.Corpus, aligner: str) -> None:
        """Load compiled code and packages, so that they are not timed."""
        if aligner not in self._warm:
            xner.align(_few(pairs), aligner=aligner, **self._of(aligner))
            self._warm.add(aligner)

    def _path(self, language: Language, aligner: str, system: System) -> Path:
        options = repr(sorted(system.project.items(), key=str))
        key = [language.data, language.name, self._links_digest(language, aligner), options]
        return self.folder / f"piece-{digest_of(repr(key), code_of('**'))}.json"

    def _of(self, aligner: str) -> Mapping[str, Any]:
        return self._options.get(aligner, {})

    def _links_digest(self, language: Language, aligner: str) -> str:
        if aligner in language.aligners:
            return digest_of(language.digest(), language.given(aligner).read_bytes())
        if aligner not in self._signatures:  # that of an encoder reads its weights
            self._signatures[aligner] = make_aligner(aligner, self._of(aligner)).signature
        code = code_of("aligners"), code_of("kernels")
        return digest_of(language.digest(), self._signatures[aligner], *code)


def _few(corpus: xner.Corpus) -> xner.Corpus:
    """The first rows of a corpus."""
    return corpus.part(0, min(_FEW, len(corpus))).collect()


def sentence_counts(gold: Path, projected: xner.Corpus) -> NDArray[np.int64]:
    """int64 (S, 3): correct, projected and gold entities of every sentence."""
    rows = []
    for part in counted(label_files([gold])[0], label_side(projected)):
        each = (part.correct, part.predicted, part.gold)
        found = [np.bincount(side[:, 0], minlength=part.sentences) for side in each]
        rows.append(np.stack(found, axis=1))
    return np.concatenate(rows)


def _ceiling(linked: xner.Corpus, gold: Path) -> float:
    source = linked.table["source_entities"].to_pylist()
    target = label_files([gold])[0].table["entities"].to_pylist()
    return ceiling(_spans(source), _spans(target))


def _spans(rows: Sequence[Sequence[Any]]) -> list[list[tuple[int, int, str]]]:
    return [[(e["start"], e["end"], e["label"]) for e in row] for row in rows]


@cache
def code_of(part: str) -> str:
    """A digest of the code of a package of xner and of its data; `**` are all packages."""
    files = [*_SOURCES.glob(f"{part}/*.py"), *_SOURCES.glob(f"{part}/*.json")]
    return digest_of(*(path.read_bytes() for path in sorted(files)))


def digest_of(*parts: bytes | str) -> str:
    made = sha256()
    for part in parts:
        made.update(sha256(part if isinstance(part, bytes) else part.encode()).digest())
    return made.hexdigest()[:32]
