"""The translation stage: columns in, columns out."""

import pyarrow as pa
import pytest

import xner
from xner.columns import TRANSLATION_MADE_BY
from xner.corpus import Corpus
from xner.translation.fake import FakeTranslator

FAKE = FakeTranslator({"Peter": "Petro", "lives": "anaishi", "in": "huko", "It": "Mvua"})
ROWS = {
    "id": ["a", "b", "c"],
    "source_tokens": [["Peter", "lives", "in", "Berlin", "."], [], ["It", "'s", "late"]],
    "source_entities": [
        [{"start": 0, "end": 1, "label": "PER"}, {"start": 3, "end": 4, "label": "LOC"}],
        [],
        [],
    ],
    "genre": ["news", "news", "web"],
}


def corpus(**columns):
    return Corpus.from_table(pa.table({**ROWS, **columns}), "rows")


def test_the_target_side_is_made():
    told = []
    out = xner.translate(
        corpus(), "eng", "swa", translator=FAKE, progress=lambda *a: told.append(a)
    )
    rows = out.table.to_pylist()
    assert [row["target_text"] for row in rows] == ["Petro anaishi huko Berlin.", "", "Mvua's late"]
    assert [row["target_tokens"] for row in rows] == [
        ["Petro", "anaishi", "huko", "Berlin", "."],
        [],
        ["Mvua's", "late"],
    ]
    assert rows[0]["target_offsets"][1] == {"start": 6, "end": 13}
    assert [row["translation_outcome"] for row in rows] == [
        "translated",
        "empty_input",
        "translated",
    ]
    assert [row["genre"] for row in rows] == ROWS["genre"]
    assert out.report.as_dict()["outcomes"]["translated"] == 2
    assert (out.report.sentences, out.report.words) == (3, 7)
    assert out.report.signature.endswith(f"|eng_Latn>swh_Latn|{FAKE.signature}")
    assert told[0] == ("translate", 0.0)
    assert told[-1] == ("translate", 1.0)
    # It is a corpus like any other: the checks pass, and the next stages take it.
    assert Corpus.from_table(out.table).columns == out.columns
    projected = xner.project(out)
    assert f"|translation:{out.report.signature}" in projected.report.signature


def test_the_source_side_is_made():
    given = Corpus.from_table(pa.table({"target_tokens": [["Petro", "anaishi", "."]]}))
    back = FakeTranslator({"Petro": "Peter", "anaishi": "doesn't live"})
    out = xner.translate(given, "en", "sw", fill="source", translator=back)
    (row,) = out.table.to_pylist()
    assert row["source_tokens"] == ["Peter", "does", "n't", "live", "."]
    assert row["source_text"] == "Peter doesn't live."
    assert "|swh_Latn>eng_Latn|" in out.report.signature
    assert out.schema.metadata[TRANSLATION_MADE_BY].decode() == out.report.signature


def test_raw_text_goes_before_words():
    text = pa.array(["Peter  lives  here", None, "x"], pa.string())
    out = xner.translate(corpus(source_text=text), "en", "sw", translator=FAKE)
    assert out.table["target_text"].to_pylist() == ["Petro  anaishi  here", "", "x"]
    only = Corpus.from_table(pa.table({"source_text": ["Peter"]}))
    assert xner.translate(only, "en", "sw", translator=FAKE).table["target_tokens"].to_pylist() == [
        ["Petro"]
    ]


def test_languages_without_spaces():
    zh = Corpus.from_table(pa.table({"source_tokens": [["彼", "得", "在", "柏林"]]}))
    out = xner.translate(zh, "zh", "ja", translator=FakeTranslator({"彼得在柏林": "東京です"}))
    assert out.table["target_tokens"].to_pylist() == [["東", "京", "で", "す"]]


def test_what_would_no_longer_fit_is_refused_or_replaced():
    held = corpus(target_tokens=[["x"], [], []], links=[[{"source": 0, "target": 0}], [], []])
    with pytest.raises(xner.InputError, match="already has target_tokens, links"):
        xner.translate(held, "en", "sw", translator=FAKE)
    out = xner.translate(held, "en", "sw", translator=FAKE, replace=True)
    assert "links" not in out.columns
    assert out.table["target_tokens"].to_pylist()[0][0] == "Petro"


BAD = [
    ({"fill": "middle"}, xner.UsageError, "fill is 'middle'"),
    ({"target_language": "en"}, xner.UsageError, "both languages are English"),
    ({"target_language": "pcm"}, xner.UsageError, "NLLB-200 does not support"),
    ({"translator": "babel"}, xner.UsageError, "translator is 'babel'; choose one of nllb"),
    (
        {"translator": FAKE, "beams": 3},
        xner.UsageError,
        "beams has no effect",
    ),
    ({"fill": "source", "translator": FAKE}, xner.InputError, "no column target_tokens"),
    ({"translator": "nllb", "vibes": 3}, xner.UsageError, "vibes"),
    ({"translator": "ctranslate2", "vibes": 3}, xner.UsageError, "vibes"),
]


@pytest.mark.parametrize(("options", "error", "words"), BAD, ids=[b[2] for b in BAD])
def test_bad_options(options, error, words):
    if isinstance(options.get("translator"), str):
        pytest.importorskip("torch")
    with pytest.raises(error, match=words):
        xner.translate(corpus(), **{"source_language": "en", "target_language": "sw", **options})


OFFSETS = [
    ([(0, 5)], "has 1 entries for 2 tokens"),
    ([(0, 5), (4, 6)], r"\[4, 6\).*'is'"),
    ([(0, 5), (6, 9)], r"\[6, 9\).*'is'"),
    ([(0, 5), (7, 9)], r"\[7, 9\).*'is'"),
    ([(0, 5), (6, None)], "has no end"),
]


@pytest.mark.parametrize(("offsets", "words"), OFFSETS)
def test_offsets_must_be_those_of_the_tokens(offsets, words):
    def table(offsets):
        return pa.table(
            {
                "target_tokens": [[], ["Émile"[:5], "is"]],
                "target_text": ["", "Émile is"],
                "target_offsets": [[], [{"start": s, "end": e} for s, e in offsets]],
            }
        )

    Corpus.from_table(table([(0, 5), (6, 8)]))
    with pytest.raises(xner.InputError, match=f"row 2: .*{words}"):
        Corpus.from_table(table(offsets))


def test_offsets_without_their_text_are_refused():
    table = pa.table({"target_tokens": [["a"]], "target_offsets": [[{"start": 0, "end": 1}]]})
    with pytest.raises(xner.FormatError, match="'target_offsets' but no 'target_text'"):
        Corpus.from_table(table)
