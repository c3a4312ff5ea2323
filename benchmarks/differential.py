"""Differential checks on links: heuristics, candidates and their scores.

Every check gives both sides the same words, entities and links, calls the unmodified published
function, and counts the differences by a reason that is tested on the sentence.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tests.reference.heuristic

import xner
from benchmarks import common
from benchmarks.published_code import Code
from xner import tags_from_spans
from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.score.ngrams import all_ngrams
from xner.score.scene import Text

twin: Any = tests.reference.heuristic
UNEXPLAINED = "no reason found"
WEIGHTS = "links have weights in xner and none in the published code"
WEIGHTED = "Europarl-NER, weighted links"
MAX_WORDS = 10
Span = tuple[int, int]
Tags = list[str]


@dataclass
class Check:
    """One line of the table.

    Attributes:
        what: the compared quantity and its unit.
        corpus: origin of the sentences.
        sentences: number of sentences.
        compared: number of compared pairs of results.
        reasons: number of differing pairs, by reason.
        note: what was left out, and other remarks.
        largest: largest difference between numbers that count as equal.
    """

    what: str
    corpus: str
    sentences: int = 0
    compared: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    note: str = ""
    largest: float = 0.0

    @property
    def different(self) -> int:
        return sum(self.reasons.values())

    def add(self, equal: bool, reason: Callable[[], str]) -> None:
        """Count one pair of results."""
        self.compared += 1
        if not equal:
            self.reasons[reason()] += 1


@dataclass(frozen=True)
class Sentence:
    """A sentence pair in the form that the published code expects."""

    source: list[str]
    target: list[str]
    entities: list[dict[str, Any]]
    links: list[tuple[int, int]]
    weights: list[float] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        return [(e["start_idx"], e["end_idx"]) for e in self.entities]

    @property
    def backward(self) -> list[tuple[int, int]]:
        """Return the links as the paper's code stores them: target first."""
        return [(j, i) for i, j in self.links]

    def linked(self, entity: Span) -> set[int]:
        """Return the target words linked to words of an entity."""
        return {j for i, j in self.links if entity[0] <= i < entity[1]}

    def weighs(self, entity: Span) -> bool:
        """Return whether a link of an entity has a weight other than 1."""
        pairs = zip(self.links, self.weights, strict=True)
        return any(entity[0] <= i < entity[1] and weight != 1 for (i, _), weight in pairs)

    def runs(self, merge: int, ratio: float) -> list[list[Span]]:
        """Return the runs of each entity, by the plain twin of the tests."""
        links = [(i, j, 1.0) for i, j in self.links]
        return [twin.runs(*span, links, merge, ratio, None)[0] for span in self.spans]


def corpora(data: Path, step: int) -> dict[str, Corpus]:
    """Read pairs with entities and links; from conll-mt, every `step`-th pair.

    The links of Europarl-NER are the native aligner's, once without and once with its weights.
    """
    folder = data / "europarl-ner"
    weighted = xner.align(xner.read(folder / "en.conll", folder / "de.conll"), seed=1).collect()
    mt = common.conll_mt(data)
    absa = pa.concat_tables(
        xner.read(
            data / "absa" / f"en.{split}.conll",
            data / "absa" / f"{language}.{split}.conll",
            links=data / "absa" / f"en-{language}.{split}.awesome.align",
        ).table.replace_schema_metadata(None)
        for split in ("train", "test")
        for language in ("es", "fr")
    )
    return {
        "Europarl-NER": as_corpus(unweighted(weighted.table)),
        "ABSA": as_corpus(absa),
        "conll-mt": as_corpus(mt.take(pa.array(range(0, mt.num_rows, step)))),
        WEIGHTED: as_corpus(weighted.table),
    }


def as_corpus(table: pa.Table) -> Corpus:
    """Return a corpus of one batch without metadata."""
    return Corpus.from_table(table.replace_schema_metadata(None).combine_chunks())


def unweighted(table: pa.Table) -> pa.Table:
    """Set the weight of every link to 1, as the published code expects."""
    links = [[{**link, "weight": 1.0} for link in row] for row in table["links"].to_pylist()]
    at = table.schema.get_field_index("links")
    return table.set_column(at, "links", pa.array(links, COLUMNS["links"]))


def sentences(corpus: Corpus) -> list[Sentence]:
    """Return the rows of a corpus."""
    names = ("source_tokens", "target_tokens", "source_entities", "links")
    rows = zip(*(corpus.table[name].to_pylist() for name in names), strict=True)
    return [
        Sentence(
            source,
            target,
            [{"start_idx": e["start"], "end_idx": e["end"], "label": e["label"]} for e in found],
            [(link["source"], link["target"]) for link in links],
            [link["weight"] for link in links],
        )
        for source, target, found, links in rows
    ]


def projected(corpus: Corpus, **options: Any) -> list[Tags]:
    """Return the tags that xner assigns to every sentence."""
    table = xner.project(corpus, **options).table
    rows = zip(
        table["target_entities"].to_pylist(), table["target_tokens"].to_pylist(), strict=True
    )
    return [
        tags_from_spans([(e["start"], e["end"], e["label"]) for e in entities], len(words))
        for entities, words in rows
    ]


def tagged(
    what: str,
    name: str,
    ours: Sequence[Tags],
    rows: Sequence[Sentence],
    theirs: Callable[[Sentence], Tags],
    reason: Callable[[Sentence, Tags], str],
) -> Check:
    """Compare the tags of whole sentences; `reason` gets the sentence and xner's tags."""
    check = Check(what, name, len(rows))
    for tags, row in zip(ours, rows, strict=True):
        check.add(tags == theirs(row), partial(reason, row, tags))
    return check


# Heuristics


def paper_heuristic(paper: Code, name: str, corpus: Corpus, ratio: float, merge: int) -> Check:
    """Compare labels by linked runs with Politov et al."""
    rows, code = sentences(corpus), paper.matching
    ours = projected(corpus, preset="paper-heuristic", length_ratio=ratio, merge_distance=merge)

    def theirs(row: Sentence) -> Tags:
        tags: Tags = code.match_entities_based_on_word_alignments(
            row.target, row.source, row.entities, row.backward, ratio, merge
        )
        return tags

    def reason(row: Sentence, tags: Tags) -> str:
        words = [j for entity in row.runs(merge, ratio) for span in entity for j in range(*span)]
        if len(words) > len(set(words)):
            return "two entities claim one word: the later overwrites it in the published code"
        if [grown(paper, row, span, merge) for span in row.spans] != row.runs(merge, 0.0):
            return "runs are grown link by link in the published code and may overlap or touch"
        return UNEXPLAINED

    what = f"heuristic, paper (ratio {ratio:g}, merge {merge})"
    return tagged(what, name, ours, rows, theirs, reason)


def grown(paper: Code, row: Sentence, entity: Span, merge: int) -> list[Span]:
    """Return the runs of the paper's code before short ones are dropped."""
    code = paper.matching
    linked = [[j for j, i in row.backward if i == word] for word in range(len(row.source))]
    found = code.generate_entity_candidates_from_alignments(*entity, linked)
    if merge > 0 and found:
        found = code.merge_adjacent_candidates(found, max_distance=merge)
    return [tuple(span) for span in found]


@dataclass(frozen=True)
class Heuristic:
    """Settings of the thesis's heuristic."""

    ratio: float | None = 0.8
    merge: int = 1
    top_k: int | None = None
    inner_only: bool = False

    def __str__(self) -> str:
        ratio = "none" if self.ratio is None else f"{self.ratio:g}"
        parts = [f"ratio {ratio}", f"merge {self.merge}"]
        parts += [f"top {self.top_k}"] if self.top_k else []
        parts += ["I-labels only"] if self.inner_only else []
        return ", ".join(parts)


THESIS_HEURISTICS = (
    Heuristic(),
    Heuristic(merge=0),
    Heuristic(ratio=None),
    Heuristic(ratio=None, top_k=1),
    Heuristic(ratio=None, top_k=1, inner_only=True),
)


def thesis_heuristic(thesis: Code, name: str, corpus: Corpus, given: Heuristic) -> Check:
    """Compare labels by linked runs with Shkalikov."""
    rows, ratio = sentences(corpus), given.ratio or 0.0
    ours = projected(
        corpus,
        preset="paper-heuristic",
        length_ratio=ratio,
        merge_distance=given.merge,
        top_k=given.top_k,
    )
    code = thesis.projection.HeuriticsProjection(
        project_top_k=given.top_k,
        length_ratio_threshold=given.ratio,
        merge_distance=given.merge,
        merge_only_i_labels=given.inner_only,
    )

    def theirs(row: Sentence) -> Tags:
        tags: Tags = code.project(row.target, row.source, row.entities, row.links)
        return tags

    def reason(row: Sentence, tags: Tags) -> str:
        if given.inner_only and any(parted(row, span, given.merge) for span in row.spans):
            return (
                "the published code does not merge a run that begins at a word linked to the "
                "entity's first word"
            )
        runs = row.runs(given.merge, ratio)
        sizes = [[end - start for start, end in entity] for entity in runs]
        if given.top_k and any(len(set(s)) > 1 and len(s) > given.top_k for s in sizes):
            return "with top k, the published code keeps the shortest runs and xner the longest"
        return UNEXPLAINED

    return tagged(f"heuristic, thesis ({given})", name, ours, rows, theirs, reason)


def parted(row: Sentence, entity: Span, merge: int) -> bool:
    """Return whether a merged gap precedes a word linked to the entity's first word."""
    words = sorted(row.linked(entity))
    first = row.linked((entity[0], entity[0] + 1))
    return any(1 < b - a <= merge + 1 and b in first for a, b in pairwise(words))


# Candidates and scores


def alignment_scores(code: Callable[..., Any], what: str, paper: Code, name: str,
                     corpus: Corpus) -> Check:  # fmt: skip
    """Compare every cell of the matrix of entities and n-grams, bit by bit."""
    check = Check(f"{what} (cells)", name)
    extract = paper.extractors.DummySubrangeExtractor(max_words=MAX_WORDS)
    (batch,) = corpus.batches()
    problem, entity = all_ngrams(Text(batch), MAX_WORDS).problem, 0
    for row in sentences(corpus):
        spans = extract.extract(row.target)
        check.sentences += 1
        for at, cells in enumerate(code(row, spans) if row.entities and spans else ()):
            lo, hi = problem.candidate_offsets[entity + at : entity + at + 2]
            same = spans == list(zip(problem.start[lo:hi], problem.end[lo:hi], strict=True))
            equal = cells == problem.score[lo:hi] if same else np.zeros(len(cells), bool)
            check.compared += len(cells)
            why = WEIGHTS if row.weighs(row.spans[at]) else UNEXPLAINED
            check.reasons[why] += int((~equal).sum())
        entity += len(row.entities)
    check.reasons += Counter()
    return check


def paper_scores(paper: Code) -> Callable[..., Any]:
    score = paper.evaluators.get_relative_lenght_alignment_scores
    return lambda row, spans: score(row.backward, row.spans, spans).toarray()


def thesis_scores(thesis: Code) -> Callable[..., Any]:
    gather = thesis.projection.BaseProjectionTransform.gather_aligned_words
    score = thesis.costs.compute_alignment_cost

    def matrix(row: Sentence, spans: list[Span]) -> Any:
        return score(gather(row.links, len(row.source)), row.spans, spans).toarray()

    return matrix
