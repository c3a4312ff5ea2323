"""The systems that the quality benchmarks compare, one line each, and the text they may use.

A system is what is given to `xner.align` and to `xner.project`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import xner

Options = Mapping[str, Any]
# Scores of the default, with one of them out or another in its place.
OVERLAP, EDGE, DICTIONARY = {"overlap": 1.0}, {"edge": 0.5}, {"dictionary": 0.25}
LEXICON, ADJACENT = {"lexicon": 1.0}, {"adjacent": 1.0}
FILL = {**LEXICON, **ADJACENT}


@dataclass(frozen=True)
class System:
    """A configuration with a name.

    Attributes:
        name: as it is printed.
        project: options of `xner.project`.
        align: options of `xner.align`, for systems that make their links.
        aligner: its name.
    """

    name: str
    project: Options = field(default_factory=dict)
    align: Options = field(default_factory=dict)
    aligner: str = "native"

    @property
    def seeded(self) -> bool:
        """Whether another seed gives other links."""
        return self.aligner == "native"

    @property
    def pivots(self) -> bool:
        """Whether it can be given the text in other languages."""
        return self.aligner == "native"

    @property
    def available(self) -> bool:
        """Whether its aligner is installed."""
        return self.aligner == "native" or find_spec(self.aligner) is not None


INTERSECTION = {"symmetrisation": "intersection"}
GROWN = {"symmetrisation": "grow-diag-final-and"}
HEURISTIC = System("heuristic", {"preset": "paper-heuristic"})
GREEDY = System("greedy", {"preset": "paper-greedy"})
EXACT = System("exact", {"preset": "paper-greedy", "method": "exact"})
DEFAULT = System("default")

EFLOMAL = [
    replace(system, name=f"{system.name}, eflomal's links", aligner="eflomal")
    for system in (HEURISTIC, GREEDY, EXACT, DEFAULT)
]

# On links made here: every line is a row of the table on Europarl-NER.
MADE = [
    HEURISTIC,
    GREEDY,
    EXACT,
    replace(HEURISTIC, name="heuristic, intersection", align=INTERSECTION),
    replace(EXACT, name="exact, intersection", align=INTERSECTION),
    DEFAULT,
    *EFLOMAL,
]
# On links that are given.
GIVEN = [HEURISTIC, GREEDY, EXACT, DEFAULT]
# Trained on: T-Projection's own labels come first, by themselves.
TAGGERS = [HEURISTIC, GREEDY, DEFAULT, *EFLOMAL[:2]]


def _scored(name: str, *scores: Options, fill: Options = FILL) -> System:
    score = {key: weight for part in scores for key, weight in part.items()}
    return System(name, {"score": score, "fill": fill})


# Each part of the default out. The first line is the default itself.
ABLATION = [
    DEFAULT,
    _scored("alignment for overlap", {"alignment": 1.0}, EDGE, DICTIONARY),
    _scored("no edge", OVERLAP, DICTIONARY),
    _scored("no dictionary", OVERLAP, EDGE),
    _scored("no lexicon", OVERLAP, EDGE, DICTIONARY, fill=ADJACENT),
    _scored("no adjacent", OVERLAP, EDGE, DICTIONARY, fill=LEXICON),
    System("no span longer than 10 words", {"max_span": 10}),
    _scored("overlap alone", OVERLAP, fill={}),
    replace(DEFAULT, name="greedy for exact", project={"method": "greedy"}),
    replace(DEFAULT, name="intersection for soft links", align=INTERSECTION),
    replace(DEFAULT, name="grow-diag-final-and for soft links", align=GROWN),
    replace(DEFAULT, name="one chain for eight", align={"chains": 1}),
]


@dataclass(frozen=True)
class Made:
    """Links, what they cost and what made them."""

    corpus: xner.Corpus
    seconds: float


class Linker:
    """Makes links for systems; what two systems share is made once."""

    def __init__(self, progress: bool = True) -> None:
        self._made: dict[tuple[str, str], Made] = {}
        self._progress = progress

    def link(
        self,
        name: str,
        pairs: xner.Corpus,
        system: System,
        seed: int = 1,
        bulk: xner.Corpus | None = None,
        pivot: Sequence[Path] = (),
    ) -> Made:
        """`pairs` with the links of a system.

        Args:
            name: of the pairs and the text beside them, unique to them.
            pairs: to be aligned.
            system: whose aligner and options.
            seed: for aligners that take one.
            bulk: pairs that the aligner may learn from as well.
            pivot: files of the same text in other languages.
        """
        options = {**system.align, **({"seed": seed} if system.seeded else {})}
        key = (name, f"{system.aligner} {sorted(options.items(), key=str)}")
        if key not in self._made:
            begin = perf_counter()
            if bulk is not None:
                options["fit_on"] = [bulk]
            if pivot:
                options["pivot"] = list(pivot)
            linked = xner.align(pairs, aligner=system.aligner, **options).collect()
            self._made[key] = Made(linked, perf_counter() - begin)
            if self._progress:
                print(f"# {name}: {key[1]}: {self._made[key].seconds:.1f} s", flush=True)
        return self._made[key]


def with_links(folder: Path, source: str, target: str, *links: str) -> xner.Corpus:
    """A pair of files with given links, later ones as backoff; names without suffix."""
    return xner.read(
        folder / f"{source}.conll",
        folder / f"{target}.conll",
        links=[folder / f"{name}.align" for name in links],
    )
