"""N-grams, given spans and NER scores are their plain twins; projection by them alone."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xner
from tests.corpora import WEIGHTS
from tests.reference import heuristic
from tests.reference import ner as twin
from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.kernels.records import Tags
from xner.kernels.tag_scores import ner_scores
from xner.score import registry
from xner.score.ner import ner, ner_spans
from xner.score.ngrams import all_ngrams, region_ngrams
from xner.score.scene import Scene, Text
from xner.score.spans import given_spans, run_spans

quick = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
TAGSETS = [
    ["O", "B-A", "I-A", "B-B", "I-B"],
    ["B-A", "O", "I-A", "I-B"],  # IOB1: B has no B-
    ["O", "B-A", "I-A", "L-A", "U-A"],
    ["O", "S-A", "B-A", "I-A", "E-A", "B-B"],
    ["O", "B-A"],
    ["I-A", "O"],
    ["O"],
]
LABELS = st.sampled_from("ABC")


@st.composite
def rows(draw, tagset):
    """Target words, entities `(start, end, label)`, links, probabilities, given spans."""
    words = draw(st.lists(st.sampled_from(["a", "b", "!", "?"]), max_size=7))
    entities = [
        (i, i + 1 + (i == 1), label) for i, label in enumerate(draw(st.lists(LABELS, max_size=2)))
    ]
    links, spans = [], []
    if words:
        at = st.integers(0, len(words) - 1)
        links = draw(st.lists(st.tuples(st.integers(0, 3), at, WEIGHTS), max_size=6))
        pairs = draw(st.lists(st.tuples(at, st.integers(1, 4)), max_size=4))
        spans = [(i, min(len(words), i + n)) for i, n in pairs]
    level = st.sampled_from([0.0, 0.03, 0.25, 0.5, 0.9])
    numbers = [[draw(level) for _ in tagset] for _ in words]
    return words, entities, links, numbers, spans


@st.composite
def corpora(draw):
    tagset = draw(st.sampled_from(TAGSETS))
    return tagset, draw(st.lists(rows(tagset), min_size=1, max_size=5))


def made(tagset, found, without=()):
    def objects(names, values):
        return [dict(zip(names, value, strict=True)) for value in values]

    columns = {
        "source_tokens": [["s"] * 4 for _ in found],
        "target_tokens": [r[0] for r in found],
        "source_entities": [objects(("start", "end", "label"), r[1]) for r in found],
        "links": [objects(("source", "target", "weight"), r[2]) for r in found],
        "target_tagset": [tagset for _ in found],
        "target_probabilities": [r[3] for r in found],
        "target_candidates": [objects(("start", "end"), r[4]) for r in found],
    }
    arrays = {n: pa.array(v, COLUMNS[n]) for n, v in columns.items() if n not in without}
    return Corpus.from_table(pa.table(arrays))


def expected(found, spans_of):
    return [
        (row, entity, span) for row in found for entity in row[1] for span in spans_of(row, entity)
    ]


TAGGED = ("target_tagset", "target_probabilities")


def words(entity):
    return entity[1] - entity[0]


def runs(row, entity):
    return heuristic.runs(*entity[:2], row[2], 1, 0.5, 2)[0]


def spans(problem):
    return list(zip(problem.start.tolist(), problem.end.tolist(), strict=True))


@quick
@given(corpora(), st.integers(1, 4), st.integers(0, 3))
def test_candidates_and_scores_are_their_twins(drawn, max_span, cut):
    tagset, found = drawn
    batch = next(made(tagset, found).batches()).slice(min(cut, len(found) - 1))
    text = Text(batch)
    found = found[min(cut, len(found) - 1) :]
    for made_, spans_of in (
        (all_ngrams(text, max_span), lambda row, e: twin.ngrams(row[0], max_span)),
        (all_ngrams(text, 1, 2.0, ["b"]), lambda row, e: twin.ngrams(row[0], 2 * words(e), "b")),
        (
            region_ngrams(text, max_span),
            lambda row, e: twin.region(e, row[0], row[2], max_span),
        ),
        (
            region_ngrams(text, 1, 2.0, []),
            lambda row, e: twin.region(e, row[0], row[2], 2 * words(e), ()),
        ),
        (given_spans(text), lambda row, e: sorted(set(row[4]))),
        (given_spans(text, True), lambda row, e: twin.subspans(row[4])),
        (run_spans(text, 1, 0.5, 2), lambda row, e: runs(row, e)),
        (run_spans(text, 1, 0.5, 2, True), lambda row, e: twin.subspans(runs(row, e))),
    ):
        problem = made_.problem
        wanted = expected(found, spans_of)
        assert spans(problem) == [span for _, _, span in wanted]
        assert problem.score == pytest.approx([twin.alignment(e, p, r[2]) for r, e, p in wanted])
        scene = Scene(text, problem)
        numbers = [np.array(row[3], np.float32).tolist() for row, _, _ in wanted]
        assert ner(scene) == pytest.approx(
            [twin.ner(tagset, n, p, e[2]) for n, (_, e, p) in zip(numbers, wanted, strict=True)]
        )
        assert ner_spans(scene) == pytest.approx(
            [twin.ner(tagset, n, p) for n, (_, _, p) in zip(numbers, wanted, strict=True)]
        )


def scored(problem, probability, predicted):
    score = np.empty(problem.candidates)
    boost = np.array([1.0, 1.0, 1.15])
    labels, words = np.zeros(1, np.int32), np.array([0, 3], np.int32)
    tags = Tags(words, probability, predicted)
    ner_scores(0, 1, problem, score, labels, tags, boost, 0.05)
    return score


def test_longer_spans_have_the_last_boost():
    batch = next(made(["O"], [(["a"] * 3, [(0, 1, "A")], [], [[1.0]] * 3, [])]).batches())
    problem = all_ngrams(Text(batch), 3).problem
    ones = np.ones((4, 3, 1), np.float32)
    assert scored(problem, ones, ones.astype(np.uint8)).max() == pytest.approx(1.15)


def test_projection_needs_no_links():
    """The whole predicted span wins over its parts; what no word speaks for gets nothing."""
    tags = ["O", "B-A", "I-A"]
    o, b, i = [0.98, 0.01, 0.01], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]
    found = [
        (["a", "b", "a", "a"], [(0, 1, "A"), (1, 2, "C")], [], [o, b, i, i], []),
        (["a"], [(0, 1, "A")], [], [o], []),
        (["!"], [(0, 1, "A")], [], [b], []),
        ([], [(0, 1, "A")], [], [], []),
    ]
    pairs = made(tags, found, without=("links", "target_candidates"))
    for method in ("exact", "greedy"):
        out = xner.project(pairs, score={"ner": 1.0}, candidates="ngrams", method=method)
        chosen = [
            [(e["start"], e["end"]) for e in r] for r in out.table["target_entities"].to_pylist()
        ]
        assert chosen == [[(1, 4)], [], [], []]
        assert out.table["outcomes"].to_pylist() == [
            ["projected", "below_threshold"], ["below_threshold"], ["no_candidate"],
            ["empty_target"],
        ]  # fmt: skip
        assert "links" not in out.columns
        assert "candidates:ngrams|aligner:none" in out.report.signature
        assert out.report.objective == pytest.approx(0.8 * 1.15**2)
    for longest, power in ((3, 2), (2, 1), (1, 0)):
        out = xner.project(pairs, score={"ner": 1.0}, candidates="ngrams", ner_longest=longest)
        assert out.report.objective == pytest.approx(0.8 * 1.15**power)
    # The label does not count for ner_spans: the best span goes to one of the two entities.
    out = xner.project(pairs, score={"ner_spans": 1.0}, candidates="ngrams", max_span=2)
    assert out.report.outcomes["projected"] == 2


def test_given_spans_and_links_take_part_together():
    o, b = [0.9, 0.1], [0.2, 0.8]
    row = (["a", "b", "a"], [(0, 1, "A")], [(0, 0, 1.0)], [o, o, b], [(0, 1), (1, 3), (0, 1)])
    pairs = made(["O", "B-A"], [row])

    def choose(**options):
        table = xner.project(pairs, **options).table
        return [(e["start"], e["end"]) for e in table["target_entities"][0].as_py()]

    assert choose(score={"alignment": 1.0}, candidates="spans") == [(0, 1)]
    assert choose(score={"alignment": 0.1, "ner": 1.0}, candidates="spans") == [(1, 3)]
    assert choose(score={"alignment": 0.1, "ner": 1.0}, candidates="ngrams") == [(2, 3)]
    assert choose(score={"overlap": 1.0, "edge": 0.5}, candidates="ngrams") == [(0, 1)]


def test_what_each_kind_of_candidate_offers(monkeypatch):
    """Links at 0, 1 and 4; the tagger's span is (1, 4); the score likes three words."""
    monkeypatch.setattr(registry, "_SCORES", dict(registry._SCORES))
    registry.register("three", lambda scene: 1.0 * (scene.problem.end - scene.problem.start == 3))
    row = (list("ab!ba"), [(0, 2, "A")], [(0, 0, 1.0), (1, 1, 1.0), (1, 4, 1.0)], [], [(0, 4)])
    pairs = made([], [row], TAGGED)

    def choose(score="three", **options):
        out = xner.project(pairs, score={score: 1.0}, **options)
        [entities] = out.table["target_entities"].to_pylist()
        return [(e["start"], e["end"]) for e in entities], out.report.signature

    assert choose(candidates="ngrams")[0] == []
    assert choose(candidates="region", stop_tokens=[])[0] == [(0, 3)]
    assert choose(candidates="region", stop_tokens=["a"])[0] == [(1, 4)]
    assert "|stop_tokens:a|" in choose(candidates="region", stop_tokens=["a"])[1]
    assert "|stop_tokens:none|" in choose(candidates="ngrams", stop_tokens=[])[1]
    assert choose(candidates="spans")[0] == []
    assert choose(candidates="spans", subspans=True)[0] == [(0, 3)]
    assert "|candidates:spans+subspans|" in choose(candidates="spans", subspans=True)[1]
    assert choose("alignment", candidates="runs")[0] == [(0, 2)]
    assert choose("alignment", candidates="runs", merge_distance=2)[0] == [(0, 5)]
    assert choose(candidates="runs", merge_distance=2)[0] == []
    assert choose(candidates="runs", merge_distance=2, subspans=True)[0] == [(0, 3)]
    assert "candidates:runs|merge_distance:2|" in choose(candidates="runs", merge_distance=2)[1]


def test_why_there_is_no_candidate():
    rows = [
        (["!", "a"], [(0, 1, "A")], [(0, 0, 1.0)], [], []),  # nothing but a stop token
        (["a"], [(0, 1, "A")], [], [], []),
        ([], [(0, 1, "A")], [], [], []),
        (["a"], [(0, 3, "A")], [(0, 0, 1.0)], [], []),  # a run of one word for three
    ]
    wanted = {
        "region": ["no_candidate", "unaligned", "empty_target", "projected"],
        "runs": ["projected", "unaligned", "empty_target", "too_short"],
    }
    for candidates, outcomes in wanted.items():
        for more in ({}, {"subspans": True}) if candidates == "runs" else ({},):
            out = xner.project(
                made([], rows, TAGGED), score={"alignment": 1.0}, candidates=candidates, **more
            )
            assert [o for row in out.table["outcomes"].to_pylist() for o in row] == outcomes


@pytest.mark.parametrize(
    ("without", "options", "error", "words"),
    [
        (["target_candidates"], {"candidates": "spans"}, xner.InputError, "target_candidates"),
        (["target_probabilities"], {"score": {"ner": 1}}, xner.InputError, "xner tag --side"),
        (["links"], {"seed": 3}, xner.UsageError, "seed has no effect with the other options"),
        ([], {"candidates": "all"}, xner.UsageError, "candidates is 'all'; choose one of links"),
        ([], {"method": "heuristic"}, xner.UsageError, "has no effect with method heuristic"),
        ([], {"subspans": True}, xner.UsageError, "subspans has no effect with candidates ngrams"),
        ([], {"stop_tokens": "!?"}, xner.UsageError, "stop_tokens is '!.'; it must be a list"),
        (
            [],
            {"stop_tokens": [], "candidates": "spans"},
            xner.UsageError,
            "stop_tokens has no effect with candidates spans",
        ),
    ],
)
def test_what_is_missing_or_makes_no_sense(without, options, error, words):
    row = (["a"], [(0, 1, "A")], [], [[0.5, 0.5]], [(0, 1)])
    given = {"score": {"ner": 1.0}, "candidates": "ngrams", **options}
    with pytest.raises(error, match=words):
        xner.project(made(["O", "B-A"], [row], without), **given)


def test_tagsets_must_agree_and_be_readable():
    row = (["a"], [(0, 1, "A")], [], [[0.5, 0.5]], [])
    for tagsets, words in (
        ([["O", "B-A"], ["B-A", "O"]], "rows differ in their target_tagset"),
        ([["O", "PER"], ["O", "PER"]], "'PER' is not a tag"),
    ):
        table = made(["O", "B-A"], [row, row]).table.drop_columns(["target_tagset"])
        table = table.append_column("target_tagset", pa.array(tagsets))
        with pytest.raises(xner.InputError, match=words):
            xner.project(Corpus.from_table(table), score={"ner": 1.0}, candidates="ngrams")


@pytest.mark.parametrize("span", [{"start": 0, "end": 2}, {"start": None, "end": 1}])
def test_given_spans_are_checked(span):
    table = pa.table({"target_tokens": [["a"]], "target_candidates": [[span]]})
    with pytest.raises(xner.InputError, match=r"row 1: .* in target_candidates"):
        Corpus.from_table(table)
