"""Configurations of `xner run`: what they say, and what is refused and how."""

import copy

import pytest

import xner
from xner.experiments import yaml_files
from xner.experiments.config import load
from xner.experiments.pipelines import PIPELINES
from xner.experiments.plan import Planner, plan_reading
from xner.experiments.reading import read_language
from xner.stages import find_stage, stage_names

CONLL = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\nruns\tO\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("en", "de", "no"):
        (tmp_path / f"{name}.conll").write_text(CONLL)
    (tmp_path / "de.align").write_text("0-0\n0-0\n")
    return tmp_path


def config(folder, **changes):
    """A small configuration; a change to None takes a key out."""
    given = {
        "output": str(folder / "out"),
        "languages": {"de": {"source": f"{folder}/en.conll", "gold": f"{folder}/de.conll"}},
        "pipelines": ["project"],
    }
    return {k: v for k, v in {**given, **changes}.items() if v is not None}


def names(experiment):
    return [(system.name, system.aligner) for system in experiment.systems]


REFUSED = [
    ({"piplines": []}, r"config: unknown key 'piplines'; did you mean 'pipelines'\?"),
    ({"pipelines": []}, r"pipelines: expected a list of length >= 1, got \[\]"),
    ({"pipelines": "project"}, "pipelines: expected a list, got 'project'"),
    ({"pipelines": ["projekt"]}, r"pipelines\[1\]: unknown pipeline 'projekt'; did you mean"),
    ({"pipelines": [{"pipeline": "project", "algn": {}}]}, r"pipelines\[1\]: unknown key 'algn'"),
    ({"pipelines": [{"name": "x"}]}, r"config: pipelines\[1\]: pipeline is missing"),
    ({"pipelines": ["project", "project"]}, "two rows have the name 'project'"),
    ({"pipelines": ["easyprojekt"]}, "did you mean 'easyproject'"),
    ({"pipelines": [{"pipeline": "project", "project": {"max_spam": 3}}]},
     r"config: project: project: unknown setting 'max_spam'; did you mean 'max_span'\?"),
    ({"pipelines": [{"pipeline": "project", "project": {"method": "gredy"}}]},
     "project: method is 'gredy'; choose one of heuristic, greedy"),
    ({"pipelines": [{"pipeline": "project", "project": {"max_span": "long"}}]},
     "max_span is 'long'; it must be an integer"),
    ({"pipelines": [{"pipeline": "project", "project": {"max_span": []}}]}, "list .* is empty"),
    ({"pipelines": [{"pipeline": "project", "aligners": ["natve"]}]}, "aligners: unknown aligner"),
    ({"aligners": ["natve"]}, "align: aligner is 'natve'; choose one of native"),
    ({"aligners": {"native": {"sed": 1}}}, r"align: unknown setting 'sed'; did you mean 'seed'"),
    ({"aligners": {"native": {"chains": 0}}}, "chains is 0"),
    ({"aligners": {"native": {"optional": 1}}},
     "aligners.native.optional: expected true or false, got 1"),
    ({"aligners": {"g": {"links": "de.align", "seed": 1}}},
     "seed has no effect with links; leave it out, or leave out links"),
    ({"aligners": {}}, "aligners: expected a mapping of length >= 1, got {}"),
    ({"stages": {"translat": {}}}, "stages: unknown stage 'translat'; did you mean 'translate'"),
    ({"stages": {"project": {"metod": "exact"}}}, "unknown setting 'metod'; did you mean 'method'"),
    ({"stages": {"project": {"top_k": 1}}},
     "config: stages.project.top_k has no effect in any row; leave it out"),
    ({"pipelines": [{"pipeline": "project",
                     "project": {"method": ["exact", "heuristic"], "max_span": [5, 10]}}]},
     "heuristic, max_span 5: project: max_span has no effect with method heuristic"),
    ({"languages": None}, "neither languages nor data"),
    ({"languages": {"de": {"sorce": "x"}}}, r"languages.de: unknown key 'sorce'; did you mean 'so"),
    ({"languages": {"de": {}}}, "languages.de: has no file"),
    ({"languages": {"de": {"gold": {"file": "x", "format": "pan"}}}},
     "de.gold.format: unknown value 'pan'; did"),
    ({"languages": {False: {"gold": "x"}}},
     "languages: the key False is not text; put it in quotes"),
    ({"seeds": [1, 1]}, "seeds: has 1 twice"),
    ({"seeds": []}, r"seeds: expected a list of length >= 1, got \[\]"),
    ({"seeds": ["one"]}, r"seeds\[1\]: expected an integer, got 'one'"),
    ({"ignore": "MISC"}, "ignore: expected a list, got 'MISC'"),
    ({"bootstrap": {"sample": 3}}, r"bootstrap: unknown key 'sample'; did you mean 'samples'\?"),
    ({"bootstrap": {"level": 95}}, "bootstrap.level: expected a number < 1.0, got 95"),
    ({"bootstrap": {"level": 0}}, "level: expected a number > 0.0, got 0"),
    ({"title": 2024}, "title: expected text, got 2024; put it in quotes"),
    ({"compare": [["a"]]}, r"compare\[1\]: expected a list of length 2, got a list"),
    ({"baseline": "projects"}, r"baseline: unknown row 'projects'; did you mean 'project'\?"),
    ({"published": [{"name": "x", "f1": {"es": 0.5}}]},
     r"published\[1\].f1: unknown language 'es'; known: de"),
    ({"published": [{"name": "x", "f1": {"de": 92}}]},
     r"published\[1\].f1.de: expected a number <= 1.0, got 92"),
    ({"write": "txt"}, "write: unknown value 'txt'; known: conll, jsonl"),
    ({"data": {"loader": "masakhane", "folder": "."}}, r"did you mean 'masakhaner2'\?"),
    ({"data": {"loader": "panx", "folder": "nowhere"}}, "nowhere: no such folder"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=lambda v: str(v)[:40])
def test_what_makes_no_sense_is_refused(folder, changes, message):
    given = config(folder, **changes)
    before = copy.deepcopy(given)
    with pytest.raises((xner.UsageError, xner.InputError), match=message):
        xner.run(given)
    assert given == before
    assert not (folder / "out").exists()  # found out before any work


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"c.yaml: (the file )?is empty"),
        ("title: a\noutput: b\ntitle: c\n", r"c.yaml:3: not valid YAML \(the key 'title' is given"),
        ("title: [a\n", r"c.yaml:2: not valid YAML"),
        ("- project\n", r"c.yaml: expected a mapping, got a list"),
        ("languages:\n  de: {gold: x, gold: y}\n", r"c.yaml:2: .*'gold' is given twice"),
    ],
)
def test_yaml_that_is_none(folder, text, message):
    path = folder / "c.yaml"
    path.write_text(text)
    with pytest.raises(xner.XnerError, match=message):
        load(path)
    with pytest.raises(xner.InputError, match="no such file"):
        load(folder / "d.yaml")


def test_anchors_may_be_used(folder):
    path = folder / "c.yaml"
    path.write_text(
        "languages:\n  no: &one {gold: no.conll, source: en.conll}\n"
        "  de: {<<: *one, gold: de.conll}\npipelines: [project]\n"
    )
    german = load(path).languages[1]
    assert (german.gold.path.name, german.source.path.name) == ("de.conll", "en.conll")


def test_norwegian_is_no_falsehood(folder):
    path = folder / "c.yaml"
    path.write_text("languages: {no: {gold: no.conll}}\npipelines: [project]\n")
    experiment = load(path)
    assert [language.name for language in experiment.languages] == ["no"]
    assert experiment.languages[0].gold.path == folder / "no.conll"
    assert experiment.output == folder / "results"
    assert load(path, folder / "else").output == folder / "else"


def test_numbers_with_an_exponent_need_no_point(folder):
    path = folder / "c.yaml"
    path.write_text("[5e-4, 2E3, -.5e1, 12, 1e, e5, 1e5x]")
    assert yaml_files.load(path) == [0.0005, 2000.0, -5.0, 12, "1e", "e5", "1e5x"]


def test_lists_are_tried_one_by_one(folder):
    row = {
        "pipeline": "project",
        "name": "h",
        "project": {
            "method": "heuristic",
            "merge_distance": [0, 2],
            "top_k": [None, 1],
            "length_ratio": 0.5,
        },
    }
    aligners = {"native": {"threshold": [0.2, 0.5]}, "given": {"links": ["de.align"]}}
    made = load(config(folder, pipelines=[row, "model-transfer"], aligners=aligners))
    grid = [f"h, merge_distance {d}, top_k {k}" for d in (0, 2) for k in ("none", 1)]
    labels = ["native, threshold 0.2", "native, threshold 0.5", "given"]
    assert names(made) == [(name, a) for a in labels for name in grid] + [("model-transfer", "")]
    align, _, project = made.systems[4].steps
    assert (align.settings["threshold"], project.settings["merge_distance"]) == (0.5, 0)
    assert project.settings["length_ratio"] == 0.5


def test_settings_of_a_row_win_over_those_of_the_stage_and_the_pipeline(folder):
    stages = {"project": {"method": "greedy", "max_span": 4}, "tag": {"temperature": 2.0}}
    row = {"pipeline": "project", "project": {"max_span": 5}}
    made = load(config(folder, pipelines=[row, "translate-test/align-src"], stages=stages))
    assert made.systems[0].steps[-1].settings == {"method": "greedy", "max_span": 5}
    tag, project = made.systems[1].steps[1], made.systems[1].steps[3]
    assert tag.settings == {"side": "source", "temperature": 2.0}
    assert project.settings["preset"] == "paper-heuristic"


def test_a_grid_over_a_step_that_is_skipped_is_refused(folder):
    row = {"pipeline": "translate-test", "translate": {"beams": [1, 4]}}  # there is a translation
    message = r"pipelines\[1\]: the rows '.*, beams 1' and '.*, beams 4' run the same steps"
    with pytest.raises(xner.UsageError, match=message):
        xner.run(config(folder, pipelines=[row], stages={"tag": {"model": "m"}}))


def test_settings_of_a_stage_are_used_where_they_have_an_effect(folder):
    stages = {"project": {"max_span": 4, "merge_distance": 2}}
    rows = ["project", {"pipeline": "project", "name": "h", "project": {"method": "heuristic"}}]
    made = load(config(folder, pipelines=rows, stages=stages))
    assert made.systems[0].steps[-1].settings == {"max_span": 4}
    assert made.systems[1].steps[-1].settings == {"merge_distance": 2, "method": "heuristic"}


def test_options_of_an_aligner_win_over_those_of_all(folder):
    stages = {"align": {"chains": 2, "threshold": 0.4}}
    aligners = {"native": {}, "sure": {"aligner": "native", "threshold": 0.9},
                "given": {"links": "de.align"}}  # fmt: skip
    row = {"pipeline": "project", "align": {"effort": 0.5}, "aligners": ["native", "sure"]}
    rows = [{**row, "name": "x"}, "project"]
    made = load(config(folder, aligners=aligners, pipelines=rows, stages=stages))
    native, sure = (system.steps[0].settings for system in made.systems[:2])
    assert native == {"aligner": "native", "chains": 2, "threshold": 0.4, "effort": 0.5}
    assert sure == {"aligner": "native", "chains": 2, "threshold": 0.9, "effort": 0.5}
    assert made.systems[-1].steps[0].settings == {"links": "de.align"}


def test_rows_of_the_paper_have_names():
    rows = {name for name in PIPELINES if name.startswith("translate-test/")}
    wanted = ("align-src", "align-tgt", "ngram", "ner", "back-ngram", "back-ner")
    assert rows == {f"translate-test/{row}" for row in wanted}
    for steps in PIPELINES.values():
        assert len({step.name for step in steps}) == len(steps)


def test_every_stage_declares_itself():
    assert {"align", "project", "tag", "translate"} <= set(stage_names())
    given = {
        "distill": {"teachers": "a", "base": "a"},
        "self_train": {"start": "a"},
        "train": {"base": "a"},
    }
    for name in stage_names():
        stage = find_stage(name)
        assert stage.name == name
        assert stage.stand_in(given.get(name, {})).columns.makes
    with pytest.raises(xner.UsageError, match="unknown stage 'tga'; known: align"):
        find_stage("tga")


def test_links_and_models_are_files_of_the_language(folder):
    aligners = {"given": {"links": f"{folder}/{{language}}.align"}}
    experiment = load(config(folder, aligners=aligners))
    language, system = experiment.languages[0], experiment.systems[0]
    given = dict.fromkeys(plan_reading(language).makes, "0")
    planner = Planner(experiment, {(language, "test"): given})
    align, _ = planner.plan(system, language, 1)
    assert align.settings["links"] == folder / "de.align"
    (folder / "de.align").unlink()
    with pytest.raises(xner.UsageError, match=r"de\.align: no such file"):
        planner.plan(system, language, 1)


def test_columns_that_lack_are_found_out(folder):
    given = config(folder, languages={"de": {"gold": f"{folder}/de.conll"}})
    with pytest.raises(xner.InputError, match="'align' needs the column 'source_tokens'"):
        xner.run(given)


PANX = "sw:Amina\tB-PER\n\nsw:runs\tO\n"
LAYOUTS = {
    "masakhaner2": ({"hau/test.txt": CONLL.replace("\t", " "), "ibo/test.txt": CONLL,
                     "ibo/train.txt": CONLL}, ["hau", "ibo"]),
    "europarl-ner": ({"en-europarl.test.conll02": CONLL.replace("\t", " "), "de.conll": CONLL},
                     ["de"]),
    "panx": ({"sw/test": PANX, "sw/train": PANX}, ["sw"]),
    "absa": ({"en.test.conll": CONLL, "fr.test.conll": CONLL, "es.train.conll": CONLL}, ["fr"]),
}  # fmt: skip


@pytest.mark.parametrize("loader", LAYOUTS)
def test_data_sets_as_they_are_published(tmp_path, loader):
    files, languages = LAYOUTS[loader]
    for name, content in files.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    data = {"loader": loader, "folder": str(tmp_path / "data")}
    made = load({"data": data, "pipelines": ["project"]})
    assert [language.name for language in made.languages] == languages
    table = read_language(made.languages[-1]).table
    assert [len(spans) for spans in table["gold_entities"].to_pylist()] == (
        [1, 0] if loader == "panx" else [1, 1]
    )
    assert ("source_entities" in table.column_names) == (loader not in ("panx", "masakhaner2"))
    with pytest.raises(xner.UsageError, match="unknown language 'xx'"):
        load({"data": {**data, "languages": ["xx"]}, "pipelines": ["project"]})
    with pytest.raises(xner.XnerError, match=r"split .?dev"):
        load({"data": {**data, "split": "dev"}, "pipelines": ["project"]})


def test_parallel_data_without_splits(tmp_path):
    for name in ("en", "sw", "zh-CN"):
        (tmp_path / f"{name}.conll").write_text(CONLL)
    data = {"loader": "massive", "folder": str(tmp_path)}
    made = load({"data": data, "pipelines": ["project"]})
    assert [language.name for language in made.languages] == ["sw", "zh-CN"]


def test_files_of_a_language_must_line_up(folder):
    (folder / "other.conll").write_text(CONLL.replace("says\tO\n", ""))
    (folder / "short.conll").write_text("EU\tB-ORG\n")
    (folder / "text.txt").write_text("EU says\nPeter runs\n")

    def read(**files):
        entry = {side: str(folder / name) for side, name in files.items()}
        return read_language(load(config(folder, languages={"de": entry})).languages[0]).table

    with pytest.raises(xner.ParallelError, match="row 1 has 2 words in the target and 1 in gold"):
        read(target="de.conll", gold="other.conll")
    with pytest.raises(xner.ParallelError, match="1 rows, but"):
        read(source="en.conll", gold="short.conll")
    with pytest.raises(xner.InputError, match=r"text\.txt: has no labels"):
        read(gold="text.txt")
    assert read(source="text.txt", target="text.txt").column_names == [
        "id", "source_tokens", "target_tokens",
    ]  # fmt: skip
