"""The systems that the quality benchmarks compare, one per line, and the links they use.

A system consists of the options of `xner.align` and `xner.project`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import xner

Options = Mapping[str, Any]
# Scores and fills of the default for candidates other than links, to leave one out or replace it.
OVERLAP, EDGE, DICTIONARY = {"overlap": 1.0}, {"edge": 0.5}, {"dictionary": 0.25}
LEXICON, ADJACENT = {"lexicon": 1.0}, {"adjacent": 1.0}
FILL = {**LEXICON, **ADJACENT}


@dataclass(frozen=True)
class System:
    """A configuration with a name.

    Attributes:
        name: printed name.
        project: options of `xner.project`.
        align: options of `xner.align`, for systems that compute their links.
        aligner: name of the aligner.
    """

    name: str
    project: Options = field(default_factory=dict)
    align: Options = field(default_factory=dict)
    aligner: str = "native"

    @property
    def seeded(self) -> bool:
        """Whether the links depend on the seed."""
        return self.aligner == "native"

    @property
    def available(self) -> bool:
        """Whether the aligner is installed."""
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

# Systems with computed links: the rows of the Europarl-NER table.
MADE = [
    HEURISTIC,
    GREEDY,
    EXACT,
    replace(HEURISTIC, name="heuristic, intersection", align=INTERSECTION),
    replace(EXACT, name="exact, intersection", align=INTERSECTION),
    DEFAULT,
    *EFLOMAL,
]
# Systems with given links.
GIVEN = [HEURISTIC, GREEDY, EXACT, DEFAULT]
# Systems whose labels train a tagger; T-Projection's labels are added as the first row.
TAGGERS = [HEURISTIC, GREEDY, DEFAULT, *EFLOMAL[:2]]


def _scored(name: str, *scores: Options, fill: Options = FILL) -> System:
    score = {key: weight for part in scores for key, weight in part.items()}
    return System(name, {"score": score, "fill": fill})


# The default, and the default without each of its parts; then the scores that it is made of.
ABLATION = [
    DEFAULT,
    System("no min_precision", {"min_precision": 0.0}),
    System("no lexicon", {"fill": ADJACENT}),
    System("no adjacent", {"fill": LEXICON}),
    System("no span longer than 10 words", {"max_span": 10}),
    _scored("sum of scores", OVERLAP, EDGE, DICTIONARY),
    _scored("sum of scores, alignment for overlap", {"alignment": 1.0}, EDGE, DICTIONARY),
    _scored("sum of scores, no edge", OVERLAP, DICTIONARY),
    _scored("sum of scores, no dictionary", OVERLAP, EDGE),
    _scored("overlap alone", OVERLAP, fill={}),
    replace(DEFAULT, name="greedy for exact", project={"method": "greedy"}),
    replace(DEFAULT, name="intersection for soft links", align=INTERSECTION),
    replace(DEFAULT, name="grow-diag-final-and for soft links", align=GROWN),
    replace(DEFAULT, name="one chain for eight", align={"chains": 1}),
]


@dataclass(frozen=True)
class Made:
    """Links and the seconds that they took."""

    corpus: xner.Corpus
    seconds: float


class Linker:
    """Computes the links of systems; systems with the same aligner options share them."""

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
    ) -> Made:
        """Return `pairs` with the links of a system.

        Args:
            name: unique name of the pairs and the additional text.
            pairs: the pairs to align.
            system: provides the aligner and its options.
            seed: used by aligners that take a seed.
            bulk: additional pairs to fit the aligner on.
        """
        options = {**system.align, **({"seed": seed} if system.seeded else {})}
        key = (name, f"{system.aligner} {sorted(options.items(), key=str)}")
        if key not in self._made:
            begin = perf_counter()
            if bulk is not None:
                options["fit_on"] = [bulk]
            linked = xner.align(pairs, aligner=system.aligner, **options).collect()
            self._made[key] = Made(linked, perf_counter() - begin)
            if self._progress:
                print(f"# {name}: {key[1]}: {self._made[key].seconds:.1f} s", flush=True)
        return self._made[key]


def with_links(folder: Path, source: str, target: str, *links: str) -> xner.Corpus:
    """Read a pair of files with links, later links as backoff; names have no suffix."""
    return xner.read(
        folder / f"{source}.conll",
        folder / f"{target}.conll",
        links=[folder / f"{name}.align" for name in links],
    )
