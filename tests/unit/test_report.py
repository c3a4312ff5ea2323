"""The report that a stage fills."""

import pytest

from xner.report import Figure, Report

FIGURES = (
    Figure("entities", "source entities"),
    Figure("outcomes", "", ("projected", "conflict")),
    Figure("objective", start=0.0),
    Figure("align_seconds", "seconds of aligning", 0.0),
    Figure("changes", start=(), as_json=sorted, as_rows=lambda c: [("x", str(len(c)))]),
)


def test_figures_grow_and_are_printed():
    report = Report(FIGURES, "xner:1")
    report.add(sentences=2, entities=3, outcomes={"projected": 2}, objective=1.5)
    report.add(sentences=1, entities=1, outcomes=["conflict"], changes=[("a", "b")])
    report.seconds = 2.0
    report.add(align_seconds=0.12345)
    assert report.outcomes == {"projected": 2, "conflict": 1}
    assert report.as_dict() == {
        "sentences": 3,
        "entities": 4,
        "outcomes": {"projected": 2, "conflict": 1},
        "objective": 1.5,
        "align_seconds": 0.1235,
        "changes": [("a", "b")],
        "seconds": 2.0,
        "sentences_per_second": 1.5,
        "signature": "xner:1",
    }
    assert report.rows() == [
        ("sentences", "3"),
        ("source entities", "4"),
        ("  projected", "2"),
        ("  conflict", "1"),
        ("objective", "1.50"),
        ("seconds of aligning", "0.12"),
        ("x", "1"),
        ("seconds", "2.00"),
        ("sentences per second", "1.5"),
    ]
    assert "entities" in repr(report)


def test_reports_do_not_share_counters():
    one, other = Report(FIGURES), Report(FIGURES)
    one.add(outcomes=["projected"])
    assert other.outcomes == {"projected": 0, "conflict": 0}
    one.replace(entities=5, outcomes={"conflict": 2})
    assert (one.entities, dict(one.outcomes)) == (5, {"conflict": 2})


def test_unknown_figures_are_named():
    with pytest.raises(AttributeError, match="no figure 'spans'; it has entities, outcomes"):
        Report(FIGURES).spans  # noqa: B018 - the access is the test
