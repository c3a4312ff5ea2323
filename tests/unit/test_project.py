"""What becomes of entities: labels, outcomes, the summary."""

import sys

import numpy as np
import pyarrow as pa
import pytest

import xner
from tests.corpora import corpus
from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.outcomes import Outcome
from xner.stages.solved import OUTCOMES

ROWS = [
    # projected, both; the second entity's label travels with it
    (4, 4, [(0, 2, "PER"), (3, 4, "LOC")], [(0, 2, 1.0), (1, 3, 1.0), (3, 0, 1.0)]),
    # unaligned and, for want of words, empty_target
    (2, 2, [(0, 1, "PER")], [(1, 1, 1.0)]),
    (2, 0, [(0, 2, "PER")], []),
    # two overlapping entities and one word for them
    (3, 3, [(0, 2, "ORG"), (1, 2, "LOC")], [(1, 1, 1.0)]),
    # nothing at all
    (0, 0, [], []),
]


def spans(table):
    return [
        [(e["start"], e["end"], e["label"], e["source"]) for e in row]
        for row in table["target_entities"].to_pylist()
    ]


def test_greedy():
    out = xner.project(corpus(ROWS), preset="paper-greedy")
    assert spans(out.table) == [
        [(0, 1, "LOC", 1), (2, 4, "PER", 0)],
        [],
        [],
        [(1, 2, "LOC", 1)],
        [],
    ]
    assert out.table["outcomes"].to_pylist() == [
        ["projected", "projected"],
        ["unaligned"],
        ["empty_target"],
        ["conflict", "projected"],
        [],
    ]
    assert out.table["target_entities"].to_pylist()[0][1]["score"] == 1.0


def test_heuristic_says_what_was_too_short():
    rows = [(5, 5, [(0, 5, "ORG")], [(0, 0, 1.0), (1, 1, 1.0)])]
    out = xner.project(corpus(rows), method="heuristic")
    assert out.table["outcomes"].to_pylist() == [["too_short"]]
    out = xner.project(corpus(rows), method="heuristic", length_ratio=0.3)
    assert spans(out.table) == [[(0, 2, "ORG", 0)]]


def test_heuristic_projects_every_run_or_the_longest():
    links = [(0, 0, 1.0), (0, 4, 1.0), (1, 5, 1.0)]
    rows = [(2, 6, [(0, 2, "LOC")], links)]
    both = xner.project(corpus(rows), method="heuristic", length_ratio=0)
    assert spans(both.table) == [[(0, 1, "LOC", 0), (4, 6, "LOC", 0)]]
    one = xner.project(corpus(rows), method="heuristic", length_ratio=0, top_k=1)
    assert spans(one.table) == [[(4, 6, "LOC", 0)]]
    assert both.report.spans == 2
    assert both.report.outcomes["projected"] == 1


def test_the_summary_accounts_for_every_entity():
    out = xner.project(corpus(ROWS))
    summary = out.report.as_dict()
    assert summary["sentences"] == 5
    assert summary["entities"] == 6 == sum(summary["outcomes"].values())
    assert set(summary["outcomes"]) == {*OUTCOMES.values(), Outcome.TOO_LARGE}
    chosen = [e["score"] for row in out.table["target_entities"].to_pylist() for e in row]
    assert summary["objective"] == pytest.approx(sum(chosen))
    assert summary["sentences_per_second"] > 0
    assert summary["bound"] >= summary["objective"]
    assert sum(summary["routes"].values()) == sum(summary["statuses"].values()) == 5
    assert "method:exact" in summary["signature"]
    assert "aligner:given" in summary["signature"]


def test_the_result_can_be_written(tmp_path):
    out = xner.project(corpus(ROWS[:1]))
    out.write(tmp_path / "o.conll")
    text = (tmp_path / "o.conll").read_text()
    assert text == "t0\tB-LOC\nt1\tO\nt2\tB-PER\nt3\tI-PER\n\n"


def test_other_columns_stay():
    table = corpus(ROWS).table.append_column("note", [["a", "b", "c", "d", "e"]])
    out = xner.project(xner.Corpus.from_table(table))
    assert out.table["note"].to_pylist() == list("abcde")


def test_projecting_again_replaces_the_columns():
    once = xner.project(corpus(ROWS), method="heuristic")
    twice = xner.project(once, method="greedy")
    assert twice.table.equals(xner.project(corpus(ROWS), method="greedy").table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method is 'magic'; choose one of"),
        ({"score": {"vibes": 1.0}}, "unknown score 'vibes'"),
        ({"preset": "paper-magic"}, "preset is 'paper-magic'; choose one of default, paper-"),
        ({"fill": {"wishes": 1.0}}, "unknown fill 'wishes'; choose from lexicon"),
        ({"fill": {"lexicon": 2.0}}, "must be in \\(0, 1\\]"),
        ({"score": {"alignment": 0.0}}, "must be above 0"),
        ({"max_span": 0}, "max_span is 0"),
        ({"merge_distance": -1}, "merge_distance is -1; it must be at least 0"),
        ({"top_k": 0}, "top_k is 0"),
        ({"constraint": "=1"}, "unknown constraint '=1'"),
        ({"constraint": "==1", "method": "greedy"}, "greedy cannot guarantee ==1"),
        (
            {"constraint": "<=2", "method": "heuristic"},
            "constraint has no effect with method",
        ),
        ({"backend": "abacus"}, "backend is 'abacus'"),
        ({"method": "ilp", "gap": -1.0}, "gap is -1"),
        ({"method": "ilp", "time_limit": 0.0}, "time_limit is 0"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(xner.UsageError, match=message):
        xner.project(corpus(ROWS), **options)


def test_an_unknown_aligner():
    table = corpus(ROWS).table.drop_columns(["links"])
    with pytest.raises(xner.UsageError, match="aligner is 'magic'"):
        xner.project(xner.Corpus.from_table(table), aligner="magic")


# Alone, both entities want word 1, and the second scores a little more there. Greedy gives it
# the word and leaves .1 for the first; the best choice gives the first word 1.
CLASH = (
    2,
    3,
    [(0, 1, "PER"), (1, 2, "LOC")],
    [(0, 1, 0.9), (0, 0, 0.1), (1, 1, 1.0), (1, 2, 0.8)],
)


@pytest.mark.parametrize("method", ["exact", "ilp"])
def test_the_optimum_where_greedy_misses_it(method):
    if method == "ilp":
        pytest.importorskip("ortools")
    score = {"alignment": 1.0}
    greedy = xner.project(corpus([CLASH]), method="greedy", score=score, max_span=1)
    best = xner.project(corpus([CLASH]), method=method, score=score, max_span=1)
    assert greedy.report.objective == pytest.approx(1.1)
    assert greedy.report.statuses == {"feasible": 1}
    assert best.report.objective == pytest.approx(1.7)
    assert best.report.bound == pytest.approx(1.7)
    assert best.report.statuses == {"optimal": 1}
    assert best.report.routes == {"dp" if method == "exact" else "ilp": 1}
    assert best.table["solution"].to_pylist()[0]["objective"] == pytest.approx(1.7)


def test_constraints_that_cannot_be_met_are_reported():
    pytest.importorskip("ortools")
    out = xner.project(corpus([CLASH, ROWS[1]]), preset="paper-ilp", constraint="==1", max_span=1)
    assert out.table["outcomes"].to_pylist() == [["projected", "projected"], ["infeasible"]]
    assert out.report.statuses == {"optimal": 1, "infeasible": 1}
    # What `exact` does not cover went to the ILP, and the result says so.
    assert out.report.routes["ilp"] == 1
    inner_unaligned = (2, 1, [(0, 2), (1, 2)], [(0, 0, 1.0)])
    out = xner.project(corpus([inner_unaligned]), constraint="==1")
    assert out.table["outcomes"].to_pylist() == [["infeasible"] * 2]
    assert out.report.statuses == {"infeasible": 1}
    assert out.report.spans == out.report.objective == out.report.bound == 0


def test_inner_entities_lie_inside_or_apart_from_outer_ones():
    rows = [
        # Translated between two others, one of them around it: touches both, shares no word.
        (9, 6, [(0, 3), (4, 8), (4, 5)],
         [(0, 0, 1), (1, 1, 1), (4, 2, 1), (5, 3, 1), (6, 4, 1), (7, 4, 1)]),
        # The best candidate crosses the right or left edge of the outer span.
        (4, 8, [(0, 4), (0, 1)], [(0, 4, 1), (0, 5, 1), (1, 3, 1), (2, 3, 1), (3, 3, 1)]),
        (4, 8, [(0, 4), (3, 4)], [(3, 3, 1), (3, 2, 1), (1, 4, 1), (2, 4, 1), (0, 4, 1)]),
        # Entities that cross in the source may cross in the target.
        (4, 3, [(0, 3), (2, 4)], [(0, 0, 1), (1, 1, 1), (2, 1, 1), (3, 2, 1)]),
    ]  # fmt: skip
    for method in ("exact", "greedy"):
        out = xner.project(corpus(rows), method=method, score={"alignment": 1.0}, max_span=2)
        found = out.table["target_entities"].to_pylist()
        spans = [[(e["start"], e["end"], e["source"]) for e in row] for row in found]
        assert spans == [
            [(0, 2, 0), (2, 3, 2), (3, 5, 1)],
            [(3, 5, 0), (4, 5, 1)],
            [(2, 3, 1), (3, 5, 0)],
            [(0, 2, 0), (1, 3, 1)],
        ]
        for row, solution in zip(found, out.table["solution"].to_pylist(), strict=True):
            assert solution["objective"] == pytest.approx(sum(e["score"] for e in row))
            assert solution["bound"] == pytest.approx(solution["objective"])


def test_an_entity_may_be_used_more_than_once():
    rows = [(1, 5, [(0, 1)], [(0, 0, 1.0), (0, 2, 1.0), (0, 4, 1.0)])]
    for method in ("greedy", "exact"):
        for constraint, made in (("<=1", 1), ("<=2", 2), ("unlimited", 3)):
            out = xner.project(
                corpus(rows), method=method, score={"alignment": 1.0}, constraint=constraint
            )
            assert out.report.spans == made


def test_ilp_without_ortools_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    with pytest.raises(xner.MissingExtraError, match=r"pip install 'xner\[ilp\]'"):
        xner.project(corpus(ROWS), method="ilp")


def test_a_sentence_that_ran_out_of_time_is_not_called_infeasible(monkeypatch):
    from xner.solve.exact import solve_exact
    from xner.solve.solution import Solution, Status
    from xner.stages import second_pass as module

    in_time = iter([])

    def late(problem, **options):
        if next(in_time, False):
            return solve_exact(problem)
        none = np.zeros(problem.sentences)
        unknown = np.full(problem.sentences, Status.UNKNOWN, np.uint8)
        chosen = np.zeros(problem.candidates, np.uint8)
        return Solution(chosen, none, none, np.zeros_like(unknown), unknown)

    monkeypatch.setattr(module, "solve_ilp", late)
    out = xner.project(corpus([CLASH]), constraint="==1", time_limit=1e-9)
    assert out.table["outcomes"].to_pylist() == [["unsolved", "unsolved"]]
    assert out.report.statuses == {"unknown": 1}
    in_time = iter([True])  # the outer entity; not the one inside it
    nested = (2, 2, [(0, 2), (1, 2)], [(0, 0, 1.0), (1, 1, 1.0)])
    out = xner.project(corpus([nested]), constraint="==1", time_limit=1e-9)
    assert out.table["outcomes"].to_pylist() == [["unsolved", "unsolved"]]
    assert (out.report.spans, out.report.objective) == (0, 0)
    assert out.report.statuses == {"unknown": 1}


def test_a_corpus_without_rows_stays_without():
    names = ("id", "source_tokens", "source_entities", "target_tokens")
    empty = Corpus.from_table(pa.table({name: pa.array([], COLUMNS[name]) for name in names}))
    made = xner.project(empty)
    assert len(made) == len(xner.align(empty)) == 0
    assert made.table.num_rows == made.report.sentences == made.report.entities == 0
    assert "aligner:native(" in made.report.signature
