"""Experiments with students that make no sense are refused before anything runs."""

from pathlib import Path

import pytest

import xner

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tests.models.routes import ROUTES, TRANSLATE_TRAIN, config, distilled

REFUSED = [
    ({"models": {"en": {"pipeline": "project"}}}, "unknown pipeline of students 'project'"),
    ({"models": {"m": {"language": "x"}}}, r"models.m.language: unknown language 'x'"),
    ({"models": {"m": {"language": "xx", "data": {"target": "en.conll"}}}}, "both data and a"),
    ({"models": {"m": {"data": {"gold": "en.conll"}}}}, "models.m.data: unknown key 'gold'"),
    ({"models": {"m": {"languages": ["xx"]}}}, "learns from one language"),
    ({"models": {"m": {"train": {"epochs": [1, 2]}}}}, "defines 2 models"),
    ({"models": {"m": {"train": {"epoch": 1}}}}, "unknown setting 'epoch'; did you mean 'epochs'"),
    ({"stages": {}}, "train: name the model to start from"),
    ({"pipelines": [{**TRANSLATE_TRAIN, "tag": {"model": "en"}}]},
     "translate-train tags with the student that it trains"),
    ({"pipelines": [{**TRANSLATE_TRAIN, "languages": ["zz"]}]}, "projected: unknown language 'zz'"),
    ({"pipelines": [{**TRANSLATE_TRAIN, "train": {"side": "left"}}]}, "side is 'left'"),
    ({"pipelines": ["distill"]}, "distill: teachers is missing"),
    ({"pipelines": ["self-train"]}, "self_train: start is missing"),
    ({"pipelines": [{"pipeline": "distill",
                     "distill": {"teachers": ["own"], "sources": ["en.conll"]}}]},
     "distill: sources has no effect .*, or choose weights domain or sentence"),
    *(({"pipelines": [distilled("en", "yy", **more)]}, words) for more, words in (
        ({"weights": "domian"}, "distill: weights is 'domian'; choose one of average, domain"),
        ({"weights": [0.5, 0.3, 0.2]}, "give one number of at least 0 for each of the 2 teachers"),
        ({"weights": "domain", "sources": ["en.conll"]}, "there are 2 and 1"),
        ({"weights": "domain", "teachers": ["en"]}, "needs several teachers"),
        ({"agreed": "soft"}, "agreed is 'soft'"),
        ({"label_set": "any"}, "label_set is 'any'"),
        ({"loss": "l1"}, "loss is 'l1'"),
        ({"temperature": "hot"}, "distill: temperature is 'hot'; it must be a number"),
        ({"epochs": "3"}, "distill: epochs is '3'; it must be an integer"),
          ({"seed": "one"}, "seed is 'one'"),
          ({"learning_rate": "fast"}, "learning_rate is 'fast'; it must be a number"),
    )),
    *(({"pipelines": [{"pipeline": "self-train", "self_train": {"start": "own", **more}}]}, words)
      for more, words in (
          ({"top": 2}, "self_train: top is 2"),
          ({"confidence": 0.9}, "self_train: give confidence or top, not both"),
          ({"rounds": 0}, "self_train: rounds is 0"),
      )),
    ({"compare": [["projected"]]}, r"compare\[1\]: expected a list of length 2"),
    ({"compare": [["projected", "projected"]]}, r"compare\[1\]: has 'projected' twice"),
    ({"pipelines": [{**TRANSLATE_TRAIN, "languages": []}]},
     r"pipelines\[1\].languages: expected a list of length >= 1"),
    ({"groups": {"low": ["xx", "xx"]}}, "groups.low: has 'xx' twice"),
    ({"compare": [["projected", "x"]]}, r"compare\[1\]: unknown row 'x'"),
    ({"groups": {"low": ["zz"]}}, "groups.low: unknown language 'zz'"),
    ({"groups": {"low": []}}, r"groups.low: expected a list of length >= 1, got \[\]"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_configurations_that_make_no_sense(here, changes, words):
    with pytest.raises(xner.UsageError, match=words):
        xner.run(config(output="refused", **changes))
    assert not Path("refused").exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            distilled("./own"),
            r"xx: the step 'distill': model: .*own: no such folder, nor a hub id; check the path",
        ),
        (distilled("owm"), "no model 'owm'; did you mean 'own'"),
        (distilled("yy"), "language yy: every model of teachers learns from yy itself"),
        (distilled(teachers="yy"), "language yy: every model of teachers learns from yy itself"),
        (
            distilled("en", "a/hub-id", weights="domain"),
            "xx: the step 'distill': weights 'domain' needs sources, text in the language of each",
        ),
    ],
)
def test_models_that_are_not_there(here, row, words):
    with pytest.raises(xner.UsageError, match=words):
        xner.run(config(output="missing", pipelines=[row]))


def test_a_model_without_the_text_it_learns_from(here):
    words = "config: direct transfer: models.own, language xx: .* needs the column 'source_tokens'"
    row = ROUTES[0] | {"tag": {"model": "own"}}
    given = config(output="missing", pipelines=[row], languages={"xx": {"gold": "xx.gold.conll"}},
                   models={"own": {"pipeline": "translate-train"}})  # fmt: skip
    with pytest.raises(xner.InputError, match=words):
        xner.run(given)


def test_a_model_of_itself(here):
    loop = {
        "a": {"pipeline": "self-train", "self_train": {"start": "b"}},
        "b": {"pipeline": "self-train", "self_train": {"start": "a"}},
    }
    row = {"pipeline": "model-transfer", "tag": {"model": "a"}}
    with pytest.raises(xner.UsageError, match="the model 'a' depends on itself"):
        xner.run(config(output="loop", models=loop, pipelines=[row]))
