"""Options without effect are refused, and no others: every option in many contexts."""

import numpy as np
import pyarrow as pa
import pytest

import xner
from xner.cli import main
from xner.cli.flags import flag_of
from xner.columns import CANDIDATES, COLUMNS
from xner.corpus import Corpus
from xner.effects import GIVEN, NOTHING, rule, when, why_idle
from xner.errors import NoEffectError, UsageError
from xner.options import build, declare, option, options_of, refuse_idle, settle
from xner.score.ngrams import STOP_TOKENS
from xner.solve.constraint import Constraint
from xner.stages import find_stage, stage_names
from xner.stages.project import Project
from xner.tagging.fake import FakeTagger
from xner.translation.fake import FakeTranslator

WORDS = ["a", "b", "c", "d", "!", "e"]


def corpus(rows=40):
    """Random sentences with links, repeated phrases and candidates."""
    rng = np.random.default_rng(3)
    made = {"source_tokens": [], "target_tokens": [], "source_entities": [], "links": [],
            "target_candidates": []}  # fmt: skip
    for _ in range(rows):
        n, m = rng.integers(5, 12, 2)
        starts = rng.choice(n - 3, 2, replace=False)
        pairs = rng.integers(0, [n, m], (n + m, 2)).tolist()
        made["source_tokens"].append(rng.choice(WORDS, n).tolist())
        made["target_tokens"].append(rng.choice(WORDS, m).tolist())
        made["source_entities"].append(
            [{"start": int(s), "end": int(s + rng.integers(1, 4)), "label": rng.choice(["X", "Y"])}
             for s in sorted(starts)[:1 + (abs(starts[0] - starts[1]) > 3)]]
        )  # fmt: skip
        made["links"].append(
            [{"source": s, "target": t, "weight": w}
             for (s, t), w in zip(sorted(set(map(tuple, pairs))),
                                  rng.uniform(0.1, 1, n + m).tolist(), strict=False)]
        )  # fmt: skip
        spans = [(0, 1), (1, 3), (2, min(5, m))]
        made["target_candidates"].append([{"start": int(a), "end": int(b)} for a, b in spans])
    types = {**COLUMNS, "target_candidates": CANDIDATES}
    return Corpus.from_table(pa.table({n: pa.array(v, types[n]) for n, v in made.items()}))


PAIRS = corpus()
VALUES = {
    "score": {"alignment": 1.0, "edge": 0.2},
    "fill": {"lexicon": 0.1},
    "candidates": "runs",
    "stop_tokens": ["a", "b"],
    "subspans": True,
    "max_span": 1,
    "max_ratio": 8.0,
    "min_score": 0.7,
    "min_precision": 0.9,
    "merge_distance": 4,
    "length_ratio": 0.0,
    "top_k": 1,
    "relabel": 0.51,
    "constraint": "<=2",
    "backend": "highs",
    "time_limit": 5.0,
    "gap": 0.5,
}
"""Of each option a value that can change the result."""
UNSEEN = {"backend", "time_limit", "gap"}
"""Options that decide how a solver finds its result."""
OF_LINKS, OF_COUNTS, OF_WORDS = (
    {"alignment": 1.0},
    {"alignment": 1.0, "edge": 1.0},
    {"lexical": 1.0},
)
CONTEXTS = [
    *(
        {"method": "exact", "candidates": candidates, **more}
        for candidates in ("links", "ngrams", "region", "runs", "spans")
        for more in ({"score": OF_LINKS}, {"score": OF_WORDS}, {})
    ),
    {"method": "exact", "candidates": "links", "max_span": 2, "score": OF_LINKS},
    {"method": "exact", "candidates": "runs", "max_span": 2, "score": OF_COUNTS},
    {"method": "greedy", "candidates": "runs", "score": OF_LINKS},
    {"method": "exact"},
    {"method": "heuristic"},
    {"method": "heuristic", "relabel": 0.51},
    {"method": "heuristic", "fill": {"adjacent": 1.0}},
]


def result(stage):
    made = stage(PAIRS).table
    return made["target_entities"].to_pylist(), made["outcomes"].to_pylist()


def forced(stage, name, value):
    """The stage with a value that the constructor refuses."""
    copy = Project.__new__(Project)
    copy.__dict__.update(stage.__dict__)
    value = Constraint.parse(value) if name == "constraint" else value
    object.__setattr__(copy, name, tuple(value) if name == "stop_tokens" else value)
    return copy


def built_or_refused(stage, given):
    """The stage, or the error that refuses an option of it."""
    try:
        return build(stage, given)
    except UsageError as error:
        return error


def test_what_is_refused_changes_nothing_and_what_is_not_changes_something():
    reached = {name: {} for name in VALUES}
    for context in CONTEXTS:
        stage = Project(**context)
        usual = result(stage)
        for name in VALUES.keys() - context.keys():
            given = {**context, name: VALUES[name]}
            made = built_or_refused(Project, given)
            if isinstance(made, NoEffectError):
                assert made.option == name, (given, made)
                assert result(forced(stage, name, VALUES[name])) == usual, given
                with pytest.raises(NoEffectError):
                    Project(**given)
                continue
            conditions = [c for c in options_of(Project)[name].when if c.holds(made)]
            changed = result(made) != usual if name not in UNSEEN else True
            for condition in conditions if len(conditions) == 1 else ():
                known = reached[name].get(id(condition), False)
                reached[name][id(condition)] = known or changed
            if not conditions:
                reached[name][""] = reached[name].get("", False) or changed
    idle = [name for name, found in reached.items() if not all(found.values())]
    assert not idle, "these conditions allow an option that changes nothing"
    assert all(reached[name] for name in VALUES.keys() - UNSEEN)


OTHERS = {
    "align": [{"links": ["a.align"]}, {"aligner": "eflomal"}, {"model": "m.npz"},
              {"aligner": "simalign"}, {"symmetrisation": "union"}, {"pivot": ["es.txt"]},
              {"aligner": "awesome", "extraction": "entmax15"}, {}],
    "align_tgt": [{"method": "heuristic"}, {"candidates": "spans", "score": {"lexical": 1.0}}, {}],
    "back_translate": [{"markers": "xml"}, {"translator": FakeTranslator({})}, {}],
    "candidates": [{"spans_from": "a.conll"}],
    "distill": [{"base": "b"}, {"from_scratch": "small"}],
    "easyproject": [{"fallback": "none", "markers": "xml"}, {"translator": FakeTranslator({})}, {}],
    "project": [{"method": "heuristic"}, {"candidates": "spans", "score": {"lexical": 1.0}}, {}],
    "refine": [{"aligner": "eflomal"}, {"aligner": "simalign"}, {"model": "m.npz"},
               {"symmetrisation": "union"}, {"aligner": "awesome", "extraction": "entmax15"}, {}],
    "self_train": [{"base": "b", "start": "s"}, {"from_scratch": "small", "start": "s"}],
    "tag": [{"tagger": FakeTagger({})}, {"tagger": "llm"}, {}],
    "train": [{"base": "b"}, {"from_scratch": "small"}],
    "translate": [{"translator": FakeTranslator({})}, {}],
}  # fmt: skip
"""Contexts by stage: in one of them every option with a condition has no effect."""
LANGUAGES = {"source_language": "en", "target_language": "de"}


def conditional(stage):
    """Names of the options that need something to have an effect."""
    ruled = {name for each in getattr(stage, "effects", ()) for name in each.names}
    return [name for name, o in options_of(stage).items() if o.when or name in ruled]


OPTIONAL = {
    "address": "http://127.0.0.1",
    "batch_tokens": 64,
    "cache": "file",
    "compute_type": "int8",
    "device": "cpu",
    "distortion": 0.5,
    "favor_diagonal": True,
}
"""Values of options that are None by default and take no 3."""


def some_value(stage, name, declared):
    if name in VALUES:
        return VALUES[name]
    if name in ("fit_on", "pivot", "sources", "tokenizer_text"):
        return ["a.txt"]
    if name == "model_languages":
        return ["en", "de"]
    if name == "labels":
        return {"PER": None}
    if name == "aligner_options":
        return {"seed": 2}
    if name in ("counts", "save_counts", "save_model", "model", "spans_from", "folder"):
        return "file"
    return declared.choices[0] if declared.choices else declared.default


@pytest.mark.parametrize("stage", [find_stage(name) for name in stage_names()], ids=stage_names())
def test_every_condition_is_enforced_for_given_values(stage):
    required = {name: value for name, value in LANGUAGES.items() if name in options_of(stage)}
    for name in conditional(stage):
        declared = options_of(stage)[name]
        value = some_value(stage, name, declared)
        if value is None:
            value = OPTIONAL.get(name, 3)
        refused = []
        for context in OTHERS[stage.name]:
            given = {**required, **context, name: value}
            if name in context:
                continue
            made = built_or_refused(stage, given)
            if isinstance(made, NoEffectError):
                assert str(made).startswith(f"{made.option} has no effect with")
                assert "; leave it out, or " in str(made)
                refused += [made] if made.option == name else []
        assert refused, f"{name} of {stage.name} is accepted in every context"


FLAGS = {
    name: declared
    for name, declared in options_of(Project).items()
    if name in VALUES and flag_of(name, declared)
}


@pytest.mark.parametrize(
    "name", sorted(set(FLAGS) - {"fill", "min_precision", "min_score", "relabel"})
)
def test_flags_are_refused_with_their_defaults(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side in ("s.conll", "t.conll"):
        (tmp_path / side).write_text("Anna\tB-PER\n\n")
    declared, flag = FLAGS[name], flag_of(name, FLAGS[name])
    heuristic = name not in ("merge_distance", "length_ratio", "top_k")
    value = {"score": "overlap=1", "stop_tokens": STOP_TOKENS[0]}.get(name, declared.default)
    text = [] if value is False else [str(VALUES[name] if value is None else value)]
    line = ["project", "s.conll", "t.conll", "-o", "o.conll", flag, *text]
    assert main([*line, *(["--method", "heuristic"] if heuristic else [])]) == 2
    err = capsys.readouterr().err
    assert f"{flag} has no effect with --" in err, err
    assert err.count("\n") == 1
    assert not (tmp_path / "o.conll").exists()


def test_defaults_are_accepted_by_the_constructor():
    # `dataclasses.replace` and the stages themselves pass every option.
    assert Project(method="heuristic", merge_distance=1, max_span=10).max_span == 10
    with pytest.raises(NoEffectError):
        xner.project(PAIRS, method="heuristic", max_span=10)
    with pytest.raises(NoEffectError):
        Project.of({"method": "heuristic", "max_span": 10})


@declare
class Tool:
    """Two options, one of which needs the other."""

    mode: str = option("plain", "Mode.", choices=("plain", "fancy"))
    extra: int | None = option(None, "Extra.", when=when(mode="fancy"))
    file: str | None = option(None, "File.")

    effects = (rule(["mode"], when(file=NOTHING)),)

    def __post_init__(self) -> None:
        refuse_idle(self, settle(self))


def test_messages_say_why_and_what_to_do():
    with pytest.raises(NoEffectError) as error:
        Tool(extra=3)
    assert str(error.value) == (
        "extra has no effect with mode plain; leave it out, or choose mode fancy"
    )
    with pytest.raises(NoEffectError, match="mode has no effect with file; leave it out, or leave"):
        Tool(mode="fancy", file="f")
    assert why_idle(Tool(), "extra", [when(file=GIVEN), when(absent=1)], []) == ""
    why = why_idle(Tool(), "extra", [when(file=GIVEN), when("a better tool", mode="best")], [])
    assert why == (
        "extra has no effect without file; leave it out, or give file, or choose a better tool"
    )
