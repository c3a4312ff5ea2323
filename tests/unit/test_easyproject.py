"""EasyProject over a corpus: markers that survive, are lost, or cannot be put."""

import pytest

import xner
from tests.corpora import SameWords, labelled
from xner.stages.easyproject import easyproject
from xner.translation.base import Translated
from xner.translation.fake import FakeTranslator

ROWS = [
    ("Anna visits Rome .", [(0, 1, "PER"), (2, 3, "LOC")]),
    ("It rains .", []),
    ("Rome and Bob Roe", [(0, 1, "LOC"), (2, 4, "PER")]),
]
GERMAN = {"visits": "besucht", "Rome": "Rom", "and": "und", "rains": "regnet", "It": "Es"}


class Scripted:
    """Translates by a table of whole texts, others word for word; keeps what it was asked."""

    signature = "scripted"

    def __init__(self, texts=(), words=GERMAN):
        self.texts, self.words, self.asked = dict(texts), FakeTranslator(words), []

    def translate(self, texts, source, target):
        for text in texts:
            self.asked.append(text)
            if text in self.texts:
                made = self.texts[text]
                yield Translated(made, "translated" if made else "empty")
            else:
                yield from self.words.translate([text], source, target)


def run(rows=ROWS, translator=None, **options):
    translator = translator or Scripted()
    return easyproject(labelled(rows), "eng", "deu", translator=translator, **options)


def labels(made):
    return [
        [(" ".join(words[e["start"] : e["end"]]), e["label"], e["source"]) for e in entities]
        for words, entities in zip(
            made.table["target_tokens"].to_pylist(),
            made.table["target_entities"].to_pylist(),
            strict=True,
        )
    ]


@pytest.mark.parametrize("markers", ["brackets", "xml"])
def test_markers_that_survive(markers):
    made = run(markers=markers)
    assert labels(made) == [
        [("Anna", "PER", 0), ("Rom", "LOC", 1)],
        [],
        [("Rom", "LOC", 0), ("Bob Roe", "PER", 1)],
    ]
    assert made.table["target_text"].to_pylist()[0] == "Anna besucht Rom."
    assert made.table["outcomes"].to_pylist() == [["marked"] * 2, [], ["marked"] * 2]
    summary = made.report.as_dict()
    assert (summary["sentences"], summary["entities"], summary["spans"]) == (3, 4, 4)
    assert summary["outcomes"] == {"marked": 4, "projected": 0, "marker_lost": 0, "empty_target": 0}
    assert f"eng_Latn>deu_Latn|scripted|markers:{markers}|threshold:0.5" in summary["signature"]


def test_an_entity_is_translated_once():
    translator, shares = Scripted(), []
    run(translator=translator, progress=lambda stage, share: shares.append((stage, share)))
    assert [s for name, s in shares if name == "translate"] == [0.0, 1 / 3, 2 / 3, 1.0]
    assert translator.asked[:3] == ["Anna", "Rome", "Bob Roe"]
    assert translator.asked[3:] == ["[Anna] visits [Rome].", "It rains.", "[Rome] and [Bob Roe]"]


LOST = {
    "[Anna] visits [Rome].": "Anna besucht [Rom].",
    "[Rome] and [Bob Roe]": "[Rom] und Bob Roe",
}


def test_links_take_over_where_markers_are_lost():
    rows = [*ROWS, ("Anna sings .", []), ("He visits us .", []), ("They visits Rome", [])] * 20
    made = run(rows, Scripted(LOST))
    assert labels(made)[0] == [("Anna", "PER", 0), ("Rom", "LOC", 1)]
    assert made.table["outcomes"].to_pylist()[0] == ["projected", "marked"]
    assert labels(made)[2] == [("Rom", "LOC", 0), ("Bob Roe", "PER", 1)]
    assert made.table["outcomes"].to_pylist()[2] == ["marked", "projected"]
    assert made.report.outcomes["projected"] == made.report.outcomes["marked"] == 40
    assert "|fallback(xner:" in made.report.signature
    assert "aligner:native(" in made.report.signature
    alone = run(rows, Scripted(LOST), fallback="none")
    assert alone.report.outcomes["marker_lost"] == 40
    assert "links" not in alone.columns
    assert "fallback" not in alone.report.signature


def test_a_word_is_labelled_once():
    # Both markers meet in one word: the likelier one has it, the other goes along links.
    rows = [("New York", [(0, 1, "A"), (1, 2, "B")])]
    texts = {"[New] [York]": "[Newx][York]", "New": "New", "York": "York"}
    made = run(rows, Scripted(texts), fallback="none")
    assert labels(made) == [[("NewxYork", "B", 1)]]
    assert made.table["outcomes"].to_pylist() == [["marker_lost", "marked"]]
    # Links to a marked word are left out, and no span is put around one.
    rows = [
        ("Romano visits Bern", [(0, 1, "PER"), (2, 3, "LOC")]),
        ("Anna Maria Roe visits Rome", [(0, 3, "PER"), (4, 5, "LOC")]),
    ]
    texts = {"[Romano] visits [Bern]": "Romano [Romberg] besucht", "Bern": "Romberg",
             "[Anna Maria Roe] visits [Rome]": "Anna Maria [Rom] Roe besucht"}  # fmt: skip
    made = run(rows, Scripted(texts), aligner=SameWords())
    assert labels(made) == [[("Romano", "PER", 0), ("Romberg", "LOC", 1)], [("Rom", "LOC", 1)]]
    assert made.table["outcomes"].to_pylist() == [
        ["projected", "marked"],
        ["marker_lost", "marked"],
    ]


def test_a_sentence_that_holds_markers_goes_along_links():
    rows = [("Anna [ x ] { y } visits Rome", [(0, 1, "PER"), (8, 9, "LOC")])] * 20
    made = run(rows)
    assert made.report.unmarked == 20
    assert made.report.outcomes["projected"] == 40
    assert labels(made)[0] == [("Anna", "PER", 0), ("Rom", "LOC", 1)]


def test_a_translation_without_words():
    made = run(ROWS[:1], Scripted({"[Anna] visits [Rome].": ""}))
    assert made.table["outcomes"].to_pylist() == [["empty_target", "empty_target"]]
    assert made.report.translations == {"empty": 1}
    assert run([("", [])]).report.sentences == 1


def test_what_is_refused():
    with pytest.raises(xner.InputError, match="sentence 'row-0': two entities share the word 1"):
        run([("Bob Roe", [(0, 2, "PER"), (1, 2, "LOC")])])
    with pytest.raises(xner.UsageError, match="markers is 'stars'"):
        run(markers="stars")
    with pytest.raises(xner.UsageError, match="threshold is 1"):
        run(threshold=1)
    with pytest.raises(xner.UsageError, match="fallback is 'guess'"):
        run(fallback="guess")
    with pytest.raises(xner.UsageError, match="aligner_options has no effect with fallback none"):
        run(fallback="none", aligner_options={"seed": 2})
    with pytest.raises(xner.UsageError, match="beams has no effect with a custom translator"):
        run(beams=2)
    with pytest.raises(xner.InputError, match="already has target_tokens"):
        easyproject(run(), "eng", "deu", translator=Scripted())
    with pytest.raises(xner.UsageError, match="translator is 'none'; choose one of nllb"):
        run(translator="none")


def test_from_a_checkpoint(tmp_path):
    pytest.importorskip("torch")
    from tests.models.seq2seq import make_nllb

    marked = [("[Anna] visits [Rome].", "[Anna] besucht [Rom]."), ("It rains.", "Es regnet.")]
    marked += [("[Rome] and [Bob Roe]", "[Rom] und [Bob Roe]"), ("Anna", "Anna"), ("Rome", "Rom")]
    marked += [("Bob Roe", "Bob Roe")]
    pairs = [(a, "eng_Latn", b, "deu_Latn") for a, b in marked]
    model = make_nllb(tmp_path / "nllb", [t for pair in marked for t in pair] * 3, pairs)
    made = easyproject(labelled(ROWS), "eng", "deu", model=model, device="cpu")
    assert labels(made)[0] == [("Anna", "PER", 0), ("Rom", "LOC", 1)]
    assert made.report.outcomes["marked"] == 4
    assert made.report.translations == {"translated": 3}
