"""Matching problems for benchmarks: real links, and dense random scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

import xner
from benchmarks import common
from xner.corpus import Corpus
from xner.kernels.matching import CERTIFICATE, greedy
from xner.kernels.records import Choice, Problem
from xner.score.alignment import linked_ngrams, linked_runs
from xner.score.scene import Text
from xner.solve.greedy import solve_first_fit

ABSA_LINKS = (
    "awesome",
    "simalign.itermax",
    *(
        f"{tool}.{way}"
        for tool in ("fast_align", "mgiza")
        for way in ("forward", "reverse", "grow_diag_final-and")
    ),
)


@dataclass(frozen=True)
class Real:
    """A corpus with one set of links: its pairs, its matching problem and gold labels if any."""

    name: str
    table: pa.Table
    problem: Problem
    gold: list[set[tuple[int, int, str]]] | None = None


def problems(table: pa.Table) -> list[Problem]:
    """Return the matching problem of every batch of the table."""
    return [linked_ngrams(Text(batch)).problem for batch in Corpus.from_table(table).batches()]


def joined(parts: Sequence[Problem]) -> Problem:
    """Concatenate several problems."""

    def offsets(name: str) -> np.ndarray:
        sizes = [np.diff(getattr(part, name)) for part in parts]
        return np.concatenate(([0], np.cumsum(np.concatenate(sizes))))

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Problem(
        offsets("entity_offsets"),
        offsets("candidate_offsets"),
        column("start"),
        column("end"),
        column("score"),
        column("target_lengths"),
    )


def real(data: Path) -> list[Real]:
    """Read conll-mt with AWESOME links, and absa with each of its sets of links.

    The SimAlign links of conll-mt partly use another tokenisation."""
    made = []
    for folder, languages, kinds in (
        ("conll-mt", ("de", "es"), ("awesome",)),
        ("absa", ("es", "fr"), ABSA_LINKS),
    ):
        for links in kinds:
            tables: list[pa.Table] = []
            gold: list[set[tuple[int, int, str]]] = []
            for split in ("train", "test"):
                for language in languages:
                    table, labels = _pairs(data / folder, language, split, links)
                    tables.append(table)
                    gold.extend(labels)
            whole = pa.concat_tables(tables)
            problem = joined(problems(whole))
            made.append(Real(f"{folder}, {links}", whole, problem, gold or None))
    return made


def _pairs(
    folder: Path, language: str, split: str, links: str
) -> tuple[pa.Table, list[set[tuple[int, int, str]]]]:
    english = folder / f"en.{split}.conll"
    labelled = folder / f"{language}.{split}.conll"
    target = labelled if labelled.is_file() else folder / f"{language}.{split}.txt"
    pairs = xner.read(
        english, target, links=folder / f"en-{language}.{split}.{links}.align", docstart="keep"
    )
    gold = []
    if target is labelled:
        reverse = xner.read(labelled, english, docstart="keep").table
        gold = [
            {(e["start"], e["end"], e["label"]) for e in entities}
            for entities in reverse["source_entities"].to_pylist()
        ]
    return pairs.table.replace_schema_metadata(None), gold


def dense(rng: np.random.Generator, shapes: Sequence[tuple[int, int]], span: int = 10) -> Problem:
    """Create random scores in (0, 1] for every n-gram of up to `span` words.

    `shapes`: entities and target words of each sentence.
    """
    parts = []
    for k, n in shapes:
        grams = [(i, j) for i in range(n) for j in range(i + 1, min(n, i + span) + 1)]
        start, end = np.array(grams, np.int32).T
        parts.append(
            Problem(
                np.array([0, k], np.int32),
                np.arange(k + 1, dtype=np.int32) * np.int32(len(grams)),
                np.tile(start, k),
                np.tile(end, k),
                1.0 - rng.random(k * len(grams)),
                np.array([n], np.int32),
            )
        )
    return joined(parts)


def conll_mt_batches(data: Path, rows: int) -> list[pa.RecordBatch]:
    """Repeat the batches of conll-mt with AWESOME links up to the given number of rows."""
    return list(Corpus.from_table(common.repeated(common.conll_mt(data), rows)).batches())


def entity_f1(corpus: Real, chosen: np.ndarray) -> float:
    """Return strict entity F1 of the chosen candidates against gold labels."""
    return _f1(corpus, corpus.problem, chosen)


def heuristic_f1(corpus: Real) -> float:
    """Return F1 of the published heuristic: merged runs of linked words, first fit."""
    made = [linked_runs(Text(batch)) for batch in Corpus.from_table(corpus.table).batches()]
    problem = joined([part.problem for part in made])
    lengths = np.concatenate([part.length for part in made])
    return _f1(corpus, problem, solve_first_fit(problem, lengths).chosen)


def _f1(corpus: Real, problem: Problem, chosen: np.ndarray) -> float:
    assert corpus.gold is not None
    labels = [e["label"] for row in corpus.table["source_entities"].to_pylist() for e in row]
    entity_of = np.repeat(np.arange(problem.entities), np.diff(problem.candidate_offsets))
    sentence_of = np.repeat(np.arange(problem.sentences), np.diff(problem.entity_offsets))
    hits = 0
    for c in np.flatnonzero(chosen):
        e = entity_of[c]
        span = int(problem.start[c]), int(problem.end[c]), labels[e]
        hits += span in corpus.gold[sentence_of[e]]
    return 2 * hits / (int(chosen.sum()) + sum(len(row) for row in corpus.gold))


def certified(problem: Problem) -> np.ndarray:
    """Return whether the certificate settles each sentence: no two best candidates overlap."""
    choice = Choice.none(problem)
    greedy(0, problem.sentences, problem, 1, choice)
    return np.equal(choice.route, CERTIFICATE)


Scores = dict[tuple[int, int, int], float]


def every_ngram(scores: Scores, entities: int, words: int) -> Scores:
    """Return the scores with a 0 for each n-gram of up to ten words without a score."""
    return {
        (e, i, j): scores.get((e, i, j), 0.0)
        for e in range(entities)
        for i in range(words)
        for j in range(i + 1, min(i + 10, words) + 1)
    }


def dense_twin(scores: Scores) -> list[tuple[int, int, int]]:
    """Match greedily as published: repeat the arg max over all n-grams until it is 0."""
    left, chosen = scores, []
    while left:
        best = max(left, key=left.__getitem__)  # ties: first entity, then start, then length
        if left[best] <= 0:
            break
        chosen.append(best)
        e, i, j = best
        left = {c: x for c, x in left.items() if c[0] != e and not (c[1] < j and i < c[2])}
    return chosen
