"""The first pass: what the corpus itself says about its entities, counted batch by batch.

Each batch is projected by the scores of the links alone, and what came out is counted
(`xner.score.counts`): words inside spans and next to them, translations of entities, links
between word types. The second pass makes the same choice again for each batch, so that a
sentence's own contribution can be left out of the counts.
"""

from __future__ import annotations

from collections.abc import Callable

from xner.corpus import Corpus, require
from xner.kernels.records import Spans
from xner.pipeline.settings import Settings
from xner.score.adjacent import count_adjacent
from xner.score.alignment import linked_ngrams
from xner.score.counts import Counts
from xner.score.dictionary import count_dictionary
from xner.score.edge import count_edges
from xner.score.lexicon import count_lexicon
from xner.score.registry import fused, link_scores
from xner.score.relabel import count_labels
from xner.score.scene import Scene, Text
from xner.solve.exact import solve_exact

NEEDED = ("source_tokens", "source_entities", "target_tokens", "links")


def count_corpus(
    pairs: Corpus,
    settings: Settings,
    progress: Callable[[float], None] = lambda share: None,
) -> Counts:
    """Count a corpus that has links. Counts of its parts may be merged instead."""
    counts = Counts(settings.first_signature)
    done = 0
    for batch in pairs.batches():
        require(batch, *NEEDED)
        count_batch(Text(batch), settings, counts)
        done += batch.num_rows
        progress(done / max(1, len(pairs)))
    return counts


def count_batch(text: Text, settings: Settings, counts: Counts) -> None:
    """Add what one batch shows."""
    spans = first_choice(text, settings)
    count_edges(text, spans, counts)
    count_dictionary(text, spans, counts)
    count_lexicon(text, counts)
    count_adjacent(text, spans, counts)
    if settings.relabel:
        count_labels(text, spans, counts)


def first_choice(text: Text, settings: Settings) -> Spans:
    """The best choice of a batch by the scores of its links alone, one span an entity."""
    made = linked_ngrams(text, settings.max_span, settings.max_ratio)
    scene = Scene(text, made.problem)
    problem = made.problem.with_scores(fused(scene, link_scores(settings.score)))
    return Spans.of(problem, solve_exact(problem, ilp=False).chosen)
