"""Does a tagger trained on the projected labels themselves improve them?

    python -m benchmarks.second_opinion                   # writes results/second_opinion.md
    python -m benchmarks.second_opinion --languages ko sw

The labels of the default train a CRF (benchmarks/crf.py) in folds. Each fold is tagged by the CRF
of the others, and the score `ner` of its tag probabilities joins the default with several weights.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa

import xner
from benchmarks import common
from benchmarks.crf import Training, features
from benchmarks.language_pieces import Language, Pieces, f1_of, sentence_counts
from benchmarks.languages import all_languages, text
from xner.columns import COLUMNS
from xner.stages.first_pass import count_corpus
from xner.stages.project import Project

FOLDS = 4
WEIGHTS = (0.1, 0.25, 0.5, 1.0)
LANGUAGES = ("ko", "sw")
TRAINING = Training(iterations=40)
Rows = list[list[str]]


def tags_of(projected: xner.Corpus) -> Rows:
    """IOB2 tags of the projected entities."""
    table = projected.table.select(["target_tokens", "target_entities"])
    return [
        xner.tags_from_spans(
            [(e["start"], e["end"], e["label"]) for e in row["target_entities"]],
            len(row["target_tokens"]),
        )
        for row in table.to_pylist()
    ]


def probabilities(words: Rows, tags: Rows, held: Sequence[int]) -> tuple[list[str], list[Any]]:
    """The tags of a CRF, and its probabilities of them for each word of the held-out sentences."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    out = set(held)
    for at, sentence in enumerate(words):
        if sentence and at not in out:
            trainer.append(features(sentence), tags[at])
    trainer.set_params({
        "c1": TRAINING.c1, "c2": TRAINING.c2, "max_iterations": TRAINING.iterations,
        "feature.minfreq": TRAINING.minimum,
    })  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder, "model.crfsuite"))
        trainer.train(model)
        tagger = pycrfsuite.Tagger()
        tagger.open(model)
        labels = sorted(tagger.labels())
        rows = []
        for at in held:
            if words[at]:
                tagger.set(features(words[at]))
            rows.append(
                [[tagger.marginal(label, i) for label in labels] for i in range(len(words[at]))]
            )
        tagger.close()
    return labels, rows


def judged(linked: xner.Corpus) -> Iterator[xner.Corpus]:
    """Yield the folds of a corpus with the tag probabilities of a CRF that did not see them."""
    projected = xner.project(linked)
    words = projected.table["target_tokens"].to_pylist()
    tags = tags_of(projected)
    table = linked.table
    for fold in range(FOLDS):
        held = range(fold, len(words), FOLDS)
        labels, rows = probabilities(words, tags, held)
        part = table.take(pa.array(held))
        part = part.append_column(
            "target_tagset", pa.array([labels] * len(held), COLUMNS["target_tagset"])
        ).append_column("target_probabilities", pa.array(rows, COLUMNS["target_probabilities"]))
        yield xner.Corpus.from_table(part)


def measure(language: Language, linked: xner.Corpus) -> list[str]:
    """F1 of the default and with each weight of the score `ner`, and the seconds of the CRFs."""
    counts = count_corpus(linked, Project())
    begin = perf_counter()
    parts = list(judged(linked))
    seconds = perf_counter() - begin
    order = [at for fold in range(FOLDS) for at in range(fold, len(linked), FOLDS)]
    back = pa.array(sorted(range(len(order)), key=order.__getitem__))
    cells = []
    for weight in (0.0, *WEIGHTS):
        score = {"likelihood": 1.0, **({"ner": weight} if weight else {})}
        fill = {"lexicon": 1.0, "adjacent": 1.0}
        tables = [
            xner.project(part, score=score, fill=fill, counts=counts)
            .table.select(["target_tokens", "target_entities"])
            .replace_schema_metadata(None)
            for part in parts
        ]
        out = xner.Corpus.from_table(pa.concat_tables(tables).take(back))
        cells.append(text(float(f1_of(sentence_counts(language.gold, out).sum(axis=0)))))
    return [f"{language.data} {language.name}", *cells, f"{1000 * seconds / len(linked):.0f}"]


def main() -> None:
    """Measure the languages and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--languages", nargs="+", metavar="NAME", default=list(LANGUAGES))
    options.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir(), "xner-languages"),
        help="folder of links that are kept (default: %(default)s)",
    )  # fmt: skip
    given = options.parse_args()
    pieces = Pieces(given.cache)
    rows = []
    for language in all_languages(given.data, ["massive"]):
        if language.name in given.languages:
            linked = pieces.links(language, "native")[0].collect()
            rows.append(measure(language, linked))
            print(rows[-1], flush=True)
    head = ["F1", "default", *(f"ner {weight:g}" for weight in WEIGHTS), "CRF, s per 1,000 pairs"]
    notes = [
        __doc__.split("\n\n", 2)[2].strip(),
        common.markdown(head, rows),
        f"{FOLDS} folds, {TRAINING.iterations} iterations. {common.made_by('python-crfsuite')}",
    ]
    common.save(given.results, "second_opinion.md", "A second opinion", "\n\n".join(notes))


if __name__ == "__main__":
    main()
