"""The systems that the quality benchmarks compare, one line each, and the text they may use.

A system is what is given to `xner.align` and to `xner.project`. Every part of it that the package
has as an option is written as that option; what the package cannot do yet is done here.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa

import xner

Options = Mapping[str, Any]
PAPER = {"score": {"alignment": 1.0}, "max_span": 10}
# What `xner.align` takes by now; without `fit_on`, more text is aligned along and cut off again.
FIT_ON = "fit_on" in inspect.signature(xner.align).parameters
PIVOT = "pivot" in inspect.signature(xner.align).parameters


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
        return PIVOT and self.aligner == "native"

    @property
    def available(self) -> bool:
        """Whether its aligner is installed."""
        return self.aligner == "native" or find_spec(self.aligner) is not None


INTERSECTION = {"symmetrisation": "intersection"}
HEURISTIC = System("heuristic", {"method": "heuristic"})
GREEDY = System("greedy", {"method": "greedy", **PAPER})
EXACT = System("exact", {"method": "exact", **PAPER})
DEFAULT = System("default")

EFLOMAL = [
    replace(system, name=f"{system.name}, eflomal's links", aligner="eflomal")
    for system in (HEURISTIC, GREEDY, EXACT)
]

# On links made here: every line is a row of the table on Europarl-NER.
MADE = [
    HEURISTIC,
    GREEDY,
    EXACT,
    *(
        replace(system, name=f"{system.name}, intersection", align=INTERSECTION)
        for system in (HEURISTIC, GREEDY, EXACT)
    ),
    DEFAULT,
    *EFLOMAL,
]
# On links that are given.
GIVEN = [HEURISTIC, GREEDY, EXACT, DEFAULT]
# Trained on: T-Projection's own labels come first, by themselves.
TAGGERS = [HEURISTIC, GREEDY, DEFAULT, *EFLOMAL[:2]]
# Each part of the default out. The first line is the default itself.
ABLATION = [
    DEFAULT,
    replace(DEFAULT, name="greedy for exact", project={"method": "greedy"}),
    replace(DEFAULT, name="heuristic for exact", project={"method": "heuristic"}),
    replace(DEFAULT, name="intersection for grow-diag-final-and", align=INTERSECTION),
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
            along = bulk is not None and not FIT_ON
            text = both(pairs, bulk) if bulk is not None and along else pairs
            if bulk is not None and not along:
                options["fit_on"] = [bulk]
            if pivot:
                options["pivot"] = list(pivot)
            linked = xner.align(text, aligner=system.aligner, **options).collect()
            seconds = perf_counter() - begin
            if along:
                linked = xner.Corpus.from_table(linked.table.slice(0, len(pairs)).combine_chunks())
            self._made[key] = Made(linked, seconds)
            if self._progress:
                print(f"# {name}: {key[1]}: {seconds:.1f} s", flush=True)
        return self._made[key]


def both(pairs: xner.Corpus, more: xner.Corpus) -> xner.Corpus:
    """The words of one corpus and then those of another, to be aligned together."""
    words = ["source_tokens", "target_tokens"]
    first = pairs.table.replace_schema_metadata(None)
    rest = more.table.select(words).replace_schema_metadata(None)
    return xner.Corpus.from_table(pa.concat_tables([first, rest], promote_options="default"))


def backed_off(first: xner.Corpus, *others: xner.Corpus) -> xner.Corpus:
    """The links of the first; the others' in turn where both words have none so far."""
    rows = [corpus.table["links"].to_pylist() for corpus in (first, *others)]
    made = []
    for sentence in zip(*rows, strict=True):
        links = list(sentence[0])
        for more in sentence[1:]:
            source = {link["source"] for link in links}
            target = {link["target"] for link in links}
            links += [
                link
                for link in more
                if link["source"] not in source and link["target"] not in target
            ]
        made.append(sorted(links, key=lambda link: (link["source"], link["target"])))
    table = first.table
    place = table.schema.get_field_index("links")
    column = pa.array(made, table.schema.field("links").type)
    return xner.Corpus.from_table(table.set_column(place, "links", column))


def with_links(folder: Path, source: str, target: str, links: str) -> xner.Corpus:
    """A pair of files with given links; names without suffix."""
    return xner.read(
        folder / f"{source}.conll", folder / f"{target}.conll", links=folder / f"{links}.align"
    )
