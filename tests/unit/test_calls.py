"""Library calls: what programs hand over, and what they get back."""

import subprocess
import sys
from xml.etree import ElementTree

import pyarrow as pa
import pytest

import xner
from xner.errors import InputError, UsageError
from xner.tagging.fake import FakeTagger

SOURCE = ["Ada", "Lovelace", "lives", "in", "Nairobi"]
TARGET = ["Nairobi", "ist", "das", "Heim", "Ada", "Lovelaces"]
SPANS = [(0, 2, "PER"), (4, 5, "LOC")]
LINKS = [(0, 4), (1, 5), (4, 0)]
SPAN_DICTS = [dict(zip(("start", "end", "label"), span, strict=True)) for span in SPANS]
LINK_DICTS = [{"source": s, "target": t} for s, t in LINKS]
ROW = {
    "source_tokens": SOURCE,
    "source_entities": SPANS,
    "target_tokens": TARGET,
    "links": LINKS,
    "mine": {"page": 3},
}
COLUMNS = {**ROW, "source_entities": SPAN_DICTS, "links": LINK_DICTS}
TABLE = pa.Table.from_pylist([COLUMNS, COLUMNS])
FOUND = [(0, 1, "LOC"), (4, 6, "PER")]
NAMES = ["O", "B-PER", "I-PER", "B-LOC"]


def spans(sentence):
    return [(e.start, e.end, e.label) for e in sentence.entities]


def project(data):
    return xner.project(data, preset="paper-ilp", method="exact")


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ([((SOURCE, SPANS), TARGET, LINKS)] * 2, 2),
        ([((SOURCE, SPAN_DICTS), TARGET, LINK_DICTS)], 1),
        (((SOURCE, SPANS), TARGET, LINKS), 1),
        ([({"tokens": SOURCE, "entities": SPANS}, TARGET, LINKS)], 1),
        ([(SOURCE, SPANS, TARGET, LINKS)], 1),
        ([(SOURCE, TARGET, SPANS, [(*link, 1.0) for link in LINKS])], 1),
        ((pair for pair in [((SOURCE, SPANS), TARGET, LINKS)]), 1),
        ([ROW, {name: value for name, value in ROW.items() if name != "mine"}], 2),
        (ROW, 1),
        (TABLE, 2),
        (TABLE.to_batches()[0], 2),
        (xner.Corpus.from_table(TABLE), 2),
        ([], 0),
        (TABLE.slice(0, 0), 0),
    ],
)
def test_what_a_program_has(data, rows):
    out = project(data)
    assert len(out) == rows == len(list(out))
    assert all(spans(sentence) == FOUND for sentence in out)
    if "mine" in out.columns and rows:
        assert out[0]["mine"] == {"page": 3}


def test_paths(tmp_path):
    xner.Corpus.of(ROW).write(tmp_path / "both.parquet")
    xner.Corpus.of(ROW).write(tmp_path / "source.conll", side="source")
    xner.Corpus.of(ROW).write(tmp_path / "target.txt")
    for data in (tmp_path / "both.parquet", [str(tmp_path / "both.parquet")]):
        assert spans(project(data)[0]) == FOUND
    pair = xner.Corpus.of((tmp_path / "source.conll", str(tmp_path / "target.txt")))
    assert pair[0].target_tokens == TARGET
    assert xner.divergence(tmp_path / "source.conll", [TARGET]) == xner.divergence(
        SOURCE_ONLY, [TARGET]
    )


SOURCE_ONLY = [SOURCE]


def test_columns_in_and_columns_out():
    out = project({name: [value] * 2 for name, value in ROW.items()})
    assert list(out) == ["target_entities", "outcomes", "solution"]
    assert out["outcomes"] == [["projected"] * 2] * 2
    assert [(e["start"], e["end"], e["label"]) for e in out["target_entities"][1]] == FOUND
    # A column without a side belongs to the source.
    columns = {"tokens": [SOURCE], "tags": [["B-PER", "I-PER", "O", "O", "B-LOC"]]}
    made = project({**columns, "target_tokens": [TARGET], "links": [LINKS]})
    assert [e["label"] for e in made["target_entities"][0]] == ["LOC", "PER"]


TEXT, TRANSLATED = "Ada  Lovelace's house", "Ada Lovelaces Haus"


@pytest.mark.parametrize(
    "data",
    [
        [((TEXT, [(0, 13, "PER")]), TRANSLATED, [(0, 0), (1, 1), (2, 2)])],
        {
            "source_text": TEXT,
            "source_entities": [(0, 13, "PER")],
            "target_text": TRANSLATED,
            "links": [(0, 0), (1, 1), (2, 2)],
        },
    ],
)
def test_texts_with_character_offsets(data):
    sentence = project(data)[0]
    (source,) = sentence.source_entities
    assert (source.start_char, source.end_char, source.text) == (0, 13, "Ada  Lovelace")
    (found,) = sentence.entities
    assert (found.start_char, found.end_char, found.text) == (0, 13, "Ada Lovelaces")
    assert (found.start, found.end, found.source) == (0, 2, 0)


@pytest.mark.parametrize(
    ("span", "message"),
    [((4, 5), "only white space"), ((0, 99), "do not fit the text"), ((3, 3), "do not fit")],
)
def test_characters_that_are_no_entity(span, message):
    with pytest.raises(InputError, match=rf"data\[1\]: the characters \[{span[0]}, .*{message}"):
        project([(("a b", [(0, 1, "X")]), "a"), (("Ada  Lovelace", [(*span, "PER")]), "Ada")])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "int is not a corpus; give a Corpus, a path"),
        (None, "NoneType is not a corpus"),
        (b"ab", "bytes is not a corpus"),
        (object(), "object is not a corpus; .* a datasets.Dataset"),
        ([3], r"data\[0\] is 3; a row is \(source, target\)"),
        ([((SOURCE, SPANS), TARGET), (1, 2)], r"data\[1\] is \(1, 2\); a row"),
        ([SOURCE], r"data\[0\] is .*; a row is"),
        (["Ada", "lives"], r"the suffix must say .*; strings name files"),
        ({3: [1]}, "3 is not the name of a column"),
        ({"source_tokens": [SOURCE], "mine": 3}, "column 'mine' is 3; a column is a list"),
        ({"source_tokens": [SOURCE] * 2, "target_tokens": [TARGET]}, "has 1 rows, but 'source_t"),
        (
            [{**ROW, "source_entities": [(0, "PER")]}],
            r"data\[0\]: a span in source_entities is \(0, 'P",
        ),
        ([{**ROW, "source_entities": [(0, 1, 2)]}], r"write \(start, end, label\) or a dict"),
        ([{**ROW, "source_entities": 3}], r"data\[0\]: source_entities is 3, not a list"),
        ([{**ROW, "source_entities": "PER"}], r"data\[0\]: source_entities is 'PER', not a list"),
        ([{**ROW, "links": [(0, 1.5)]}], r"data\[0\]: a link in links"),
        ([{**ROW, "links": [(0, 9)]}], r"data\[0\]: the link 0-9 is out of bounds"),
        ([ROW, {**ROW, "target_tokens": [1, 2]}], r"data\[1\]: target_tokens is .*, not a list of"),
        ([ROW, {**ROW, "mine": "x"}], "column 'mine': rows differ in the types"),
        ({"a": [1]}, "has no column 'source_tokens'"),
    ],
)
def test_what_is_no_corpus(data, message):
    with pytest.raises(xner.XnerError, match=message):
        project(data)


def test_one_side_for_stages_that_need_one():
    tagger = FakeTagger({"Nairobi": "LOC"})
    expected = [(0, 1, "LOC")]
    for data in ([TARGET], [(TARGET, [])], {"tokens": TARGET}, [TARGET, TARGET]):
        assert spans(xner.tag(data, tagger=tagger)[0]) == expected
    tagged = xner.tag({"text": ["In Nairobi."]}, tagger=tagger, side="target")
    assert tagged["target_entity_offsets"] == [[{"start": 3, "end": 10}]]
    assert xner.evaluate([(TARGET, expected)], xner.tag([TARGET], tagger=tagger)).f1 == 1.0


def test_a_sentence():
    out = project([{"id": "a", **ROW}])
    sentence = out[0]
    assert out[-1] == sentence
    assert (sentence.id, sentence.tokens, sentence.text) == ("a", TARGET, None)
    assert [e.text for e in sentence.source_entities] == ["Ada Lovelace", "Nairobi"]
    assert [e.source for e in sentence.entities] == [1, 0]
    assert sentence.scores == [1.0, 1.0]
    assert sentence.outcomes == ["projected"] * 2
    assert [(link.source, link.target) for link in sentence.links] == LINKS
    assert list(sentence) == out.columns
    assert "Ada Lovelaces: PER 1.00" in repr(sentence)
    lost = project([((SOURCE, SPANS), TARGET, LINKS[:2])])[0]
    assert "lost    Nairobi: unaligned" in repr(lost)


def test_rows_and_slices():
    out = project([{"id": str(i), **ROW} for i in range(5)])
    assert [s.id for s in out[1:3]] == ["1", "2"]
    assert [s.id for s in out[::-2]] == ["4", "2", "0"]
    assert len(out[3:1]) == 0
    assert out[:2].report is out.report
    with pytest.raises(IndexError, match="no row 5 in 5 rows"):
        out[5]
    with pytest.raises(UsageError, match=r"corpus.table\['id'\]"):
        out["id"]


def test_pandas_and_polars_frames():
    pandas = pytest.importorskip("pandas")
    out = project(pandas.DataFrame([ROW | {"source_entities": SPAN_DICTS, "links": LINK_DICTS}]))
    assert spans(out[0]) == FOUND
    assert spans(project(out.to_pandas())[0]) == FOUND
    polars = pytest.importorskip("polars")
    assert isinstance(out.to_polars(), polars.DataFrame)
    for frame in (out.to_polars(), out.to_polars().lazy()):
        assert spans(project(frame)[0]) == FOUND


@pytest.fixture
def dataset():
    datasets = pytest.importorskip("datasets")
    text, sequence = datasets.Value("string"), datasets.Sequence
    place = {name: datasets.Value("int32") for name in ("source", "target")}
    features = {
        "tokens": sequence(text),
        "ner_tags": sequence(datasets.ClassLabel(names=NAMES)),
        "target_tokens": sequence(text),
        "links": [place],
    }
    columns = {
        "tokens": [SOURCE] * 3,
        "ner_tags": [[1, 2, 0, 0, 3]] * 3,
        "target_tokens": [TARGET] * 3,
        "links": [LINK_DICTS] * 3,
    }
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def test_datasets_keep_their_classes(dataset):
    out = project(dataset.select([2, 0]))
    assert [spans(sentence) for sentence in out] == [FOUND] * 2
    part = project(dataset.select(range(1, 3)))  # a slice of the columns
    assert [spans(sentence) for sentence in part] == [FOUND] * 2
    made = out.to_hf()
    for name in ("ner_tags", "target_ner_tags"):
        assert made.features[name].feature.names == NAMES
    assert made[0]["target_ner_tags"] == [3, 0, 0, 0, 1, 2]
    assert spans(project(made)[1]) == FOUND
    with pytest.raises(UsageError, match=r"DatasetDict has several splits \(train\); give"):
        project(pytest.importorskip("datasets").DatasetDict(train=dataset))
    with pytest.raises(UsageError, match="IterableDataset has no fixed rows"):
        project(dataset.to_iterable_dataset())


def test_dataset_map(dataset):
    mapped = dataset.map(project, batched=True, batch_size=2)
    assert mapped.features["ner_tags"] == dataset.features["ner_tags"]
    assert [[e["label"] for e in row] for row in mapped["target_entities"]] == [["LOC", "PER"]] * 3
    arrow = dataset.with_format("arrow").map(lambda t: project(t).to_arrow(), batched=True)
    assert arrow.with_format(None)["outcomes"][2] == ["projected"] * 2


def test_classes_of_target_tags_that_the_source_lacks(dataset):
    datasets = pytest.importorskip("datasets")
    names = datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER", "I-PER", "B-LOC"]))
    links = [[{"source": 4, "target": 0}, {"source": 4, "target": 1}]] * 3
    longer = dataset.remove_columns("links").add_column("links", links)
    made = project(longer).to_hf()
    assert made.features["ner_tags"] == names
    assert made.features["target_ner_tags"].feature.names == [*NAMES, "I-LOC"]
    assert made[0]["target_ner_tags"] == [3, 4, 0, 0, 0, 0]
    table = dataset.with_format("arrow")[:]
    tags = pa.array([[9] * 5] * 3, table["ner_tags"].type)
    with pytest.raises(InputError, match="ner_tags has 9, but there are 4 classes"):
        project(table.set_column(1, "ner_tags", tags))


def test_spacy_documents():
    pytest.importorskip("spacy")
    nested = [(0, 13, "PER"), (0, 3, "FIRST")]
    pairs = xner.Corpus.of([{"id": "a", "source_text": TEXT, "source_entities": nested}])
    (document,) = pairs.to_spacy("en", side="source")
    assert document.text == TEXT
    assert [(e.text, e.label_) for e in document.ents] == [("Ada  Lovelace's", "PER")]
    assert [span.label_ for span in document.spans["sc"]] == ["PER", "FIRST"]
    assert document.user_data["id"] == "a"
    words = next(project(ROW).to_spacy("de"))
    assert [(e.start, e.end, e.label_) for e in words.ents] == FOUND
    with pytest.raises(UsageError, match="side is 'left'"):
        project(ROW).to_spacy("de", side="left")
    with pytest.raises(UsageError, match="has no column 'target_tokens'"):
        pairs.to_spacy("de")


def test_html_is_escaped_and_drawn_from_right_to_left():
    words = ["<script>alert(1)</script>", "عدا", "&"]
    rows = [((["a", "b"], [(0, 1, "PER"), (0, 2, '"><b>')]), words, [(0, 1), (1, 2)])]
    out = project(rows)
    for page in (out._repr_html_(), out[0]._repr_html_()):
        assert "<script>" not in page
        assert "<b>" not in page
        root = ElementTree.fromstring(f"<page>{page}</page>")
        assert [way.get("dir") for way in root.iter("div") if "dir" in way.attrib] == ["auto"]
        assert len(list(root.iter("line"))) == 2
        assert {text.text for text in root.iter("text")} >= {*words, "PER", "a", "b"}
    right = project([((["a"], []), ["عدا", "نعم"], [(0, 0)])])._repr_html_()
    root = ElementTree.fromstring(f"<page>{right}</page>")
    first, second = [float(t.get("x")) for t in root.iter("text") if t.get("direction") == "rtl"]
    assert first > second


def test_packages_are_not_imported_unless_their_objects_are_given():
    # pyarrow imports pandas itself, where it is installed.
    code = (
        "import sys, xner; xner.project([(('a', []), 'b')], aligner='native');"
        "print(sorted({'polars', 'datasets', 'spacy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_options_that_were_checked_before_do_not_stand_for_equal_ones_of_another_type():
    assert len(xner.project(ROW, max_span=1)) == 1
    for wrong in (1.0, True):
        with pytest.raises(UsageError, match=f"max_span is {wrong}"):
            xner.project(ROW, max_span=wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: xner.project(c, max_span=3.0), "max_span is 3.0; it must be an integer"),
        (lambda c: xner.project(c, score=3), "score is 3; it must be a mapping of text to numbers"),
        (lambda c: xner.project(c, max_span=True), "max_span is True; it must be an integer"),
        (lambda c: xner.project(c, subspans=1), "subspans is 1; it must be true or false"),
        (lambda c: xner.project(c, max_spam=3), "unknown option 'max_spam'; did you mean 'max_sp"),
        (lambda c: xner.project(c, score={"edge": "1"}), "mapping of text to numbers"),
        (lambda c: xner.project(c, score="edge"), "score is 'edge'; it must be a mapping"),
        (lambda c: xner.project(c, counts=object()), r"must be an object \(Counts\) or a path"),
        (lambda c: xner.project(c, 3), "options are given by name"),
        (lambda c: xner.align(c, aligner=3), "aligner is 3; it must be"),
        (lambda c: xner.read(3), "source is 3; it must be text or a path or a list"),
        (lambda c: xner.scan("a.conll", links=3), "links is 3; it must be text or a path or"),
        (lambda c: xner.evaluate(c, c, ignore="PER"), "ignore is 'PER'; it must be a list of text"),
        (lambda c: xner.evaluate_links(3, c), "gold is 3; it must be text or a path"),
        (lambda c: xner.divergence(c, c, n="3"), "n is '3'; it must be an integer"),
        (lambda c: xner.run(3), "config is 3; it must be text or a path or a mapping"),
        (lambda c: xner.spans_from_tags("B-PER"), "tags is 'B-PER'; it must be a list of text"),
        (lambda c: xner.tags_from_spans([(0, 1)], 3), r"spans is \[\(0, 1\)\]; it must be a list"),
        (lambda c: xner.Corpus.of(c, side="left"), "side is 'left'; choose source or target"),
        (lambda c: xner.Corpus.from_table([1]), "table is of type list; it must be an Arrow"),
    ],
)
def test_arguments_of_wrong_types(call, message):
    with pytest.raises(UsageError, match=message):
        call(xner.Corpus.of(ROW))


def test_entities_inside_others(tmp_path):
    words = ["The", "Bank", "of", "England", "in", "London"]
    nested = [(1, 4, "ORG"), (1, 2, "KIND"), (3, 4, "LOC"), (3, 4, "COUNTRY"), (5, 6, "LOC")]
    (tmp_path / "en.jsonl").write_text(
        '{"text": "The Bank of England in London", "entities": ['
        '{"start": 4, "end": 19, "label": "ORG"}, {"start": 12, "end": 19, "label": "LOC"}]}\n'
    )
    (tmp_path / "de.jsonl").write_text('{"text": "Die Bank von England in London"}\n')
    links = [(i, i) for i in range(6)]
    for method in ("exact", "greedy", "heuristic"):
        out = xner.project([(words, nested, words, links)], method=method)
        assert [(e.start, e.end, e.label) for e in out[0].entities] == nested
        assert out[0].outcomes == ["projected"] * 5
    flat = xner.project([(words, nested, words, links)], nesting="none")
    assert "conflict" in flat[0].outcomes
    out.write(tmp_path / "out.jsonl")
    assert spans(xner.read(tmp_path / "out.jsonl")[0]) == nested
    with pytest.raises(
        xner.OutputError, match=r"entities that overlap, .* \(in projection: nesting none\)"
    ):
        out.write(tmp_path / "out.conll")
    files = xner.read(tmp_path / "en.jsonl", tmp_path / "de.jsonl")
    made = xner.project(files, score={"lexical": 1.0}, candidates="ngrams")
    assert [e.text for e in made[0].entities if e.label == "LOC"] == ["England"]
