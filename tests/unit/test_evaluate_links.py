import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xner
from xner.cli import main


def plain_scores(gold, predicted):
    """Sets, sentence by sentence, as the definition has it."""
    sure = [{link for link, is_sure in row.items() if is_sure} for row in gold]
    a_s = sum(len(a & s) for a, s in zip(predicted, sure, strict=True))
    a_p = sum(len(a & set(p)) for a, p in zip(predicted, gold, strict=True))
    a, s = sum(map(len, predicted)), sum(map(len, sure))
    precision, recall = a_p / a if a else 0.0, a_s / s if s else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return precision, recall, f1, 1 - (a_s + a_p) / max(1, a + s)


LINK = st.tuples(st.integers(0, 5), st.integers(0, 5))


@given(
    st.lists(st.tuples(st.dictionaries(LINK, st.booleans()), st.sets(LINK)), min_size=1),
    st.sampled_from(["0", "1", "auto"]),
)
def test_equals_the_definition(tmp_path_factory, rows, base):
    gold, predicted = [row[0] for row in rows], [row[1] for row in rows]
    if not any(gold):
        gold[0] = {(0, 0): True}
    folder = tmp_path_factory.mktemp("links")
    at = int(base == "1")
    (folder / "gold").write_text("".join(
        " ".join(f"{i + at}{'-' if sure else 'p'}{j + at}" for (i, j), sure in row.items()) + "\n"
        for row in gold
    ))  # fmt: skip
    (folder / "made.out").write_text(
        "".join(" ".join(f"{i}-{j}" for i, j in row) + "\n" for row in predicted)
    )
    made = xner.evaluate_links(folder / "gold", folder / "made.out", gold_base=base)
    if base == "auto" and all(0 not in link for row in gold for link in row):
        at, gold = 1, [{(i - 1, j - 1): sure for (i, j), sure in row.items()} for row in gold]
    scores = made.precision, made.recall, made.f1, made.aer
    assert scores == pytest.approx(plain_scores(gold, predicted))
    assert made.sentences == len(rows)
    assert made.signature.endswith(f"gold_base:{at}")


@pytest.fixture
def files(tmp_path, monkeypatch):
    (tmp_path / "gold").write_text("1-1 2p2 2-3\n\n1-1\n")
    (tmp_path / "made.align").write_text("0-0:0.9 1-1:0.2 0-0\n\n0-0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_command(files, capsys):
    assert main(["evaluate", "gold", "made.align", "--links", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["aer"] == pytest.approx(1 - (2 + 3) / (3 + 3))
    assert (made["sure"], made["possible"], made["predicted"], made["sentences"]) == (3, 1, 3, 3)
    assert main(["evaluate", "gold", "made.align", "--links", "--min-weight", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "alignment error rate" in out
    assert "gold_base:1|min_weight:0.5" in out


def test_a_corpus_with_links(files):
    (files / "a.txt").write_text("a b\n\nc\n")
    corpus = xner.read("a.txt", "a.txt", links="made.align")
    assert xner.evaluate_links("gold", corpus).aer == pytest.approx(1 / 6)
    corpus.write("made.parquet")
    assert xner.evaluate_links("gold", "made.parquet").predicted == 3
    with pytest.raises(xner.InputError, match="no column 'links'"):
        xner.evaluate_links("gold", xner.read("a.txt", "a.txt"))


@pytest.mark.parametrize(
    ("gold", "options", "message"),
    [
        ("1-1\n", [], "gold has 1 sentence pairs, but the predicted links have 3"),
        ("1-1\n1:1\n", [], r"gold:2: '1:1' is not a gold link; write 3-4"),
        ("1-1 2p2 1-1:1\n", [], r"gold:1: '1-1:1' is not a gold link"),
        ("1-1\n\t 2pp2 1-1\n", [], r"gold:2: '2pp2' is not a gold link"),
        ("1-1\n2-1048576\n", [], r"gold:2: '2-1048576' is not a gold link"),
        ("1-1\n99999999999p1\n", [], r"gold:2: '99999999999p1' is not a gold link"),
        ("1-\u0663\n", [], "gold:1: '1-\u0663' is not a gold link"),
        ("\n\n\n", [], "has no links"),
        ("0-1\n\n\n", ["--gold-base", "1"], "counts from 0"),
    ],
)
def test_bad_gold(files, capsys, gold, options, message):
    (files / "gold").write_text(gold)
    assert main(["evaluate", "gold", "made.align", "--links", *options]) == 1
    assert message in capsys.readouterr().err


def test_predicted_words_beyond_any_sentence(files):
    (files / "made.align").write_text("0-0\n\n0-1048576\n")
    with pytest.raises(xner.InputError, match="have a word 1048576; a sentence has at most"):
        xner.evaluate_links("gold", "made.align")


def test_flags_of_the_other_kind_are_refused(files, capsys):
    assert main(["evaluate", "gold", "made.align", "--gold-base", "1"]) == 2
    assert main(["evaluate", "gold", "made.align", "--links", "--ignore", "PER"]) == 2
    assert "for labels" in capsys.readouterr().err
    with pytest.raises(xner.UsageError, match="gold_base"):
        xner.evaluate_links("gold", "made.align", gold_base="2")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "aer", "precision", "recall", "links"),
    # What awesome-align's own tools/aer.py prints for these files with --oneRef.
    [("roen", 20.7, 88.6, 71.7, 5014), ("enfr", 4.1, 96.3, 95.4, 6038)],
)
def test_equals_awesome_aligns_own_tool(shared, name, aer, precision, recall, links):
    folder = shared / "word-alignment"
    made = xner.evaluate_links(folder / f"{name}.gold", folder / f"{name}.awesome-align.out")
    found = (made.aer, made.precision, made.recall)
    assert [round(100 * x, 1) for x in found] == [aer, precision, recall]
    assert made.predicted == links
