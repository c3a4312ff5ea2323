"""Compare links of a fitted model with links that are sampled, as the native aligner makes them.

    python -m benchmarks.fitted      # writes benchmarks/results/fitted.md

Sampled: the posteriors of the sampler, on all of the text; the default up to `fit_pairs` pairs.
Fitted: a model of the text, or of other text, is applied to every pair; the default for larger
corpora.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import xner
from benchmarks import common
from benchmarks.aligners import word_alignment
from benchmarks.quality import bulk_pairs, europarl_pairs
from xner.aligners.bitext import Bitext, Links
from xner.aligners.encode import encode
from xner.aligners.native import NativeAligner

SAMPLES = (2_000, 5_000, 10_000, 100_000)


@dataclass(frozen=True)
class Case:
    """Text to align, text to fit on, and what is measured.

    Attributes:
        name: row of the table.
        pairs: what is aligned.
        fit_on: what is fitted on; if `pairs` are in it, they come first.
        figure: measures links.
    """

    name: str
    pairs: xner.Corpus
    fit_on: list[xner.Corpus]
    figure: Callable[[xner.Corpus], float]


def fitted_on(corpora: list[xner.Corpus]) -> Bitext:
    """Return all pairs of some corpora, to align."""
    bitext = encode(corpora[0], corpora[1:])
    return Bitext(bitext.source, bitext.target)


def f1(gold: Path) -> Callable[[xner.Corpus], float]:
    """Return what measures the F1 of entities that are projected with the default scores."""
    return lambda linked: 100 * xner.evaluate(gold, xner.project(linked)).f1


def aer(gold: Path) -> Callable[[xner.Corpus], float]:
    """Return what measures the alignment error rate."""
    return lambda linked: 100 * xner.evaluate_links(gold, linked).aer


def cases(data: Path, scratch: Path) -> list[Case]:
    """Return all cases."""
    made = []
    for name in ("roen", "enfr"):
        pairs = word_alignment(data / "word-alignment", name, scratch)
        gold = data / "word-alignment" / f"{name}.gold"
        made.append(Case(f"{name}, AER", pairs, [pairs], aer(gold)))
    for language in ("es", "fr"):
        train, test = (
            xner.read(
                data / "absa" / f"en.{split}.conll", data / "absa" / f"{language}.{split}.conll"
            )
            for split in ("train", "test")
        )
        for split, pairs, fit_on in (
            ("train", train, [train]),
            ("test", test, [test, train]),
            ("test, fitted on train alone", test, [train]),
        ):
            gold = data / "absa" / f"{language}.{split.split(',')[0]}.conll"
            made.append(Case(f"ABSA {language} {split}, F1", pairs, fit_on, f1(gold)))
    europarl, bulk = europarl_pairs(data), bulk_pairs(data)
    gold = data / "europarl-ner" / "de.conll"
    made.append(Case("Europarl, F1", europarl, [europarl], f1(gold)))
    made.append(Case("Europarl, fitted on conll-mt too, F1", europarl, [europarl, bulk], f1(gold)))
    made.append(Case("Europarl, fitted on conll-mt alone, F1", europarl, [bulk], f1(gold)))
    return made


@dataclass(frozen=True)
class Fixed:
    """An aligner that returns given links."""

    links: Links
    signature: str = "given"

    def align(self, bitext: Bitext, progress: Any = None) -> Links:
        """Return the links."""
        return self.links.head(bitext.aligned)


def measured(case: Case, seed: int) -> tuple[float | None, float]:
    """Return the figure of sampled and of fitted links."""
    aligner, text = NativeAligner(seed=seed), encode(case.pairs)
    bitext = fitted_on(case.fit_on)
    soft, model = aligner.learn(bitext)
    sampled = None
    if case.fit_on[0] is case.pairs:
        links = aligner.decide(soft.head(text.pairs))
        sampled = case.figure(xner.align(case.pairs, aligner=Fixed(links)))
    applied = NativeAligner(seed=seed, model=model).align(text)
    return sampled, case.figure(xner.align(case.pairs, aligner=Fixed(applied)))


def agreement(one: Links, two: Links) -> float:
    """Return the F1 of links against others."""
    keys = []
    for links in (one, two):
        row = np.repeat(np.arange(len(links.offsets) - 1), np.diff(links.offsets))
        keys.append((row << 24) + (links.source.astype(np.int64) << 12) + links.target)
    return 100 * 2 * len(np.intersect1d(keys[0], keys[1])) / sum(map(len, keys))


def samples(data: Path) -> str:
    """Measure models of samples of different sizes."""
    europarl, gold = europarl_pairs(data), data / "europarl-ner" / "de.conll"
    bitext = fitted_on([europarl, bulk_pairs(data)])
    sampled, other = (NativeAligner(seed=seed).align(bitext) for seed in (1, 2))
    rows = [["sampled, another seed", "all", f"{agreement(sampled, other):.1f}", ""]]
    for size in SAMPLES:
        model = NativeAligner(fit_pairs=size).fit(bitext)
        links = NativeAligner(model=model).align(bitext)
        projected = f1(gold)(xner.align(europarl, aligner=Fixed(links)))
        agree = f"{agreement(sampled, links):.1f}"
        rows.append(["fitted", f"{model.pairs:,}", agree, f"{projected:.1f}"])
        print(rows[-1], flush=True)
    first = f1(gold)(xner.align(europarl, aligner=Fixed(sampled)))
    rows.insert(0, ["sampled", "all", "100.0", f"{first:.1f}"])
    head = ["links", "pairs fitted on", "F1 against sampled links", "Europarl, F1"]
    return common.markdown(head, rows)


def main() -> None:
    """Run everything and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--seeds", type=int, default=2, help="number of seeds (default: %(default)s)"
    )
    given = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases(given.data, Path(scratch)):
            runs = [measured(case, seed) for seed in range(1, given.seeds + 1)]
            sampled = [one for one, _ in runs if one is not None]
            fitted = [two for _, two in runs]
            rows.append(
                [case.name, f"{np.mean(sampled):.1f}" if sampled else "", f"{np.mean(fitted):.1f}"]
            )
            print(rows[-1], flush=True)
    notes = [
        f"Means over {given.seeds} seeds. Fitted: a model of the text is applied to every pair of "
        "it, or of other text. Projection by the default scores.",
        common.markdown(["text", "sampled", "fitted"], rows),
        "19,470 English–German pairs (Europarl-NER, conll-mt train and test): models of a random "
        "sample, applied to all pairs.",
        samples(given.data),
        common.made_by("pyarrow"),
    ]
    common.save(
        given.results, "fitted.md", "Fitted models against sampled links", "\n\n".join(notes)
    )


if __name__ == "__main__":
    main()
