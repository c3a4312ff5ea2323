"""What a further language adds to the links: F1 with and without `--pivot`.

python -m benchmarks.pivots                  # writes benchmarks/results/pivots.md
python -m benchmarks.pivots --sets xsid      # only one set
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import xner
from benchmarks import common
from benchmarks.language_pieces import Language, f1_of, sentence_counts
from benchmarks.languages import SAMPLES, SEED, all_languages, text
from benchmarks.systems import DEFAULT, GREEDY
from xner.aligners.pivot import SHARE
from xner.evaluation.bootstrap import interval, resampled

CHOSEN_ON = {
    "xsid": (
        "nap:it gsw:de de-st:de da:nb nb:da nl:de kk:tr de-st:gsw sr:it ar:tr"
    ),
    "massive": "af:de zh-CN:ja ja:zh-CN ko:ja am:ar cy:de sw:es tr:fi jv:af hi:es",
    "uner-pud": "sv:de de:sv",
    "europarl-ner": "de:es de:it de:es,it",
}  # fmt: skip
"""Targets and pivots that the weight of pivots was chosen on, by set."""
HELD_OUT = {
    "xsid": "it:nap de:nl gsw:de-st tr:kk da:de nl:da id:it lt:sr de:de-st,gsw",
    "massive": "de:af km:th th:km ar:am es:de fi:de de:es,af",
}
"""Further ones, which are only reported."""
SEEDS = (1, 2, 3)
PROJECTIONS = {"default": DEFAULT.project, "greedy": GREEDY.project}


class Found(NamedTuple):
    """Counts of one target and its pivots.

    Attributes:
        name: set, target and pivots.
        counts: by projection, int64 (2, S, 3): without and with pivots, of all seeds together.
    """

    name: tuple[str, str, str]
    counts: Mapping[str, NDArray[np.int64]]

    def f1(self, projection: str) -> NDArray[np.float64]:
        """F1 without and with pivots, float64 (2)."""
        return np.asarray(f1_of(self.counts[projection].sum(axis=1)))

    def cells(self) -> list[str]:
        """The row of the table."""
        made = list(self.name)
        for name, counts in self.counts.items():
            without, with_pivots = self.f1(name)
            drawn = resampled(np.moveaxis(counts, 0, 1), SAMPLES, SEED)
            low, high = interval(f1_of(drawn[:, 1]) - f1_of(drawn[:, 0]))
            made += [text(without), text(with_pivots), text(with_pivots - without, sign=True),
                     f"{text(low, sign=True)} to {text(high, sign=True)}"]  # fmt: skip
        return made


def pivot_file(language: Language, name: str, folder: Path) -> Path:
    """The tokenised text of a further language."""
    given = language.gold.with_name(f"{name}.txt")
    if given.is_file():
        return given
    made = folder / f"{language.data}-{name}.txt"
    if not made.is_file():
        xner.read(language.gold.with_name(f"{name}.conll"), side="target").write(
            made, side="target"
        )
    return made


def measured(language: Language, pivots: str, folder: Path) -> Found:
    """Align and project one target with and without pivots, with every seed."""
    pairs = xner.read(language.source, language.gold).collect()
    files = [pivot_file(language, name, folder) for name in pivots.split(",")]
    counts: dict[str, list[Any]] = {name: [] for name in PROJECTIONS}
    for seed in SEEDS:
        for used in ([], files):
            linked = xner.align(pairs, seed=seed, pivot=used).collect()
            for name, projection in PROJECTIONS.items():
                out = xner.project(linked, **projection)
                counts[name].append(sentence_counts(language.gold, out))
    summed = {name: np.stack([sum(own[k::2]) for k in range(2)]) for name, own in counts.items()}
    return Found((language.data, language.name, pivots), summed)


def table(found: Sequence[Found]) -> str:
    """A row for each target, and the means of each set."""
    head = ["set", "language", "pivots"]
    for projection in PROJECTIONS:
        head += [projection, f"{projection} with pivots", "difference", "95 % interval"]
    rows = []
    for data in dict.fromkeys(one.name[0] for one in found):
        own = [one for one in found if one.name[0] == data]
        rows += [one.cells() for one in own]
        mean = [f"**{data}**", "mean", ""]
        for projection in PROJECTIONS:
            without, with_pivots = np.mean([one.f1(projection) for one in own], axis=0)
            mean += [text(without), text(with_pivots), text(with_pivots - without, sign=True), ""]
        rows.append(mean)
    return common.markdown(head, rows)


def main() -> None:
    """Measure all pairs and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--sets", nargs="+", choices=CHOSEN_ON, default=list(CHOSEN_ON))
    given = options.parse_args()
    known = {(one.data, one.name): one for one in all_languages(given.data, given.sets)}
    body = [
        "Command: `python -m benchmarks.pivots`. English gold entities are projected onto each "
        "language with links of `native`, fitted on the sentences alone, without and with "
        "`--pivot`: strict F1 of the default projection and of the published greedy one, all "
        f"entities of the seeds {', '.join(map(str, SEEDS))} together. The interval is that of the "
        f"difference on {SAMPLES:,} resamples of the sentences (paired bootstrap).",
        f"The weight of pivots, {SHARE:g} · trust², was chosen on the pairs of the first table.",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for title, pairs in (("Chosen on", CHOSEN_ON), ("Held out", HELD_OUT)):
            found = []
            for data in given.sets:
                for pair in pairs.get(data, "").split():
                    name, pivots = pair.split(":")
                    if (data, name) in known:
                        found.append(measured(known[data, name], pivots, Path(folder)))
                        print(*found[-1].cells(), flush=True)
            if found:
                body += [f"## {title}", table(found)]
    body.append(common.made_by("pyarrow"))
    common.save(given.results, "pivots.md", "Pivot languages", "\n\n".join(body))


if __name__ == "__main__":
    main()
