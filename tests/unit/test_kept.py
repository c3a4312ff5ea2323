"""The column scored_candidates: which candidates are kept, and why they lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xner
from tests.corpora import corpus, sentences
from xner.score.alignment import linked_ngrams
from xner.score.scene import Text

ROW = (
    3,
    3,
    [(0, 2, "PER"), (2, 3, "LOC")],
    [(0, 0, 1.0), (1, 1, 1.0), (1, 2, 0.5), (2, 1, 0.5), (2, 2, 1.0)],
)


def project(rows, **options):
    return xner.project(corpus(rows), score={"alignment": 1.0}, **options)


def kept(made):
    return [
        [(c["source"], c["start"], c["end"], c["score"], c["fate"], c["rival"]) for c in row]
        for row in made.table["scored_candidates"].to_pylist()
    ]


def test_each_candidate_says_why_it_lost():
    found = kept(project([ROW, (1, 1, [], []), (2, 2, [(0, 1)], [])], keep_candidates=9))
    assert found == [
        [
            (0, 0, 2, 1.0, "chosen", None),
            (0, 0, 3, 1.0, "overlaps", 1),
            (0, 1, 3, 0.75, "overlaps", 1),
            (0, 0, 1, pytest.approx(2 / 3), "lower_score", None),
            (0, 1, 2, pytest.approx(2 / 3), "lower_score", None),
            (0, 2, 3, pytest.approx(1 / 3), "overlaps", 1),
            (1, 2, 3, 1.0, "chosen", None),
            (1, 1, 3, 1.0, "overlaps", 0),
            (1, 1, 2, 0.5, "overlaps", 0),
        ],
        [],
        [],
    ]


def test_thresholds_and_constraints_are_reasons_too():
    fates = [c[4] for c in kept(project([ROW], keep_candidates=3, min_score=0.6))[0]]
    assert fates == ["chosen", "overlaps", "overlaps", "chosen", "overlaps", "below_threshold"]
    pytest.importorskip("ortools")
    none = kept(project([ROW], keep_candidates=1, method="ilp", constraint="==2"))
    assert [c[4] for c in none[0]] == ["not_chosen", "not_chosen"]


@settings(max_examples=40)
@given(
    st.lists(sentences(), min_size=1, max_size=3),
    st.integers(1, 4),
    st.sampled_from(["exact", "greedy"]),
)
def test_what_is_kept_is_what_the_solver_saw(rows, most, method):
    made = project(rows, keep_candidates=most, method=method, nesting="none")
    problem = linked_ngrams(Text(corpus(rows).table.combine_chunks().to_batches()[0])).problem
    entity = 0
    columns = kept(made), made.table["target_entities"].to_pylist()
    for row, found, chosen in zip(rows, *columns, strict=True):
        owners = {w: e["source"] for e in chosen for w in range(e["start"], e["end"])}
        for source in range(len(row[2])):
            own = [c[1:] for c in found if c[0] == source]
            first, last = problem.candidate_offsets[entity : entity + 2]
            every = sorted(
                (-problem.score[c], problem.start[c], problem.end[c]) for c in range(first, last)
            )
            assert len(own) == min(most, last - first)
            assert {(-c[2], c[0], c[1]) for c in own} <= set(every)
            lost = [c for c in own if c[3] != "chosen"]
            assert [c[2] for c in lost] == sorted((c[2] for c in lost), reverse=True)
            for start, end, _, fate, rival in own:
                takers = [owners.get(w, source) for w in range(start, end)]
                assert (fate == "overlaps") == any(taker != source for taker in takers)
                assert (rival is not None) == (fate == "overlaps")
                assert rival is None or rival in takers
            assert [c[:2] for c in own if c[3] == "chosen"] == [
                (e["start"], e["end"]) for e in chosen if e["source"] == source
            ]
            entity += 1


def test_the_column_is_written_on_request_only(tmp_path):
    made = project([ROW], keep_candidates=1)
    made.write(tmp_path / "o.jsonl")
    again = xner.scan(tmp_path / "o.jsonl")
    assert again.table["scored_candidates"].equals(made.table["scored_candidates"])
    assert "scored_candidates" not in xner.project(again).columns
    with pytest.raises(xner.UsageError, match="keep_candidates is -1; it must be at least 0"):
        project([ROW], keep_candidates=-1)
