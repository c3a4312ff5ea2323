"""Formats of annotation tools and other libraries: read as they write them, written for them."""

import json

import pytest

import xner
from tests.annotations import characters, corpus_of, labelled, rows
from xner.corpus import Corpus, read_as_is, scan_as_is
from xner.formats import WITH_WORDS, brat, doccano, format_of, jsonl, webanno


def test_spacy_writes_and_reads_the_same(tmp_path):
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import Doc, DocBin, Span

    vocab = spacy.blank("xx").vocab
    doc = Doc(vocab, ["New", "York", "Times", "."], [True, True, False, False])
    doc.ents = [Span(doc, 0, 2, "LOC")]
    doc.user_data = {"id": 7, ("._.", "x", None, None): (1, 2)}
    doc.spans["sc"] = [Span(doc, 0, 3, "ORG"), Span(doc, 0, 2, "LOC")]
    DocBin(docs=[doc, Doc(vocab, [])], store_user_data=True).to_disk(tmp_path / "in.spacy")
    first, second = rows(tmp_path / "in.spacy")
    assert (first["text"], first["id"], second["tokens"]) == ("New York Times.", "7", [])
    assert sorted(labelled(first)) == [("New York", "LOC"), ("New York Times", "ORG")]

    read_as_is(tmp_path / "in.spacy").write(tmp_path / "out.spacy")
    again, _ = DocBin().from_disk(tmp_path / "out.spacy").get_docs(vocab)
    assert (again.text, again.user_data) == (doc.text, {"id": "7"})
    assert [(e.text, e.label_) for e in again.ents] == [("New York Times", "ORG")]
    assert {(e.text, e.label_) for e in again.spans["sc"]} == set(labelled(first))

    # Tokens that are no words are kept apart from the words.
    text = {"target_text": " New  York\nand Oslo", "target_entities": [(1, 10, "LOC")]}
    Corpus.of([{"id": "a", **text}]).write(tmp_path / "gaps.spacy")
    (again,) = DocBin().from_disk(tmp_path / "gaps.spacy").get_docs(vocab)
    assert [token.text for token in again] == [" ", "New", " ", "York", "\n", "and", "Oslo"]
    assert (again.text, again.ents[0].text) == (text["target_text"], "New  York")
    (row,) = rows(tmp_path / "gaps.spacy")
    assert (row["tokens"], row["text"]) == (["New", "York", "and", "Oslo"], again.text)
    assert labelled(row) == [("New York", "LOC")]

    doc.spans["rest"] = [Span(doc, 3, 4, "X")]
    DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    with pytest.warns(xner.errors.XnerWarning, match=r"left out.*span groups 'rest' \(1\)"):
        scan_as_is(tmp_path / "in.spacy")
    (tmp_path / "in.spacy").write_bytes(b"no DocBin")
    with pytest.raises(xner.FormatError, match="not a DocBin, or damaged"):
        scan_as_is(tmp_path / "in.spacy")
    with pytest.raises(xner.OutputError, match="empty token, as in 's1'"):
        corpus_of(("s1", [""], [])).write(tmp_path / "out.spacy")


def test_datasets_keep_their_classes(tmp_path):
    datasets = pytest.importorskip("datasets")
    names = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    tags = datasets.List(datasets.ClassLabel(names=names))
    features = datasets.Features(
        {"id": datasets.Value("string"), "tokens": datasets.List(datasets.Value("string")),
         "ner_tags": tags, "score": datasets.Value("float64")}
    )  # fmt: skip
    given = {"id": ["7", "8"], "tokens": [["New", "York"], ["Ada"]],
             "ner_tags": [[1, 2], [3]], "score": [0.5, 1.0]}  # fmt: skip
    made = datasets.Dataset.from_dict(given, features=features)
    made.save_to_disk(tmp_path / "in")
    found = rows(tmp_path / "in")
    assert [labelled(row) for row in found] == [[("New York", "LOC")], [("Ada", "PER")]]
    assert [row["id"] for row in found] == ["7", "8"]

    corpus = scan_as_is(tmp_path / "in").corpus
    corpus.write(tmp_path / "out", format="hf")
    again = datasets.load_from_disk(str(tmp_path / "out"))
    assert again.features["ner_tags"] == tags
    assert again["ner_tags"] == given["ner_tags"]
    assert again["score"] == given["score"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "data-00000-of-00001.arrow", "dataset_info.json", "state.json",
    ]  # fmt: skip

    bilou = datasets.List(datasets.ClassLabel(names=["O", "U-PER"]))
    one = {"tokens": [["Ada", "Lovelace"], ["Bo"]], "ner_tags": [[0, 0], [1]]}
    features = datasets.Features(
        {"tokens": datasets.List(datasets.Value("string")), "ner_tags": bilou}
    )
    datasets.Dataset.from_dict(one, features=features).save_to_disk(tmp_path / "bilou")
    read_as_is(tmp_path / "bilou").write(tmp_path / "again", format="hf")
    assert datasets.load_from_disk(str(tmp_path / "again"))["ner_tags"] == one["ner_tags"]

    # new tags follow, and others are counted from O
    other = corpus_of(("a", ["x", "y"], [(0, 1, "ORG")]), ("b", ["z"], [(0, 1, "LOC")]))
    other.write(tmp_path / "new", format="hf")
    new = datasets.load_from_disk(str(tmp_path / "new"))
    assert new.features["target_ner_tags"].feature.names == ["O", "B-ORG", "B-LOC"]
    assert new["target_ner_tags"] == [[1, 0], [2]]

    with pytest.raises(xner.OutputError, match="exists; name a new or an empty folder"):
        other.write(tmp_path / "new", format="hf")
    datasets.DatasetDict(train=made, test=made).save_to_disk(tmp_path / "both")
    parts = [scan_as_is(str(tmp_path / "[bn]*w")).corpus, scan_as_is([tmp_path / "new"] * 2).corpus]
    assert [len(part) for part in parts] == [2, 4]
    with pytest.raises(xner.InputError, match=r"several splits \(train, test\); name one"):
        scan_as_is(tmp_path / "both")
    assert len(scan_as_is(tmp_path / "both" / "test").corpus) == 2
    (tmp_path / "in" / "data-00000-of-00001.arrow").write_bytes(b"x")
    with pytest.raises(xner.FormatError, match="not a saved dataset, or damaged"):
        scan_as_is(tmp_path / "in")


def test_exports_of_doccano(tmp_path):
    path = tmp_path / "all.jsonl"
    lines = [
        {"id": 3, "text": "Ada met Al-Hassan.", "label": [[0, 3, "PER"], [11, 17, "PER"]],
         "Comments": ["?"]},
        {"id": 4, "text": "Hm", "entities": [{"id": 9, "label": "X", "start_offset": 0,
         "end_offset": 2}], "relations": [{"id": 1}]},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert format_of(path, *WITH_WORDS) is doccano
    with pytest.warns(xner.errors.XnerWarning, match=r"relations \(1\)") as warned:
        found = rows(path)
    assert "comments (1)" in str(warned[0].message)
    assert characters(found[0]) == ["Ada", "Hassan"]
    assert labelled(found[1]) == [("Hm", "X")]
    path.write_text('{"text": "Ada", "entities": []}\n')
    assert format_of(path, *WITH_WORDS) is jsonl
    for content, message in [
        ({"text": "x", "label": [[0, 1]]}, r":2: \[0, 1\] is not a span"),
        ({"text": "x", "label": "X"}, ":2: 'label' is not a list"),
        ({"label": []}, ":2: has no text"),
    ]:
        path.write_text(json.dumps({"text": "a", "label": []}) + "\n" + json.dumps(content) + "\n")
        with pytest.raises(xner.FormatError, match=message):
            scan_as_is(path)


def test_folders_of_brat(tmp_path):
    folder = tmp_path / "brat"
    folder.mkdir()
    (folder / "doc-2.txt").write_text("Ada met Bo in\nKisumu 😀 Bay.\n")
    (folder / "doc-2.ann").write_text(
        "T1\tPER 0 3\tAda\nT2\tLOC 14 20;23 26\tKisumu Bay\nT3\tLOC 11 20\tin Kisumu\n"
        "R1\tMeets Arg1:T1 Arg2:T4\nT4\tPER 8 10\tBo\n#1\tAnnotatorNotes T1\tsure?\n"
        "T5\tLOC 23 26\tBay\n"
    )
    (folder / "doc-10.txt").write_text("No annotations")
    with pytest.warns(xner.errors.XnerWarning) as warned:
        found = rows(folder)
    told = str(warned[0].message)
    for lost in ("discontinuous entities", "entities across lines", "relations", "notes"):
        assert f"{lost} (1)" in told
    assert [characters(row) for row in found] == [["Ada", "Bo"], ["Bay"], []]
    assert [row["id"] for row in found] == ["doc-2-1", "doc-2-2", "doc-10-1"]
    for content, message in [
        ("T1\tPER 0 99\tx\n", r"doc-2\.ann: the entity 0 99 is outside the text"),
        ("\nT1 PER 0 3\n", r"doc-2\.ann:2: 'T1 PER 0 3' is not an annotation"),
        (b"T1\tPER 0 3\t\xff\n", r"doc-2\.ann:1: not UTF-8"),
    ]:
        data = content if isinstance(content, bytes) else content.encode()
        (folder / "doc-2.ann").write_bytes(data)
        with pytest.raises(xner.FormatError, match=message):
            scan_as_is(folder)
    (folder / "doc-2.txt").unlink()
    with pytest.raises(xner.InputError, match=r"doc-2\.ann: has no text"):
        scan_as_is(folder)


def test_documents_for_brat(tmp_path, monkeypatch):
    monkeypatch.setattr(brat, "SENTENCES", 2)
    corpus = corpus_of(("a", ["Ada", "😀"], [(0, 2, "PER")]), ("b", [], []), ("c", ["x"], []))
    corpus.write(tmp_path / "out", format="brat")
    files = {p.name: p.read_text() for p in (tmp_path / "out").iterdir()}
    assert files["00001.txt"] == "Ada 😀\n\n"
    assert files["00001.ann"] == "T1\tPER 0 5\tAda 😀\n"
    assert files["00002.txt"] == "x\n"
    assert files["annotation.conf"].startswith("[entities]\nPER\n")
    with pytest.raises(xner.OutputError, match="label 'A B', which has white space"):
        corpus_of(("a", ["x"], [(0, 1, "A B")])).write(tmp_path / "no", format="brat")
    assert not (tmp_path / "no").exists()


TSV = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value


#Sentence.id=s1
#Text=😀 Nairobi-based
1-1\t0-2\t😀\tX\t*\tA\\_B\\|[1]|C[2]\t
1-2\t3-16\tNairobi-based\t_\t*\tA\\_B\\|[1]\t
1-2.1\t3-10\tNairobi\t_\t*\tLOC\t

#Text=He came
#Text=back
2-1\t17-19\tHe\t_\t*[3]\tPER[3]\t
2-2\t20-24\tcame\t_\t_\t_\t
2-3\t25-29\tback\t_\t*[4]|*\t*[4]|X[5]\t

#Text=Hm
3-1\t30-32\tHm\t_\t*[5]\tX[5]\t
"""


def test_exports_of_inception(tmp_path):
    path = tmp_path / "in.tsv"
    path.write_text(TSV, "utf-8")
    assert format_of(path, *WITH_WORDS) is webanno
    with pytest.warns(xner.errors.XnerWarning) as warned:
        found = rows(path)
    told = str(warned[0].message)
    assert "entities across sentences (1)" in told
    assert "entities without a label (1)" in told
    assert "words with annotations of the layer POS (1)" in told
    assert [row["id"] for row in found] == ["s1", "in-1", "in-2"]
    assert characters(found[0]) == ["😀", "😀 Nairobi-based", "Nairobi"]
    assert [e["label"] for e in found[0]["entities"]] == ["C", "A_B|", "LOC"]
    assert (found[1]["text"], labelled(found[1])) == ("He came\nback", [("He", "PER")])
    for old, new, message in [
        (
            "#FORMAT=WebAnno TSV 3.3\n",
            "#FORMAT=WebAnno TSV 3.3\n1-1\t0-1\tx\n",
            ":2: a word before",
        ),
        ("3-1\t30-32", "3-1\t30-34", r":18: the place 30-34 is outside the text"),
        ("3-1\t30-32", "3-1\tx", r":19: .* is not a word"),
        ("[1]|C", "[1]x|C", r":8: .* is not a value"),
        ("\tA\\_B\\|[1]\t\n1-2.1", "\tB[1]\t\n1-2.1", r":9: annotation \[1\] has the labels"),
        ("api.ner.type.NamedEntity", "x.Y\n#T_SP=webanno.custom.A\n#T_SP=custom.B", "several span"),
    ]:
        assert old in TSV
        path.write_text(TSV.replace(old, new), "utf-8")
        with pytest.raises(xner.FormatError, match=message):
            scan_as_is(path)


def test_files_for_inception(tmp_path):
    corpus = corpus_of(
        ("s\t1", ["😀", "_x_"], [(0, 2, "A|B"), (1, 2, "C")]),
        ("t", [], []),
        ("u", ["é"], [(0, 1, "D")]),
    )
    corpus.write(tmp_path / "out.tsv", format="webanno")
    assert (tmp_path / "out.tsv").read_text("utf-8") == (
        "#FORMAT=WebAnno TSV 3.3\n"
        "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value\n"
        "\n\n#Sentence.id=s\\t1\n#Text=😀 _x_\n"
        "1-1\t0-2\t😀\tA\\|B[1]\t\n1-2\t3-6\t_x_\tA\\|B[1]|C[2]\t\n"
        "\n#Sentence.id=u\n#Text=é\n2-1\t7-8\té\tD\t\n"
    )
    with pytest.raises(xner.OutputError, match=r"token 'a\\tb' of sentence 's'"):
        corpus_of(("s", ["a\tb"], [])).write(tmp_path / "no.tsv", format="webanno")


def test_bad_rows_are_left_out(tmp_path):
    path = tmp_path / "all.jsonl"
    lines = [{"text": "Ada", "label": [[0, end, "PER"]]} for end in (3, 9)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(xner.InputError, match=r"all\.jsonl: row 2: the characters \[0, 9\)"):
        xner.read(path, side="source")
    kept = xner.read(path, side="source", on_bad_row="quarantine")
    assert kept.table["source_tokens"].to_pylist() == [["Ada"]]
    assert [bad["row"] for bad in kept.bad] == [2]


def test_every_command_reads_every_format(tmp_path):
    pairs = corpus_of(("a", ["Ada", "ni"], [(0, 1, "PER")]), ("b", ["Bo"], []))
    pairs.write(tmp_path / "de.conll")
    gold = tmp_path / "de.conll"
    for name, ending in (("label-studio", ".json"), ("webanno", ".tsv"), ("brat", "")):
        pairs.write(tmp_path / f"{name}{ending}", format=name)
        assert xner.evaluate(gold, tmp_path / f"{name}{ending}").f1 == 1
        labelled = read_as_is(tmp_path / f"{name}{ending}")
        source = xner.read(tmp_path / f"{name}{ending}", gold) if name != "label-studio" else None
        assert labelled.table.num_rows == 2
        if source is not None:
            assert [len(row) for row in source.table["source_entities"].to_pylist()] == [1, 0]
