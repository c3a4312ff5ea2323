"""The first pass over a corpus: statistics about its entities, collected batch by batch.

Each batch is projected with the scores that depend on links alone, and the result is counted
(`xner.score.counts`): words inside spans and next to them, translations of entities, links
between word types. The second pass repeats this choice for each batch, so that the contribution
of a sentence can be subtracted from its own statistics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xner.corpus import Corpus
from xner.kernels.records import Spans
from xner.report import Progress
from xner.score.adjacent import count_adjacent
from xner.score.alignment import Candidates, linked_ngrams
from xner.score.counts import Counts
from xner.score.dictionary import count_dictionary
from xner.score.edge import count_edges
from xner.score.lexicon import count_lexicon
from xner.score.registry import find_score, fused, link_scores
from xner.score.relabel import count_labels
from xner.score.sample import Sample
from xner.score.scene import Scene, Text
from xner.score.span_sums import count_sums
from xner.solve.exact import solve_exact
from xner.stages.base import require_columns
from xner.stages.large import large_rows, without_large
from xner.stages.work import Make, Work

if TYPE_CHECKING:
    from xner.stages.projection_options import ProjectionOptions

_FILE = "counts.npz"
NEEDED = ("source_tokens", "source_entities", "target_tokens", "links")


def count_corpus(
    corpus: Corpus, options: ProjectionOptions, sample: Sample | None = None
) -> Counts:
    """Collect the statistics of a corpus that has links.

    Statistics of parts of a corpus can be merged instead (`Counts.merge`).

    Args:
        corpus: a corpus, or a part of one.
        options: decide what is counted.
        sample: the rows to count, by default all.
    """
    counts = Counts(options.first_signature)
    counts.sample = sample
    corpus, begin = _needed(corpus), corpus.first
    end = begin + len(corpus)
    runs = [(begin, end)] if sample is None else list(sample.runs(begin, end))
    done, rows = 0, sum(last - first for first, last in runs)
    for first, last in runs:
        for batch in corpus.part(first - begin, last - begin).batches():
            text = Text(batch)
            count_batch(without_large(text, large_rows(text, options)), options, counts)
            done += batch.num_rows
            options.tell("count", done / max(1, rows))
    return counts


def sample_of(corpus: Corpus, options: ProjectionOptions) -> Sample | None:
    """The rows of a corpus that are counted, or None for all.

    Statistics that are saved are those of all rows: other runs may use them.
    """
    if options.save_counts is not None:
        return None
    return Sample.of(corpus.first, len(corpus), options.count_pairs)


def _needed(corpus: Corpus) -> Corpus:
    """The columns that are counted."""
    require_columns(corpus, *NEEDED)
    return corpus if corpus.columns == list(NEEDED) else corpus.select(*NEEDED)


@dataclass(frozen=True, slots=True)
class Alone:
    """What the first pass finds in a corpus of one sentence, for the second to use.

    Attributes:
        text: the sentence.
        made: its candidates.
        spans: the best choice by the scores of its links alone.
    """

    text: Text
    made: Candidates
    spans: Spans


def is_alone(corpus: Corpus, options: ProjectionOptions) -> bool:
    """Whether a corpus has one sentence whose own statistics are known without a first pass.

    A sentence is scored without what it added to the statistics itself. Of one sentence nothing is
    left but the shapes of words and the lengths of spans (`xner.score.span_sums`): no link is
    filled in, and the dictionary score is 0.
    """
    plain = options.counts is None and options.save_counts is None and options.relabel is None
    own = (name for name in options.score if find_score(name).counted)
    return len(corpus) == 1 and plain and set(own) <= {"edge", "dictionary", "likelihood"}


def count_alone(text: Text, options: ProjectionOptions) -> tuple[Counts, Alone]:
    """Collect the statistics of a corpus of one sentence that its score depends on."""
    counts = Counts(options.first_signature)
    made, spans = _first(text, options)
    count_sums(text, spans, counts)
    return counts, Alone(text, made, spans)


def counted(options: ProjectionOptions, corpus: Corpus, work: Work) -> Path:
    """Collect the statistics of a corpus part by part; returns their file."""
    sample = sample_of(corpus, options)
    maker = CountPart(replace(options, progress=None), sample)

    def merge(folder: Path) -> None:
        counts = Counts(options.first_signature)
        counts.sample = sample
        for part in work.each("count", corpus, maker):
            counts.include(Counts.load(part / _FILE))
        counts.save(folder / _FILE)

    corpus = _needed(corpus)  # here, so that all parts share one reader of each file
    path = work.once("counts", merge) / _FILE
    work.discard("count", _FILE)
    return path


@dataclass(frozen=True, slots=True)
class CountPart:
    """Collects the statistics of parts one by one.

    Attributes:
        options: decide what is counted.
        sample: the rows of the whole corpus that are counted, or None for all.
    """

    options: ProjectionOptions
    sample: Sample | None

    threaded: ClassVar[bool] = True

    def load(self) -> Make:
        """There is nothing to load."""

        def make(part: Corpus, folder: Path, tell: Progress) -> None:
            options = replace(self.options, progress=tell)
            count_corpus(part, options, self.sample).save(folder / _FILE)

        return make


def count_batch(text: Text, options: ProjectionOptions, counts: Counts) -> None:
    """Add the statistics of one batch."""
    spans = first_choice(text, options)
    count_edges(text, spans, counts)
    count_dictionary(text, spans, counts)
    count_lexicon(text, counts)
    count_adjacent(text, spans, counts)
    count_sums(text, spans, counts)
    if options.relabel:
        count_labels(text, spans, counts)


def first_choice(text: Text, options: ProjectionOptions) -> Spans:
    """The best choice of a batch by the scores of its links alone, one span per entity."""
    return _first(text, options)[1]


def _first(text: Text, options: ProjectionOptions) -> tuple[Candidates, Spans]:
    """The candidates of a batch, and the best choice by the scores of its links alone."""
    made = linked_ngrams(text, options.max_span, options.max_ratio)
    scene = Scene(text, made.problem)
    problem = made.problem.with_scores(fused(scene, link_scores(options.score)))
    return made, Spans.of(problem, solve_exact(problem, ilp=False).chosen)
