"""Reports and corrections, without a browser."""

import json
import re
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest

import xner
from tests.reports import EVIL, ROWS, data_of, gold, projection
from xner.cli import main
from xner.review.records import FIELDS
from xner.review.template import STYLES


@pytest.fixture
def report(tmp_path):
    def write(corpus, **options):
        made = xner.write_report(corpus, tmp_path / "report.html", **options)
        return made, data_of(tmp_path / "report.html")

    return write


def column(data, name):
    return [row[FIELDS.index(name)] for row in data["rows"]]


def test_a_report_holds_its_sentences(report):
    made, data = report(projection(), gold=gold(), title="A <title> & more")
    assert (made.sentences, made.shown, made.sample) == (5, 5, "all")
    assert column(data, "id") == [row["id"] for row in ROWS]
    assert column(data, "target")[1] == ROWS[1]["target"].split(" ")
    per, loc = data["labels"].index("PER"), data["labels"].index("LOC")
    assert column(data, "sourceEntities")[0] == [0, 2, per, 6, 7, loc]
    entities, solved = column(data, "methods")[0][0]
    assert (entities[:6], solved) == ([0, 2, per, 0, 1.5, None], 0)
    assert column(data, "gold")[0] == [0, 2, per, 5, 6, loc]
    assert column(data, "candidates")[0] == [0, 0, 2, 1.5, 0, -1, 0, 0, 1, 0.75, 2, -1]
    assert [data["groups"][i] for i in column(data, "group")] == ["yo", "ar", "zh", "<i>", "yo"]
    names = [name for name, *_ in data["outcomes"]]
    assert [names[i] for i in column(data, "outcomes")[1]][-1] == "below_threshold"


def test_texts_keep_their_own_spaces(report):
    row = {
        "source_tokens": ["Adé", "."],
        "source_entities": [{"start": 0, "end": 1, "label": "PER"}],
        "target_tokens": ["陈", "伟", "。"],
        "target_entities": [{"start": 0, "end": 2, "label": "PER", "source": 0, "score": np.inf}],
        "target_text": " 陈伟\u202e 。",
        "target_offsets": [{"start": s, "end": s + 1} for s in (1, 2, 5)],
    }
    _, data = report(xner.Corpus.from_table(pa.Table.from_pylist([row])))
    assert column(data, "targetSpaces") == [[" ", "", "\u202e ", ""]]
    assert column(data, "sourceSpaces") == [0]
    assert column(data, "methods")[0][0][0] == [0, 2, 0, 0, None, None]  # no finite score
    assert column(data, "id") == ["0"]


def test_no_word_becomes_part_of_the_page(report, tmp_path):
    report(projection(), title=f"{EVIL}{{{{ data }}}}")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert EVIL not in page
    assert "window.harmed" not in page.replace("&lt;script&gt;window.harmed", "").replace(
        "onerror=window.harmed=1&gt;", ""
    )
    assert page.count("<script") == 2
    assert "default-src &#x27;none&#x27;" in page
    assert "unsafe" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_text_can_be_read_on_its_background():
    styles = "".join((files("xner.review") / "page" / name).read_text("utf-8") for name in STYLES)
    colours = re.findall(r"(--[\w-]+): light-dark\((#\w{6}), (#\w{6})\)", styles)
    root = {name: shades for name, *shades in colours if name not in ("--back", "--ink", "--edge")}
    pairs = [
        *((root[text], root[back]) for text in ("--text", "--muted") for back in BACKS),
        *((root[text], root[back]) for text in ("--warn", "--bad", "--accent") for back in BACKS),
        (root["--on-accent"], root["--accent"]),
        (root["--warn"], root["--warn-back"]),
        (root["--page"], root["--text"]),
    ]
    backs, inks = ([s for name, *s in colours if name == key] for key in ("--back", "--ink"))
    assert len(backs) == len(inks) == 8
    for text, back in [*pairs, *zip(inks, backs, strict=True)]:
        for one, other in zip(text, back, strict=True):
            light, dark = sorted((luminance(one), luminance(other)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (one, other)


BACKS = ("--page", "--card", "--sunken")


def luminance(colour):
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_figures_are_those_of_evaluate(report):
    other = projection(entities="made")
    table = other.table
    wrong = pa.array([[], *table["target_entities"].to_pylist()[1:]], table["target_entities"].type)
    at = table.column_names.index("target_entities")
    less = xner.Corpus.from_table(table.set_column(at, "target_entities", wrong))
    made, _ = report(projection(), others=[less], gold=gold())
    for corpus, f1 in zip([projection(), less], made.figures["f1"], strict=True):
        expected = xner.evaluate(gold(), corpus).overall
        assert f1[-1]["group"] is None
        assert [f1[-1][name] for name in ("precision", "recall", "f1", "correct")] == [
            expected.precision,
            expected.recall,
            expected.f1,
            expected.correct,
        ]
    assert [row["group"] for row in made.figures["f1"][0]] == ["yo", "ar", "zh", "<i>", None]
    assert made.figures["f1"][1][0]["f1"] == 0
    outcomes = {(label, name): n for label, name, n in made.figures["outcomes"]}
    assert outcomes["LOC", "below_threshold"] == 1
    assert outcomes["PER", "projected"] == 3
    scores = made.figures["scores"]
    assert (sum(scores["counts"]), sum(scores["correct"])) == (7, 6)
    (compared,) = made.figures["compared"]
    assert (compared["differ"], compared["objective"]) == (1, None)
    bins = made.figures["calibration"]["bins"]
    assert sum(n for n, *_ in bins) == 7
    assert bins[0][2] == 0  # the entity with the lowest score is the wrong one


def test_probabilities_are_the_confidence(report):
    sure = [[0.9, 0.2], [0.8, 0.7], [1.0, 0.6], [0.5], []]
    table = projection().table.append_column(
        "probabilities", pa.array(sure, pa.list_(pa.float32()))
    )
    made, data = report(xner.Corpus.from_table(table), gold=gold(), limit=2, sample="doubtful")
    assert column(data, "row") == [0, 1]  # gold disagrees
    assert column(data, "methods")[0][0][0][5] == 0.9
    again = report(xner.Corpus.from_table(table), limit=2, sample="doubtful")[1]
    assert column(again, "row") == [1, 4]  # a lost entity comes before low confidence
    values, right = np.concatenate(sure).astype(np.float32), [1, 0, 1, 1, 1, 1, 1]
    calibration = made.figures["calibration"]
    assert calibration["of"] == "probability"
    # Every bin holds one entity but [0.9, 1], which holds two that are both correct.
    alone = np.abs(values - right)[[1, 2, 3, 5, 6]].sum()
    error = (alone + abs(values[[0, 4]].sum() - 2)) / 7
    assert calibration["error"] == pytest.approx(error, abs=1e-6)


def test_a_sample_says_that_it_is_one(report, tmp_path, capsys):
    many = xner.Corpus.from_table(pa.concat_tables([projection().table] * 20))
    made, data = report(many, limit=7)
    assert report(many, limit=7)[1] == data
    assert (made.sentences, made.shown, made.sample) == (100, 7, "random")
    assert (data["total"], data["sample"], len(data["rows"])) == (100, "random", 7)
    assert sum(n for *_, n in made.figures["outcomes"]) == 20 * 9
    assert report(many, limit=3, sample="first")[1]["rows"][2][0] == 2
    many.write(tmp_path / "many.parquet")
    arguments = [str(tmp_path / "many.parquet"), "-o", str(tmp_path / "r.html"), "--limit", "7"]
    assert main(["report", *arguments]) == 0
    assert "lists 7 of 100 sentences (sample: random)" in capsys.readouterr().out
    assert main(["report", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shown"] == 7


def test_files_are_languages(tmp_path, report):
    table = projection().table.drop_columns(["language"])
    for name, rows in (("de", 2), ("es", 3)):
        xner.Corpus.from_table(table.slice(0, rows)).write(tmp_path / f"{name}.parquet")
    _, data = report(str(tmp_path / "*.parquet"))
    assert data["groups"] == ["de", "es"]
    assert column(data, "group") == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.drop_columns(["target_entities"]), {}, "has no column 'target_entities'"),
        (lambda t: t, {"language_column": "tongue"}, "has no column 'tongue' with languages"),
        (lambda t: t, {"language_column": "links"}, "not the names of languages"),
        (lambda t: t, {"limit": 0}, "limit is 0; it must be at least 1"),
        (lambda t: t, {"limt": 3}, "unknown option 'limt'; did you mean 'limit'"),
        (lambda t: t.slice(1), {"gold": gold()}, "5 sentences, but table has 4"),
        (
            lambda t: t.drop_columns(["outcomes"]).append_column("outcomes", [[["x"]] * 5]),
            {},
            "sentence 1 has 1 outcomes for 2 entities in source_entities; project it again",
        ),
        (
            lambda t: t,
            {"others": [projection([*ROWS[1:], ROWS[0]])]},
            "sentence 1 has 9 words, but 7",
        ),
    ],
)
def test_inputs_that_do_not_fit(report, change, options, message):
    with pytest.raises(xner.XnerError, match=message):
        report(xner.Corpus.from_table(change(projection().table)), **options)


def test_a_corpus_without_rows(report):
    none = xner.Corpus.from_table(projection().table.slice(0, 0))
    made, data = report(none, gold=xner.Corpus.from_table(gold().table.slice(0, 0)))
    assert (made.sentences, data["rows"]) == (0, [])
    assert made.figures["f1"][0][0]["f1"] == 0


def test_the_output_is_html(tmp_path):
    with pytest.raises(xner.UsageError, match=r"name it .*r\.html"):
        xner.write_report(projection(), tmp_path / "r.pdf")
    with pytest.raises(xner.OutputError):
        xner.write_report(projection(), tmp_path / "none" / "r.html")


CHANGE = {
    "id": "yo-1",
    "target_tokens": ROWS[0]["target"].split(" "),
    "before": [
        {"start": 0, "end": 2, "label": "PER"},
        {"start": 4, "end": 6, "label": "LOC"},
    ],
    "after": [
        {"start": 5, "end": 6, "label": "LOC", "source": 1},
        {"start": 0, "end": 2, "label": "PER", "source": 0},
    ],
    "checked": True,
}
REMOVAL = {
    **CHANGE,
    "id": "zh-1",
    "target_tokens": ROWS[2]["target"].split(" "),
    "before": [{"start": 0, "end": 2, "label": "PER"}, {"start": 5, "end": 6, "label": "LOC"}],
    "after": [{"start": 5, "end": 6, "label": "LOC", "source": 1}],
    "checked": False,
}


def test_corrections_are_applied_once():
    made = xner.apply_changes(projection(), [CHANGE, REMOVAL])
    first, *_ = rows = made.table.to_pylist()
    assert [(e["start"], e["end"], e["label"], e["source"]) for e in first["target_entities"]] == [
        (0, 2, "PER", 0),
        (5, 6, "LOC", 1),
    ]
    assert [e["score"] for e in first["target_entities"]] == [1.5, None]
    assert first["outcomes"] == ["projected", "corrected"]
    assert rows[2]["outcomes"] == ["removed", "projected"]
    assert [row["checked"] for row in rows] == [True, False, False, False, False]
    assert (made.report.changes, made.report.changed, made.report.checked) == (2, 2, 1)
    assert rows[1] == projection().table.slice(1, 1).to_pylist()[0] | {"checked": False}
    again = xner.apply_changes(made, [CHANGE, REMOVAL])
    assert again.table.equals(made.table)
    assert (again.report.changed, again.report.same) == (0, 2)
    later = xner.apply_changes(made, [REMOVAL])
    assert later.table["checked"].to_pylist() == [True, False, False, False, False]
    with pytest.raises(xner.UsageError, match="no column 'id'; give the file of the report"):
        xner.apply_changes(made.select("target_tokens", "target_entities"), [CHANGE])


def test_probabilities_stay_beside_their_entities():
    known = pa.array([[0.9, 0.2], [0.8, 0.7], [1.0, 0.5], [0.5], []], pa.list_(pa.float32()))
    table = projection().table.append_column("probabilities", known)
    made = xner.apply_changes(xner.Corpus.from_table(table), [CHANGE, REMOVAL])
    assert made.table["probabilities"].to_pylist()[2] == [0.5]
    assert made.table["probabilities"].to_pylist()[0][1] is None


def test_character_offsets_follow_their_entities():
    table = projection().table.slice(0, 1)
    words = ROWS[0]["target"].split(" ")
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1].tolist()
    ends = [start + len(word) for start, word in zip(starts, words, strict=True)]
    offsets = [{"start": s, "end": e} for s, e in zip(starts, ends, strict=True)]
    # The first entity ends inside its last word.
    exact = [{"start": 0, "end": ends[1] - 1}, {"start": starts[4], "end": ends[5]}]
    for name, value in (
        ("target_text", ROWS[0]["target"]),
        ("target_offsets", offsets),
        ("target_entity_offsets", exact),
    ):
        table = table.append_column(name, pa.array([value]))
    made = xner.apply_changes(table, [CHANGE]).table["target_entity_offsets"].to_pylist()[0]
    assert made == [exact[0], {"start": starts[5], "end": ends[5]}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "nobody"}, "change 1: sentence 'nobody' is not in test; 1 of 1 corrections"),
        ({"target_tokens": ["other"], "after": []}, "the target words changed since the correct"),
        ({"before": []}, "sentence 'yo-1': its entities are neither those"),
        ({"after": [{"start": 5, "end": 9, "label": "LOC"}]}, r"\[5, 9\) 'LOC' does not fit a"),
        ({"after": [{"start": 5, "label": "LOC"}]}, "is not a correction .*missing required field"),
        ({"surprise": 1}, "is not a correction .*unknown field"),
    ],
)
def test_corrections_that_do_not_fit(change, message):
    with pytest.raises(xner.ChangeError, match=message):
        xner.apply_changes(projection(), [{**CHANGE, **change}])


def test_ids_must_be_unique(tmp_path):
    with pytest.raises(
        xner.ChangeError, match="change 2: sentence 'yo-1' is already corrected in change 1"
    ):
        xner.apply_changes(projection(), [CHANGE, CHANGE])
    twice = xner.Corpus.from_table(pa.concat_tables([projection().table] * 2))
    with pytest.raises(xner.ChangeError, match="row 6: the sentence 'yo-1' occurs twice"):
        xner.apply_changes(twice, [CHANGE])


def test_apply_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    projection().write("pairs.parquet")
    lines = [json.dumps(change) for change in (CHANGE, REMOVAL)]
    (tmp_path / "changes.jsonl").write_text("\n".join([*lines, ""]))
    assert main(["apply", "changes.jsonl", "pairs.parquet", "-o", "out.jsonl", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["changed"], shown["sentences"]) == (2, 5)
    assert xner.read("out.jsonl").table["checked"].to_pylist()[0] is True
    assert main(["apply", "changes.jsonl", "pairs.parquet", "-o", "pairs.parquet"]) == 2
    assert main(["apply", "changes.jsonl", "pairs.parquet", "-o", "changes.jsonl"]) == 2
    (tmp_path / "changes.jsonl").write_text("\n".join([lines[0], "{"]))
    assert main(["apply", "changes.jsonl", "pairs.parquet", "-o", "no.jsonl"]) == 1
    assert "changes.jsonl:2: is not a correction" in capsys.readouterr().err
    assert not (tmp_path / "no.jsonl").exists()
