"""Differential checks on links: the greedy and the exact choice among candidates."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import pyarrow as pa

import xner
from benchmarks.differential import (
    MAX_WORDS,
    UNEXPLAINED,
    WEIGHTS,
    Check,
    Sentence,
    Span,
    Tags,
    projected,
    sentences,
    tagged,
)
from benchmarks.published_code import Code
from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.score.ngrams import STOP_TOKENS


def paper_greedy(paper: Code, name: str, corpus: Corpus, stop: Sequence[str]) -> Check:
    """Compare labels by n-gram candidates and argmax with Politov et al."""
    rows = sentences(corpus)
    extract = paper.extractors.DummySubrangeExtractor(
        max_words=MAX_WORDS, stop_words=set(stop) or None
    )
    code = paper.projection.ArgmaxCandidatesMatchingProjectionTransform("words")

    def theirs(row: Sentence) -> Tags:
        given = {
            "words": row.target,
            "entities": row.entities,
            "word_alignments": row.backward,
            "tgt_candidates": extract.extract(row.target),
        }
        (made,) = code([given])
        tags: Tags = made["labels"]
        return tags

    words = "stop words" if stop else "all words"
    ours = projected(corpus, preset="paper-greedy")
    return tagged(f"greedy, paper ({words})", name, ours, rows, theirs, of_stop_words)


def of_stop_words(row: Sentence, tags: Tags) -> str:
    if any(word in STOP_TOKENS and tag != "O" for word, tag in zip(row.target, tags, strict=True)):
        return "a span contains ! or ?, which the published code excludes"
    if any(row.weighs(span) for span in row.spans):
        return WEIGHTS
    return UNEXPLAINED


def thesis_greedy(thesis: Code, name: str, corpus: Corpus) -> Check:
    """Compare labels by the thesis's greedy solver with `candidates=ngrams`."""
    extract = thesis.cand_extractor.ContiniousSubrangeExtractor(max_words=MAX_WORDS)
    code = projection(thesis, "GREEDY", "LESS_OR_EQUAL")

    def theirs(row: Sentence) -> Tags:
        tags: Tags = code(row, extract.extract(row.target))[0]
        return tags

    ours = projected(corpus, preset="paper-greedy", candidates="ngrams")
    rows = sentences(corpus)
    what = "greedy, thesis (stop words, candidates=ngrams)"
    return tagged(what, name, ours, rows, theirs, of_stop_words)


def projection(thesis: Code, solver: str, constraint: str) -> Callable[..., Any]:
    """Return the thesis's projection by links: labels and objective."""
    code = thesis.projection.RangeILPProjection(solver=solver, proj_constraint=constraint)

    def project(row: Sentence, spans: list[Span]) -> Any:
        return code.project(
            {
                "tokens": row.target,
                "src_words": row.source,
                "src_entities": row.entities,
                "tgt_candidates": spans,
                "word_alignments": row.links,
            }
        )

    return project


def exact(
    thesis: Code, name: str, corpus: Corpus, solver: str, constraint: str, most: int, pairs: int
) -> Check:
    """Compare the optimum over subranges of linked regions with the thesis's program in CVXPY.

    Args:
        constraint: "<=1" or "==1".
        most: number of sentences; those with the most entities are used.
        pairs: sentences with more overlapping pairs of candidates are left out, because the
            program has a row for each pair and CVXPY takes seconds to build it.
    """
    method: Literal["exact", "ilp"] = "exact" if constraint == "<=1" else "ilp"
    check = Check(f"objective, thesis by {solver} ({method}, {constraint})", name)
    extract = thesis.cand_extractor.AlignedContiniousSubrangeExtractor(max_words=MAX_WORDS)
    rows = sentences(corpus)
    spans = [sorted(extract.extract(row.target, row.entities, row.links)) for row in rows]
    order = sorted(range(len(rows)), key=lambda at: -len(rows[at].entities))
    wanted = [at for at in order if rows[at].entities][:most]
    taken = [at for at in wanted if overlaps(spans[at]) <= pairs]
    if len(taken) < len(wanted):
        check.note = (
            f"sentences with more than {pairs:,} overlapping pairs left out: "
            f"{len(wanted) - len(taken)}"
        )
    if not taken:
        return check
    made = xner.project(
        with_candidates(corpus, taken, spans),
        preset="paper-ilp",
        method=method,
        constraint=constraint,
        candidates="spans",
    )
    code = projection(thesis, solver, "LESS_OR_EQUAL" if constraint == "<=1" else "EQUAL")
    check.sentences = len(taken)
    for at, ours in zip(taken, made.table["solution"].to_pylist(), strict=True):
        equal = abs(ours["objective"] - code(rows[at], spans[at])[1]) <= 1e-6
        check.add(equal, partial(of_optimum, rows[at], ours))
    return check


def with_candidates(corpus: Corpus, taken: list[int], spans: list[list[Span]]) -> Corpus:
    """Return some rows of a corpus with the given candidates."""
    column = [[dict(zip(("start", "end"), s, strict=True)) for s in spans[at]] for at in taken]
    made = pa.array(column, COLUMNS["target_candidates"])
    table = corpus.table.take(pa.array(taken, pa.int64()))
    return Corpus.from_table(table.append_column("target_candidates", made))


def overlaps(spans: Sequence[Span]) -> int:
    """Count the pairs of spans that share a word."""
    return sum(a[0] < b[1] and b[0] < a[1] for i, a in enumerate(spans) for b in spans[:i])


def of_optimum(row: Sentence, ours: dict[str, Any]) -> str:
    if ours["status"] != "infeasible":
        return UNEXPLAINED
    if not all(row.linked(span) for span in row.spans):
        return (
            "==1: the published code leaves out an entity without links; in xner the sentence is "
            "infeasible"
        )
    return (
        "==1: the published code satisfies it with a pair that scores 0; in xner the sentence is "
        "infeasible"
    )
