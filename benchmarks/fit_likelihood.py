"""Fit the network of the score `likelihood` on gold spans, and measure its calibration.

    python -m benchmarks.fit_likelihood --write    # fit all and write score/likelihood.json
    python -m benchmarks.fit_likelihood            # cross-validate; writes results/calibration.md

It is fitted on the development languages (benchmarks/languages.py): for every source entity, the
candidates and none compete, and the right answer is a candidate that is a gold span with the
entity's label, or none. Each of these languages is judged by a network that was fitted without it
and half of the languages of its set; all other sets and languages by the network that was fitted on
all development languages.
"""

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

import xner
from benchmarks import common
from benchmarks.language_pieces import GIVEN, Language, Pieces
from benchmarks.languages import DEVELOPMENT, SETS, all_languages, text
from xner.columns import conform
from xner.kernels.evidence import INPUTS
from xner.kernels.network import FARTHEST
from xner.kernels.records import Problem
from xner.labels import label_files
from xner.score.alignment import linked_ngrams
from xner.score.fill import fill_links
from xner.score.likelihood import OF_ENTITY, inputs
from xner.score.scene import Scene, Text
from xner.solve.exact import solve_exact
from xner.stages.first_pass import count_corpus, first_choice
from xner.stages.project import Project

TARGET = common.ROOT / "src" / "xner" / "score" / "likelihood.json"
HIDDEN, EPOCHS, BATCH, RATE, DECAY, SEED = 24, 12, 1024, 0.01, 1e-4, 1
WEIGHTS = {"europarl-ner": 6.0}
"""Weights of sets; Europarl-NER is the only development set with cased names and is small."""
FOLDS, BINS = 2, 15
NEEDED = ("source_tokens", "source_entities", "target_tokens", "links")
OF = [INPUTS.index(name) for name in OF_ENTITY]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """The candidates of a language.

    Attributes:
        name, data, language: set and language with the aligner; the set; the language.
        problem: the candidates.
        given: float64 (C, N), inputs of the network.
        correct: bool (C), whether the candidate is a gold span with the label of its entity.
        gold: number of gold entities.
    """

    name: str
    data: str
    language: str
    problem: Problem
    given: Float
    correct: NDArray[np.bool_]
    gold: int

    @property
    def owner(self) -> NDArray[np.int64]:
        """int64 (C): entity of each candidate."""
        return np.repeat(np.arange(self.problem.entities), np.diff(self.problem.candidate_offsets))

    @property
    def development(self) -> bool:
        """Whether the network may be fitted on it."""
        return self.language in DEVELOPMENT.get(self.data, "").split()

    @property
    def fold(self) -> tuple[str, int]:
        """Examples of one fold are left out together."""
        names = DEVELOPMENT[self.data].split()
        folds = min(len(names), FOLDS)
        return self.data, names.index(self.language) % folds


def example(language: Language, aligner: str, linked: xner.Corpus) -> Example:
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
        f"{language.data} {language.name}, {aligner}",
        language.data,
        language.name,
        problem,
        inputs(Scene(filled, problem, spans, counts)),
        np.array(correct, bool),
        sum(map(len, gold)),
    )


def examples(data: Path, cache: Path) -> list[Example]:
    """The candidates of all languages, with the native links and those that are given."""
    pieces = Pieces(cache, lambda line: print(line, flush=True))
    return [
        example(language, aligner, pieces.links(language, aligner)[0].collect())
        for language in all_languages(data, SETS)
        for aligner in ("native", *(name for name in GIVEN if name in language.aligners))
    ]


def standardised(given: Float, mean: Float, scale: Float) -> Float:
    """The inputs of the network, as the kernel standardises them."""
    return np.clip((given - mean) * scale, -FARTHEST, FARTHEST)


def fit(chosen: Sequence[Example]) -> dict[str, Any]:
    """Fit the network by gradient descent (Adam, batches of entities)."""
    given = np.concatenate([each.given for each in chosen])
    mean, scale = given.mean(axis=0), 1.0 / np.maximum(given.std(axis=0), 0.05)
    sizes = np.concatenate([np.diff(each.problem.candidate_offsets) for each in chosen])
    weight = np.concatenate(
        [np.full(each.problem.entities, WEIGHTS.get(each.data, 1.0)) for each in chosen]
    )
    first = np.cumsum(sizes) - sizes
    x = torch.tensor(standardised(given, mean, scale), dtype=torch.float32)
    right = torch.tensor(np.concatenate([each.correct for each in chosen]), dtype=torch.float32)
    generator = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    hidden, output = torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, 1)
    parameters = [*hidden.parameters(), *output.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=RATE)
    entities = np.flatnonzero(sizes)
    steps = EPOCHS * -(-len(entities) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        shuffled = generator.permutation(entities)
        for begin in range(0, len(shuffled), BATCH):
            own = shuffled[begin : begin + BATCH]
            edges = np.cumsum(sizes[own]) - sizes[own]
            at = np.repeat(first[own] - edges, sizes[own]) + np.arange(sizes[own].sum())
            owner = torch.tensor(np.repeat(np.arange(len(own)), sizes[own]))
            none = torch.zeros(len(own), x.shape[1])
            none[:, OF] = x[first[own]][:, OF]
            optimiser.zero_grad()
            each = output(torch.tanh(hidden(x[at])))[:, 0] - output.bias
            each = each.clamp(-30, 30).exp()
            without = output(torch.tanh(hidden(none)))[:, 0].clamp(-30, 30).exp()
            empty = torch.zeros(len(own))
            found = empty.index_add(0, owner, each * right[at])
            answered = empty.index_add(0, owner, right[at]) > 0
            total = without.index_add(0, owner, each)
            loss = total.log() - torch.where(answered, found, without).clamp(min=1e-12).log()
            weights = torch.tensor(weight[own], dtype=torch.float32)
            cost = (weights * loss).sum() / weights.sum()
            decay = hidden.weight.square().sum() + output.weight.square().sum()
            (cost + DECAY * decay).backward()
            optimiser.step()
            schedule.step()
    return {
        "mean": mean,
        "scale": scale,
        "hidden": hidden.weight.detach().numpy().astype(np.float64),
        "bias": hidden.bias.detach().numpy().astype(np.float64),
        "output": output.weight.detach().numpy()[0].astype(np.float64),
        "missing": float(output.bias.detach()[0]),
    }


def judged(made: dict[str, Any], each: Example) -> Float:
    """float64 (C): the probability of every candidate, computed with NumPy."""
    x = standardised(each.given, made["mean"], made["scale"])
    owner, entities = each.owner, each.problem.entities
    first = np.minimum(np.searchsorted(owner, np.arange(entities)), len(owner) - 1)
    none = np.zeros((entities, x.shape[1]))
    none[:, OF] = x[first][:, OF]

    def exponential(rows: Float) -> Float:
        hidden = np.tanh(rows @ made["hidden"].T + made["bias"])
        return np.asarray(np.exp(hidden @ made["output"]))

    found = exponential(x)
    total = exponential(none) * np.exp(made["missing"])
    total += np.bincount(owner, found, minlength=entities)
    return np.asarray(found / total[owner])


def chosen_by(each: Example, chance: Float, least: float) -> NDArray[np.bool_]:
    """bool (C): the candidates that the exact method chooses."""
    keep = chance >= least
    score = np.where(keep, np.maximum(chance, 1e-12), 1e-12)
    solution = solve_exact(each.problem.with_scores(score), ilp=False)
    return np.asarray(solution.chosen.astype(bool) & keep)


def cross_validated(all_of: Sequence[Example]) -> dict[str, Float]:
    """Probabilities by name, each from a network that was not fitted on it."""
    development = [each for each in all_of if each.development]
    found: dict[str, Float] = {}
    for fold in sorted({each.fold for each in development}):
        made = fit([each for each in development if each.fold != fold])
        for each in development:
            if each.fold == fold:
                found[each.name] = judged(made, each)
        print(f"# without {fold}", flush=True)
    everything = fit(development)
    for each in all_of:
        if not each.development:
            found[each.name] = judged(everything, each)
    return found


def error(chance: Float, correct: NDArray[np.bool_]) -> float:
    """Expected calibration error in `BINS` equal bins (Naeini et al. 2015)."""
    at = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    sums = [np.bincount(at, values, minlength=BINS) for values in (chance, correct)]
    return float(np.abs(sums[0] - sums[1]).sum() / max(1, len(chance)))


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


def page(all_of: Sequence[Example], found: dict[str, Float], results: Path) -> str:
    """Format the page, and draw the diagram."""
    least = Project().min_precision
    rows, pooled = [], {}
    for data in dict.fromkeys(each.data for each in all_of):
        own = [each for each in all_of if each.data == data]
        parts = [(each, found[each.name], chosen_by(each, found[each.name], 0.0)) for each in own]
        chance = np.concatenate([p[taken] for _, p, taken in parts])
        correct = np.concatenate([each.correct[taken] for each, _, taken in parts])
        single = [error(p[taken], each.correct[taken]) for each, p, taken in parts]
        pooled[data] = chance, correct
        kept = [(each, chosen_by(each, p, least)) for each, p, _ in parts]
        f1 = [2 * each.correct[taken].sum() / (taken.sum() + each.gold) for each, taken in kept]
        precise = [_precision(chance, correct, at) for at in (0.5, 0.8, 0.9, 0.95)]
        rows.append(
            [data, str(len(own)), f"{len(chance):,}", text(chance.mean()), text(correct.mean()),
             f"{error(chance, correct):.3f}", f"{np.mean(single):.3f}", *precise,
             text(float(np.mean(f1)))]
        )  # fmt: skip
    plot(pooled, results / "calibration.png")
    head = [
        "set", "languages × aligners", "spans", "mean probability", "precision",
        "calibration error", "mean per language",
        *(f"min_precision {at}: precision, kept" for at in (0.5, 0.8, 0.9, 0.95)),
        f"F1 at {least:g}",
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
    if given.write:
        development = [each for each in all_of if each.development]
        names = [each.name for each in development]
        TARGET.write_text(written(fit(development), names), "utf-8")
        return
    found = cross_validated(all_of)
    given.results.mkdir(parents=True, exist_ok=True)
    notes = [
        __doc__.split("\n\n", 2)[2].strip(),
        page(all_of, found, given.results),
        "![Reliability](calibration.png)",
        "The spans are those of the default without `min_precision`. Calibration error is the "
        f"expected calibration error in {BINS} equal bins, of all spans of a set together and as "
        "the mean over its languages and aligners. The annotators of UNER PUD treated the "
        "languages differently (the ceiling is .838 and .879), which no probability can know.",
        common.made_by("torch"),
    ]
    common.save(given.results, "calibration.md", "Probabilities", "\n\n".join(notes))


if __name__ == "__main__":
    main()
