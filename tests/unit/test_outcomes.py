"""The outcomes of source entities."""

from xner.outcomes import Outcome, is_labelled, outcomes_of
from xner.stages import solved


def test_stages_give_these_outcomes():
    assert set(outcomes_of("project")) == {*solved.OUTCOMES.values(), Outcome.TOO_LARGE}
    assert outcomes_of("easyproject") == ["marked", "projected", "marker_lost", "empty_target"]
    assert outcomes_of("back_translate") == ["marked", "marker_lost", "empty_target"]
    assert all(one.stages and one.meaning for one in Outcome)


def test_labelled_outcomes():
    labelled = {one.value for one in Outcome if one.labelled}
    assert labelled == {"marked", "projected", "relabelled", "corrected"}
    assert is_labelled("marked")
    assert not is_labelled("foreign")
    assert not is_labelled(None)
