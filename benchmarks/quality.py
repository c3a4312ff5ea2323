"""Score projected labels against gold labels, and taggers trained on projected labels.

    python -m benchmarks.quality                       # all; writes benchmarks/results/quality.md
    python -m benchmarks.quality --only europarl absa  # update only these sections

The systems are defined in benchmarks/systems.py. Systems that need a package that is not installed
(eflomal, python-crfsuite) are left out, and the page says so.
"""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, stdev
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import xner
from benchmarks import common, crf
from benchmarks.language_pieces import f1_of
from benchmarks.systems import (
    ABLATION,
    DEFAULT,
    GIVEN,
    MADE,
    TAGGERS,
    Linker,
    System,
    with_links,
)
from xner.evaluation.bootstrap import interval, resampled
from xner.labels import label_files

BACKOFF = ("mgiza.grow_diag_final-and", "simalign.itermax")
LANGUAGES = ("swa", "yor", "xho")
TEXTS = {"alone": "799 alone", "bulk": "with conll-mt"}
TAGGER_SEEDS = 3
"""Seeds of the aligner whose labels train a tagger, at most."""
SAMPLES, SEED = 2000, 1
RIVAL = "T-Projection"
Labels = list[list[str]]

# Published figures, and prototypes measured outside this repository; never recomputed here.
EUROPARL_PUBLISHED = [
    ["published, mBERT AWESOME links: heuristic", ".819"],
    ["published, mBERT AWESOME links: greedy", ".920"],
    ["published, mBERT AWESOME links: exact ILP", ".921"],
    ["published, T-Projection (mT5-xl), mean over languages", "about .91"],
]
ABSA_PUBLISHED = [
    ["published: heuristic", ".953", ".945", ".943", ".930"],
    ["published: greedy", ".944", ".942", ".930", ".913"],
]
PROTOTYPES = [
    ["prototype CRF, T-Projection", ".607", ".142", ".487"],
    ["prototype CRF, heuristic, eflomal's links", ".552", ".126", ".357"],
    ["prototype CRF, greedy, eflomal's links", ".582", ".135", ".376"],
    ["prototype CRF, averaged links with overlap", ".595", ".136", ".378"],
]


@dataclass(frozen=True)
class Given:
    """Inputs of every section."""

    data: Path
    seeds: int
    cache: Path
    jobs: int
    linker: Linker


def spread(values: Sequence[float]) -> str:
    """Format the mean and, for several values, the sample standard deviation."""
    mean = f"{fmean(values):.4f}"[1:] if fmean(values) < 1 else "1"
    return mean if len(values) == 1 else f"{mean} ± {f'{stdev(values):.4f}'.lstrip('0')}"


def europarl_pairs(data: Path) -> xner.Corpus:
    folder = data / "europarl-ner"
    return xner.read(folder / "en.conll", folder / "de.conll")


def bulk_pairs(data: Path, language: str = "de") -> xner.Corpus:
    """Read conll-mt, train and test, including DOCSTART rows."""
    folder = data / "conll-mt"
    parts = [
        xner.read(
            folder / f"en.{split}.conll", folder / f"{language}.{split}.txt", docstart="keep"
        ).table.replace_schema_metadata(None)
        for split in ("train", "test")
    ]
    return xner.Corpus.from_table(pa.concat_tables(parts))


def europarl_scores(given: Given, system: System, text: str) -> list[float]:
    """Return F1 on German for each seed; `text` is a key of `TEXTS`."""
    gold = given.data / "europarl-ner" / "de.conll"
    pairs = europarl_pairs(given.data)
    bulk = bulk_pairs(given.data) if text == "bulk" else None
    scores = []
    for seed in range(1, given.seeds + 1):
        # eflomal takes no seed and its runs differ, so each seed is a new run
        name = f"europarl {text}" if system.seeded else f"europarl {text}, run {seed}"
        made = given.linker.link(name, pairs, system, seed, bulk)
        scores.append(xner.evaluate(gold, xner.project(made.corpus, **system.project)).f1)
    return scores


def europarl(given: Given) -> str:
    """Score 799 sentences, English gold labels projected onto German."""
    rows = [
        [system.name, *(spread(europarl_scores(given, system, text)) for text in TEXTS)]
        for system in MADE
        if system.available
    ]
    head = ["Europarl-NER, en to de: F1", *TEXTS.values()]
    rows += [[*line, *[""] * (len(TEXTS) - 1)] for line in EUROPARL_PUBLISHED]
    return f"## Europarl-NER\n\n{common.markdown(head, rows)}"


def absa(given: Given) -> str:
    """Score opinion targets, with the AWESOME links of the data."""
    folder = given.data / "absa"
    rows: dict[str, list[str]] = {}
    for split in ("train", "test"):
        for language in ("es", "fr"):
            gold = folder / f"{language}.{split}.conll"
            links = [f"en-{language}.{split}.{name}" for name in ("awesome", *BACKOFF)]
            for more, names in (("", links[:1]), (", backoff", links)):
                pairs = with_links(folder, f"en.{split}", f"{language}.{split}", *names)
                for system in GIVEN:
                    f1 = xner.evaluate(gold, xner.project(pairs, **system.project)).f1
                    rows.setdefault(system.name + more, []).append(spread([f1]))
    head = ["ABSA, AWESOME's links: F1", "es train", "fr train", "es test", "fr test"]
    lines = [[name, *cells] for name, cells in rows.items()]
    note = (
        "Backoff adds the links of mgiza (grow-diag-final-and), then of SimAlign (itermax), "
        "between words that have no link yet. The results are deterministic and need no seeds."
    )
    return f"## ABSA\n\n{common.markdown(head, lines + ABSA_PUBLISHED)}\n\n{note}"


def labelled(path: Path) -> tuple[Labels, Labels]:
    """Return words and IOB2 tags of a file."""
    table = label_files([path])[0].table
    return table["tokens"].to_pylist(), tags_of(table["tokens"], table["entities"])


def tags_of(tokens: Any, entities: Any) -> Labels:
    """Return IOB2 tags of a column of entities, without MISC, which the test sets lack."""
    return [
        xner.tags_from_spans(
            [(e["start"], e["end"], e["label"]) for e in spans if e["label"] != "MISC"], len(words)
        )
        for words, spans in zip(tokens.to_pylist(), entities.to_pylist(), strict=True)
    ]


def training_labels(given: Given, language: str) -> list[tuple[str, Labels]]:
    """`(system, tags)` of the training text of a language for each seed, T-Projection first."""
    folder = given.data / "masakhaner2" / f"en-{language}"
    rival = folder / f"{language}.t-projection.conll"
    pairs = xner.read(folder / "en.conll", rival)
    found = [(RIVAL, labelled(rival)[1])]
    for system in TAGGERS:
        seeds = min(given.seeds, TAGGER_SEEDS) if system.seeded else int(system.available)
        for seed in range(1, seeds + 1):
            made = given.linker.link(f"en-{language}", pairs, system, seed)
            table = xner.project(made.corpus, **system.project).table
            found.append((system.name, tags_of(table["target_tokens"], table["target_entities"])))
    return found


def masakhaner(given: Given) -> str:
    """Train the same tagger on the labels of each system and score it on human labels."""
    if find_spec("pycrfsuite") is None:
        return "## MasakhaNER2\n\nNot installed: python-crfsuite."
    training = crf.Training()
    rows: dict[str, list[str]] = {}
    compared: list[str] = []
    trained: dict[str, Future[tuple[Labels, float]]] = {}
    with ProcessPoolExecutor(given.jobs) as pool:
        for language in LANGUAGES:
            folder = given.data / "masakhaner2"
            words, _ = labelled(folder / f"en-{language}" / f"{language}.t-projection.conll")
            test, gold = labelled(folder / f"{language}.test.conll")
            keys: dict[str, list[str]] = {}
            for name, tags in training_labels(given, language):
                key = crf.digest(words, tags, test, training)
                keys.setdefault(name, []).append(key)
                if key not in trained:  # two systems may produce the same labels
                    trained[key] = pool.submit(crf.cached, words, tags, test, training, given.cache)
            counts = {
                name: np.stack([tag_counts(gold, trained[key].result()[0]) for key in own])
                for name, own in keys.items()
            }
            for name, own in counts.items():
                rows.setdefault(name, []).append(spread(list(f1_of(own.sum(axis=1)))))
                print(f"# {language}, {name}: {rows[name][-1]}", flush=True)
            compared.append(gain(counts["default"], counts[RIVAL]))
    spent = sum(run.result()[1] for run in trained.values())
    head = ["MasakhaNER2 test: tagger's F1", "swa", "yor", "xho"]
    lines = [[f"CRF, {name}", *cells] for name, cells in rows.items()]
    lines.append([f"CRF, default − {RIVAL}", *compared])
    note = (
        f"The tagger is a CRF (python-crfsuite, L-BFGS, c1 {training.c1}, c2 {training.c2}, "
        f"{training.iterations} iterations; word, affixes, shape, two words on either side), "
        "trained on about 14,000 NLLB pairs. It is deterministic; ± is over "
        f"{min(given.seeds, TAGGER_SEEDS)} seeds of the native aligner. Differences are means over "
        f"the seeds, with their 95 % interval on {SAMPLES:,} resamples of the test sentences "
        "(paired bootstrap). The training text, T-Projection's labels and the test sets have only "
        f"PER, LOC and ORG; MISC would be dropped for all systems. {len(trained)} CRFs, "
        f"{spent:.0f} s on one core. "
        "The CRF of the prototype had other features: compare its rows only with each other."
    )
    return f"## MasakhaNER2\n\n{common.markdown(head, lines + PROTOTYPES)}\n\n{note}"


def tag_counts(gold: Labels, found: Labels) -> NDArray[np.int64]:
    """int64 (S, 3): correct, found and gold entities of every sentence, as in `xner.evaluate`."""
    sides = [[set(xner.spans_from_tags(row)) for row in tags] for tags in (gold, found)]
    return np.array(
        [(len(own & known), len(own), len(known)) for known, own in zip(*sides, strict=True)]
    )


def gain(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> str:
    """Format the difference in mean F1 over seeds, and its interval; counts are (seeds, S, 3)."""
    sides = (ours, theirs)
    first, second = (f1_of(side.sum(axis=1)).mean() for side in sides)
    drawn = [
        f1_of(resampled(side.transpose(1, 0, 2), SAMPLES, SEED)).mean(axis=1) for side in sides
    ]
    low, high = interval(drawn[0] - drawn[1])
    told = (f"{value:+.4f}".replace("0.", ".", 1) for value in (first - second, low, high))
    return "{} [{}, {}]".format(*told)


def ablation(given: Given) -> str:
    """Score the default without each of its parts, and measure its speed."""
    folder = given.data / "absa"
    rows = []
    full: list[float] = []
    for system in ABLATION:
        f1 = [europarl_scores(given, system, text) for text in ("alone", "bulk")]
        cells = [spread(values) for values in f1]
        if system.align == DEFAULT.align:
            for language in ("es", "fr"):
                name = f"en-{language}.train.awesome"
                links = with_links(folder, "en.train", f"{language}.train", name)
                gold = folder / f"{language}.train.conll"
                score = xner.evaluate(gold, xner.project(links, **system.project)).f1
                f1.append([score])
                cells.append(spread([score]))
        else:
            cells += ["as default"] * 2
        full = full or [fmean(values) for values in f1]
        gain = fmean(fmean(v) - w for v, w in zip(f1, full, strict=False))
        cells += [f"{100 * gain:+.2f}" if system is not ABLATION[0] else ""]
        rows.append([system.name, *cells])
    for row, rate in zip(rows, rates(given, ABLATION), strict=True):
        row.append(f"{rate:,.0f}")
    head = [
        "F1", "Europarl alone", "with conll-mt", "ABSA es train", "ABSA fr train",
        "mean change, points", "sentences/s",
    ]  # fmt: skip
    note = (
        "Sentences/s: `xner.project` including the aligner on the 14,987 English–German training "
        "pairs of conll-mt in memory, on all cores, after compilation, fastest of 3 runs in turns. "
        "The mean change is over the columns that the part affects."
    )
    return f"## Ablation\n\n{common.markdown(head, rows)}\n\n{note}"


def rates(given: Given, systems: Sequence[System]) -> list[float]:
    """Return sentences per second of whole projections, including the aligner.

    The systems run in turns, so that other load on the machine slows all of them down alike.
    """
    folder = given.data / "conll-mt"
    pairs = xner.read(folder / "en.train.conll", folder / "de.train.txt", docstart="keep")

    def seconds(system: System) -> float:
        begin = perf_counter()
        options = {**system.align, **system.project}
        xner.project(pairs, aligner=system.aligner, **options)
        return perf_counter() - begin

    turns = [[seconds(system) for system in systems] for _ in range(3)]
    return [len(pairs) / min(own) for own in zip(*turns, strict=True)]


PARTS: dict[str, Callable[[Given], str]] = {
    "europarl": europarl,
    "absa": absa,
    "masakhaner": masakhaner,
    "ablation": ablation,
}


def main() -> None:
    """Run the parts and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="sections to update"
    )
    options.add_argument(
        "--seeds", type=int, default=5, help="number of seeds (default: %(default)s)"
    )
    options.add_argument("--jobs", type=int, default=2, help="CRFs to train in parallel")
    options.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-quality"),
        help="folder for cached CRF results",
    )
    chosen = options.parse_args()
    given = Given(chosen.data, chosen.seeds, chosen.cache, chosen.jobs, Linker())
    for name in PARTS:
        if name in chosen.only:
            begin = perf_counter()
            section = PARTS[name](given)
            told = f"{perf_counter() - begin:.0f} s. {common.made_by('pyarrow')}"
            write(chosen.results, f"{section}\n\n{told}", given)


def write(results: Path, section: str, given: Given) -> None:
    """Replace the section with the same heading on the page."""
    page = results / "quality.md"
    kept = page.read_text("utf-8").split("\n## ")[1:] if page.is_file() else []
    parts = {part.split("\n", 1)[0]: part.strip() for part in [*kept, section[3:]]}
    missing = sorted({system.aligner for system in MADE if not system.available})
    notes = [
        "Strict entity F1 (seqeval, IOB2, all labels). Where the aligner computes the links, "
        f"figures are mean ± standard deviation over {given.seeds} seeds. The systems are defined "
        "in benchmarks/systems.py. Rows marked published or prototype were not computed here.",
        f"The signature of `default` with computed links is {signature(given)}.",
        *(f"Not installed: {name}." for name in missing),
        *(f"## {part}" for part in parts.values()),
    ]
    common.save(results, "quality.md", "Quality", "\n\n".join(notes))


def signature(given: Given) -> str:
    """Return the signature of the default."""
    made = given.linker.link("europarl alone", europarl_pairs(given.data), DEFAULT)
    return f"`{xner.project(made.corpus, **DEFAULT.project).report.signature}`"


if __name__ == "__main__":
    main()
