"""Scores are their plain twins; counts merge; batches, blocks and threads change nothing."""

import os
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.corpora import WEIGHTS
from tests.reference import scores as twin
from xner.columns import COLUMNS, Lists
from xner.corpus import Corpus
from xner.kernels import blocks
from xner.links import back_off
from xner.score import word_types
from xner.score.alignment import linked_ngrams
from xner.score.dictionary import dictionary
from xner.score.edge import edge
from xner.score.fill import fill_links
from xner.score.lexical import lexical
from xner.score.overlap import overlap
from xner.score.sample import RUNS, Sample
from xner.score.scene import Scene, Text
from xner.score.span_sums import _keys
from xner.score.word_types import _bare, words_of
from xner.stages.first_pass import count_batch, count_corpus, first_choice
from xner.stages.project import Project, project

quick = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
DEFAULT = Project()
WORDS = st.sampled_from(["der", "Der", "die", "Rat", "rat", "Élan", "ﬁ", "«Ja»", "1a", ",", "日本"])


def tokens_of(words):
    """A column of one sentence."""
    return Lists.of(pa.array([words], pa.list_(pa.string())))


@st.composite
def texts(draw):
    """A row of few word types, so that they meet again in other rows."""
    source, target = draw(st.lists(WORDS, max_size=5)), draw(st.lists(WORDS, max_size=6))
    entities, links = [], []
    if source:
        starts = draw(st.lists(st.integers(0, len(source) - 1), max_size=3))
        entities = [
            (s, min(len(source), s + draw(st.integers(1, 2))), draw(st.sampled_from("AB")))
            for s in starts
        ]
    if source and target:
        words = st.integers(0, len(source) - 1), st.integers(0, len(target) - 1)
        links = draw(st.lists(st.tuples(*words, WEIGHTS), max_size=6))
    return source, target, entities, links


ROWS = st.lists(texts(), min_size=1, max_size=6)


def made(rows):
    entities = [[dict(zip(("start", "end", "label"), e, strict=True)) for e in r[2]] for r in rows]
    links = [
        [dict(zip(("source", "target", "weight"), x, strict=True)) for x in r[3]] for r in rows
    ]
    columns = {
        "source_tokens": [r[0] for r in rows],
        "target_tokens": [r[1] for r in rows],
        "source_entities": entities,
        "links": links,
    }
    return Corpus.from_table(pa.table({n: pa.array(v, COLUMNS[n]) for n, v in columns.items()}))


def first(rows):
    """The scene of a batch after a first pass over it, and the spans chosen in each row."""
    pairs = made(rows)
    batch = next(pairs.batches())
    text, counts = Text(batch), count_corpus(pairs, DEFAULT)
    spans = first_choice(text, DEFAULT)
    problem = linked_ngrams(text).problem
    chosen = [
        [
            (spans.start[k], spans.end[k], spans.entity[k] - problem.entity_offsets[s])
            for k in range(spans.offsets[s], spans.offsets[s + 1])
        ]
        for s in range(len(rows))
    ]
    return Scene(text, problem, spans, counts), chosen


def candidates(rows, problem):
    """Row, entity and span of every candidate."""
    for s, row in enumerate(rows):
        for e, entity in enumerate(row[2]):
            at = problem.entity_offsets[s] + e
            for c in range(problem.candidate_offsets[at], problem.candidate_offsets[at + 1]):
                yield s, entity, (int(problem.start[c]), int(problem.end[c]))


@quick
@given(ROWS)
def test_scores_are_their_twins(rows):
    scene, chosen = first(rows)
    found = list(candidates(rows, scene.problem))
    assert overlap(scene) == pytest.approx([twin.overlap(e, p, rows[s][3]) for s, e, p in found])
    assert edge(scene) == pytest.approx([twin.edge(rows, chosen, s, e, p) for s, e, p in found])
    assert dictionary(scene) == pytest.approx(
        [twin.dictionary(rows, chosen, s, e, p) for s, e, p in found]
    )
    texts = [(rows[s][0][e[0] : e[1]], rows[s][1][p[0] : p[1]]) for s, e, p in found]
    assert lexical(scene) == pytest.approx([twin.lexical(*pair) for pair in texts])
    for score in (overlap(scene), edge(scene), dictionary(scene), lexical(scene)):
        assert ((score >= 0) & (score <= 1)).all()


@quick
@given(ROWS)
def test_filled_links_are_the_twins(rows):
    scene, chosen = first(rows)
    links = fill_links(scene.text, scene.spans, scene.counts, DEFAULT.fill).links
    for s in range(len(rows)):
        part = slice(links.offsets[s], links.offsets[s + 1])
        got = list(zip(*(column[part].tolist() for column in links[1:]), strict=True))
        lexicon = twin.filled(rows, s)
        more = [x for x in twin.adjacent(rows, chosen, s) if x[1] not in {y[1] for y in lexicon}]
        expected = rows[s][3] + sorted(lexicon + more, key=lambda link: link[1])
        assert [x[:2] for x in got] == [x[:2] for x in expected]
        assert [x[2] for x in got] == pytest.approx([x[2] for x in expected])


@quick
@given(ROWS, st.integers(1, 5))
def test_counts_merge_and_batches_do_not_matter(rows, cut):
    whole = count_corpus(made(rows), DEFAULT)
    parts = [count_corpus(made(part), DEFAULT) for part in (rows[:cut], rows[cut:]) if part]
    assert parts[0].merge(parts[-1]) == (whole if len(parts) > 1 else whole.merge(whole))
    sliced = count_corpus(made(rows[:0]), DEFAULT)
    batch = next(made(rows).batches())
    for part in (batch.slice(0, cut), batch.slice(cut)):
        count_batch(Text(part), DEFAULT, sliced)
    assert sliced == whole


SETTINGS = ({}, {"score": {"overlap": 1.0, "edge": 0.5, "dictionary": 0.25}}, {"relabel": 0.6})


@settings(quick, max_examples=40)
@given(ROWS, texts(), st.sampled_from(SETTINGS))
def test_a_sentence_outside_of_the_sample_takes_nothing_from_the_counts(rows, row, options):
    # A sentence of the sample subtracts its filled links too, which were not counted.
    options = {"fill": {}, **options}
    stage = Project(**options)
    counts, own = count_corpus(made(rows), stage), count_corpus(made([row]), stage)
    # With its own counts added it takes them away again; shapes and lengths stay.
    kept = _keys()
    both = counts.merge(own)
    both.add(kept, counts.of(kept) - both.of(kept))
    counts.sample = Sample(1, 9, 8)  # without row 0
    expected, found = (project(made([row]), counts=each, **options) for each in (both, counts))
    assert found.table.to_pylist() == expected.table.to_pylist()
    assert found.report.signature == f"{expected.report.signature}|counted:8/9"


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(1, 10**7), st.data())
def test_samples_are_spread_and_small(first, rows, most, data):
    if (sample := Sample.of(first, rows, most)) is None:
        assert rows <= most
        return
    runs = list(sample.runs(first, first + rows))
    assert rows > most >= sum(b - a for a, b in runs)
    assert len(runs) <= RUNS
    assert runs[-1][0] >= first + rows - sample.block
    a = data.draw(st.integers(first, first + rows - 1))
    b = min(first + rows, a + data.draw(st.integers(0, 1000)))
    rows_of_runs = {row for begin, end in sample.runs(a, b) for row in range(begin, end)}
    assert sample.flags(a, b - a).tolist() == [row in rows_of_runs for row in range(a, b)]


@quick
@given(ROWS, st.integers(1, 5))
def test_batches_blocks_and_threads_change_nothing(rows, cut):
    pairs = made(rows)
    whole = project(pairs).table
    batch = next(pairs.batches())
    parts = Corpus(
        lambda: iter([batch.slice(0, cut), batch.slice(cut)]), len(rows), "parts", batch.schema
    )
    run = blocks.over_blocks
    homes = ("alignment", "dictionary", "lexicon", "adjacent", "scene")
    with mock.patch.dict(os.environ, {"XNER_THREADS": "2"}):
        patches = [
            mock.patch(
                f"xner.score.{home}.over_blocks",
                lambda kernel, n, *a: run(kernel, range(0, n, 1), *a),
            )
            for home in homes
        ]
        for patch in patches:
            patch.start()
        split = project(parts).table
        for patch in patches:
            patch.stop()
    assert split.to_pylist() == whole.to_pylist()


@quick
@given(st.lists(st.text(max_size=4), max_size=9))
def test_keys_and_shapes_of_words(words):
    made_of = words_of(tokens_of(words))
    bare = twin.bare(words)
    for i, a in enumerate(bare):
        for j, b in enumerate(bare):
            assert (a == b) == (made_of.keys[i] == made_of.keys[j])


@quick
@given(st.lists(st.lists(st.text("ab(])é語", max_size=9), max_size=6), max_size=5))
def test_words_that_are_remembered_or_forgotten_are_the_same(batches):
    remembered = word_types._Remembered()
    with (
        mock.patch.object(word_types, "_REMEMBERED", remembered),
        mock.patch.object(word_types, "MOST_TYPES", 4),
    ):
        for words in (words for batch in batches for words in (batch, batch)):
            made_of = words_of(tokens_of(words))
            with mock.patch.object(word_types, "_REMEMBERED", word_types._Remembered()):
                alone = words_of(tokens_of(words))
            assert all(np.array_equal(a, b) for a, b in zip(made_of, alone, strict=True))
            assert made_of.letters.tolist() == [len(word) for word in words]
            depths = [sum("([".count(c) - ")]".count(c) for c in word) for word in words]
            assert made_of.brackets.tolist() == depths
            assert remembered.size == np.count_nonzero(remembered.table[:, 0])
            assert 2 * remembered.size <= len(remembered.table)


def test_shapes():
    words = ["Haus", "haus", "Élan", "élan", "12", "«Ja»", "„so“", "...", "日本", "", "(1)", "Ж"]
    shapes = words_of(tokens_of(words)).shapes
    assert shapes.tolist() == [0, 1, 0, 1, 2, 0, 1, 3, 1, 3, 2, 0]


@quick
@given(texts(), st.data())
def test_links_back_off(row, data):
    source, target, _, links = row
    more = []
    if source and target:
        words = st.integers(0, len(source) - 1), st.integers(0, len(target) - 1)
        more = data.draw(st.lists(st.tuples(*words, WEIGHTS), max_size=6))
    column = [
        made([(source, target, [], x)] * 2).table["links"].combine_chunks() for x in (links, more)
    ]
    used = [(i, j) for i, j, weight in links if weight > 0]
    free = [x for x in more if all(x[0] != i and x[1] != j for i, j in used)]
    expected = [{"source": i, "target": j, "weight": np.float32(w)} for i, j, w in links + free]
    assert back_off(*column).to_pylist() == [expected] * 2


@given(st.lists(st.text(max_size=6), max_size=6))
def test_punctuation_around_words_is_stripped_as_by_the_expression(words):
    column = pa.array(words, pa.string())
    ends = r"^[^\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+$"
    bare = pc.replace_substring_regex(column, ends, "")
    assert _bare(column).to_pylist() == pc.if_else(pc.equal(bare, ""), column, bare).to_pylist()
