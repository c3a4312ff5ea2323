"""Fit the network of the score `likelihood` on gold spans, and measure its calibration.

    python -m benchmarks.fit_likelihood --write    # fit all and write score/likelihood.json
    python -m benchmarks.fit_likelihood            # cross-validate; writes results/calibration.md

It is fitted on the development languages (benchmarks/languages.py): for every source entity, the
candidates and none compete, and the right answer is a candidate that is a gold span with the
entity's label, or none. Each of these languages is judged by three networks: the one of xner, which
was fitted on all of them; one that was fitted without the language and half of the languages of its
set; and one that was fitted without its whole set. Other sets are judged by the one of xner.

The fit also has parts of these languages of 399 to 700 sentences, each with statistics of its own:
in a smaller corpus, statistics are weaker, although as many spans are correct.

The links are those of the native aligner, those that the sets provide, and, with less weight, those
of eflomal and fast_align: MASSIVE has those of either one, Europarl-NER of both, parts of neither.
Both have to be installed (`pip install eflomal systran-align`).
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import xner
from benchmarks import common
from benchmarks.language_pieces import GIVEN, Language, Pieces, part_of
from benchmarks.languages import DEVELOPMENT, SETS, all_languages, text
from benchmarks.likelihood_network import OTHERS, Example, Float, fit, judged, summed
from xner.conforming import conform
from xner.kernels.evidence import INPUTS
from xner.labels import label_files
from xner.score.alignment import linked_ngrams
from xner.score.fill import fill_links
from xner.score.likelihood import inputs
from xner.score.scene import Scene, Text
from xner.solve.exact import solve_exact
from xner.stages.first_pass import count_corpus, first_choice
from xner.stages.project import Project

TARGET = common.ROOT / "src" / "xner" / "score" / "likelihood.json"
BINS = 15
SAMPLES, SEED = 1000, 1
"""Outcomes that are drawn from the probabilities, to tell noise from wrong probabilities."""
CUTS = {
    "massive": (0, 700, 1400, 2100, 2800),
    "europarl-ner": (0, 400, 799),
    "absa train": (0, 667, 1334, 2000),
}
"""Where sets are cut: in a small corpus, statistics say less, but as many spans are correct."""
_JUDGED = "without the language"
_NAMES = ("fitted_on", "inputs")
_LEAST = Project().min_precision
NEEDED = ("source_tokens", "source_entities", "target_tokens", "links")


def example(language: Language, aligner: str, linked: xner.Corpus, part: str = "") -> Example:
    """Return the candidates of a language as the default makes them."""
    stage = Project()
    counts = count_corpus(linked, stage)
    table = linked.table.select(NEEDED).combine_chunks()
    columns = {name: table[name].combine_chunks() for name in NEEDED}
    given = Text(conform(pa.RecordBatch.from_pydict(columns)))
    spans = first_choice(given, stage)
    filled = fill_links(given, spans, counts, stage.fill)
    problem = linked_ngrams(filled, stage.max_span, stage.max_ratio).problem
    rows = label_files([language.gold])[0].table["entities"].to_pylist()
    gold = [{(e["start"], e["end"], e["label"]) for e in row} for row in rows]
    labels = [e["label"] for row in columns["source_entities"].to_pylist() for e in row]
    sentence = np.repeat(np.arange(problem.sentences), np.diff(problem.entity_offsets))
    owner = np.repeat(np.arange(problem.entities), np.diff(problem.candidate_offsets))
    correct = [
        (int(start), int(end), labels[entity]) in gold[sentence[entity]]
        for start, end, entity in zip(problem.start, problem.end, owner, strict=True)
    ]
    return Example(
        language.data,
        language.name,
        aligner,
        problem,
        inputs(Scene(filled, problem, spans, counts)),
        np.array(correct, bool),
        sum(map(len, gold)),
        part,
    )


def aligners_of(language: Language) -> list[str]:
    """The aligners whose links the network is fitted or judged on."""
    found = ["native", *(name for name in GIVEN if name in language.aligners)]
    if language.data == "europarl-ner":
        found += OTHERS
    elif language.data == "massive":
        names = DEVELOPMENT["massive"].split()
        found.append(OTHERS[names.index(language.name) // 2 % 2])  # both in each fold
    return found


def examples(data: Path, cache: Path) -> list[Example]:
    """The candidates of all languages."""
    pieces = Pieces(cache, lambda line: print(line, flush=True))
    return [
        example(language, aligner, pieces.links(language, aligner)[0].collect())
        for language in all_languages(data, SETS)
        for aligner in aligners_of(language)
    ]


def parts(data: Path, cache: Path) -> list[Example]:
    """The candidates of parts of the development languages, each with statistics of its own."""
    pieces = Pieces(cache, lambda line: print(line, flush=True))
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for language in all_languages(data, SETS):
            for first, last in cuts_of(language):
                named = f", sentences {first + 1}-{last}"
                part = part_of(
                    language, first, last, Path(folder, f"{language.data} {language.name}{named}")
                )
                for aligner in ("native", *part.aligners):
                    linked, _ = pieces.links(part, aligner)
                    made.append(example(part, aligner, linked.collect(), named))
    return made


def cuts_of(language: Language) -> list[tuple[int, int]]:
    """The parts of a development language, half-open; none of other languages."""
    names = DEVELOPMENT.get(language.data, "").split()
    if language.name not in names:
        return []
    cuts = CUTS[language.data]
    if language.data == "massive":  # it has many languages: one part of each
        at = names.index(language.name) % (len(cuts) - 1)
        cuts = cuts[at : at + 2]
    return list(pairwise(cuts))


def chosen_by(each: Example, chance: Float, least: float) -> NDArray[np.bool_]:
    """bool (C): the candidates that the exact method chooses."""
    keep = chance >= least
    score = np.where(keep, np.maximum(chance, 1e-12), 1e-12)
    solution = solve_exact(each.problem.with_scores(score), ilp=False)
    return np.asarray(solution.chosen.astype(bool) & keep)


def shipped() -> dict[str, Any]:
    """The network of xner."""
    kept = json.loads(TARGET.read_text("utf-8"))
    return {name: np.array(value) for name, value in kept.items() if name not in _NAMES}


def held_out(
    all_of: Sequence[Example], fitted: Sequence[Example], group_of: Callable[[Example], Any]
) -> dict[str, Float]:
    """Probabilities by name, each from a network that was fitted without its group."""
    found: dict[str, Float] = {}
    for group in sorted({group_of(each) for each in fitted}):
        made = fit([each for each in fitted if group_of(each) != group])
        own = [each for each in all_of if group_of(each) == group]
        found.update({each.name: judged(made, each) for each in own})
        print(f"# without {group}", flush=True)
    return found


def error(chance: Float, correct: NDArray[np.bool_]) -> float:
    """Expected calibration error in `BINS` equal bins (Naeini et al. 2015)."""
    at = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    sums = [np.bincount(at, values, minlength=BINS) for values in (chance, correct)]
    return float(np.abs(sums[0] - sums[1]).sum() / max(1, len(chance)))


def errors_of_chance(chance: Float) -> Float:
    """float64 (SAMPLES): calibration errors if every span is correct with its probability.

    They are above 0 because each bin has few spans (Bröcker & Smith 2007).
    """
    drawn = np.random.default_rng(SEED)
    return np.array([error(chance, drawn.random(len(chance)) < chance) for _ in range(SAMPLES)])


def written(made: dict[str, Any], names: Iterable[str]) -> str:
    """The network as JSON, with four significant digits."""

    def rounded(values: Any) -> Any:
        if isinstance(values, list):
            return [rounded(value) for value in values]
        return float(f"{values:.4g}")

    kept = {
        "fitted_on": list(names),
        "inputs": list(INPUTS),
        **{key: rounded(np.asarray(value).tolist()) for key, value in made.items()},
    }
    return json.dumps(kept, indent=None).replace('], "', '],\n"').replace("], [", "],\n [") + "\n"


def plot(groups: dict[str, tuple[Float, NDArray[np.bool_]]], path: Path) -> None:
    """Draw a reliability diagram: share of correct spans by probability."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5, 4.5))
    axis.plot([0, 1], [0, 1], "k:", linewidth=1)
    for name, (chance, correct) in groups.items():
        at = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
        bins = [b for b in range(BINS) if (at == b).sum() >= 20]
        axis.plot(
            [chance[at == b].mean() for b in bins], [correct[at == b].mean() for b in bins],
            marker="o", markersize=3, label=name,
        )  # fmt: skip
    axis.set(xlabel="probability", ylabel="share of correct spans")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def grouped(all_of: Iterable[Example]) -> dict[str, list[Example]]:
    """The examples of each set; those with links of `OTHERS` apart."""
    groups: dict[str, list[Example]] = {}
    for each in all_of:
        name = f"{each.data}, {each.aligner}" if each.aligner in OTHERS else each.data
        groups.setdefault(name, []).append(each)
    return groups


def together(all_of: Sequence[Example]) -> dict[str, list[Example]]:
    """All sets together, by whose links these are; with UNER PUD and without."""
    native = [each for each in all_of if each.aligner == "native"]
    given = [each for each in all_of if each.aligner not in OTHERS]
    return {
        "all, native": native,
        "all but uner-pud, native": [each for each in native if each.data != "uner-pud"],
        "all but uner-pud, native and given": [e for e in given if e.data != "uner-pud"],
    }


def taken_of(own: Sequence[Example], found: dict[str, Float]) -> tuple[Float, NDArray[np.bool_]]:
    """Probabilities of the spans that are chosen, and whether they are correct."""
    taken = [chosen_by(each, found[each.name], 0.0) for each in own]
    chance = [found[each.name][chosen] for each, chosen in zip(own, taken, strict=True)]
    correct = [each.correct[chosen] for each, chosen in zip(own, taken, strict=True)]
    return np.concatenate(chance), np.concatenate(correct)


def mean_f1(own: Sequence[Example], score: dict[str, Float], least: float) -> float:
    """Mean F1 of the candidates that have the best scores, all at least `least`."""
    found = []
    for each in own:
        taken = chosen_by(each, score[each.name], least)
        found.append(2 * each.correct[taken].sum() / (taken.sum() + each.gold))
    return float(np.mean(found))


def compared(all_of: Sequence[Example], networks: dict[str, dict[str, Float]]) -> str:
    """F1 and calibration error by what the network was fitted on."""
    sums = {each.name: summed(each.given) for each in all_of}
    rows = []
    for name, own in grouped(all_of).items():
        row = [name, text(mean_f1(own, sums, 0.0))]
        for found in networks.values():
            row += [text(mean_f1(own, found, _LEAST)), f"{error(*taken_of(own, found)):.4f}"]
        rows.append([*row, noise(taken_of(own, networks[_JUDGED])[0])])
    head = [f"{part}: {what}" for part in networks for what in ("F1", "calibration error")]
    return common.markdown(["set", "sum of scores: F1", *head, "of exact probabilities"], rows)


def noise(chance: Float) -> str:
    """Mean and 95th percentile of the errors of exact probabilities."""
    drawn = errors_of_chance(chance)
    return f"{drawn.mean():.4f} ({np.quantile(drawn, 0.95):.4f})"


def page(all_of: Sequence[Example], found: dict[str, Float], results: Path) -> str:
    """Format the table of probabilities, and draw the diagram."""
    rows, pooled = [], {}
    for name, own in (grouped(all_of) | together(all_of)).items():
        chance, correct = pooled[name] = taken_of(own, found)
        single = [error(*taken_of([each], found)) for each in own]
        precise = [_precision(chance, correct, at) for at in (0.5, 0.8, 0.9, 0.95)]
        rows.append(
            [name, str(len(own)), f"{len(chance):,}", text(chance.mean()), text(correct.mean()),
             f"{error(chance, correct):.4f}", noise(chance), f"{np.mean(single):.4f}", *precise,
             text(mean_f1(own, found, _LEAST))]
        )  # fmt: skip
    plot(
        {name: values for name, values in pooled.items() if ", " not in name},
        results / "calibration.png",
    )
    head = [
        "set", "languages × aligners", "spans", "mean probability", "precision",
        "calibration error", "of exact probabilities", "mean per language",
        *(f"min_precision {at}: precision, kept" for at in (0.5, 0.8, 0.9, 0.95)),
        f"F1 at {_LEAST:g}",
    ]  # fmt: skip
    return common.markdown(head, rows)


def _precision(chance: Float, correct: NDArray[np.bool_], least: float) -> str:
    kept = chance >= least
    return f"{text(correct[kept].mean())}, {kept.mean():.0%}" if kept.any() else "–"


def main() -> None:
    """Cross-validate, write the page and, on request, the network."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-languages"),
        help="folder of links that are kept (default: %(default)s)",
    )
    options.add_argument(
        "--write", action="store_true", help=f"only fit all and write {TARGET.name}"
    )
    given = options.parse_args()
    all_of = examples(given.data, given.cache)
    fitted = [each for each in all_of if each.development] + parts(given.data, given.cache)
    if given.write:
        TARGET.write_text(written(fit(fitted), [each.name for each in fitted]), "utf-8")
        return
    everything = {each.name: judged(shipped(), each) for each in all_of}
    languages = {**everything, **held_out(all_of, fitted, lambda each: each.fold)}
    networks = {
        "fitted on all": everything,
        _JUDGED: languages,
        "without the set": {**everything, **held_out(all_of, fitted, lambda each: each.corpus)},
    }
    given.results.mkdir(parents=True, exist_ok=True)
    notes = [
        __doc__.split("\n\n", 2)[2].strip(),
        "## What the network was fitted on",
        "Mean F1 of the default settings and expected calibration error "
        f"({BINS} equal bins, all spans of a set together). Nothing is fitted on xSID and UNER "
        "PUD, so their networks are all the same. The annotators of UNER PUD treated the "
        "languages differently (the ceiling is .838 and .879), which no probability can know. "
        "The last column is the error that exact probabilities would have on as many spans: the "
        f"mean, and the 95th percentile in brackets, of {SAMPLES:,} random outcomes drawn from "
        "those of the network without the language. It is above 0 because few spans are in a bin.",
        compared(all_of, networks),
        "## Probabilities on languages that are not in the fit",
        page(all_of, languages, given.results),
        "![Reliability](calibration.png)",
        "The spans are those of the default without `min_precision`. The calibration error is "
        "also given as the mean over the languages and aligners of a set, each with its own noise. "
        "F1 may differ by .002 "
        "from [languages.md](languages.md), because the rule on brackets is left out here.",
        common.made_by("torch"),
    ]
    common.save(given.results, "calibration.md", "Probabilities", "\n\n".join(notes))


if __name__ == "__main__":
    main()
