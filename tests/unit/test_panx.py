"""PAN-X (WikiANN) files."""

import pytest

import xner
from xner.formats import panx

TEXT = "sw:Amina\tB-PER\nsw:Okoro\tI-PER\nsw::\tO\n\nsw:sw:Kisumu\tB-LOC\nsw:1:2\tO\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "test"
    path.write_text(TEXT)
    return path


def test_a_file_without_suffix_is_known_by_its_first_line(file):
    rows = xner.read(file, side="source").table.to_pylist()
    assert [row["source_tokens"] for row in rows] == [["Amina", "Okoro", ":"], ["sw:Kisumu", "1:2"]]
    assert (
        rows[0]["source_entities"][0] | {"start": 0, "end": 2, "label": "PER"}
        == rows[0]["source_entities"][0]
    )
    assert xner.evaluate(file, file).f1 == 1.0
    # and paired with another file
    (file.parent / "en.txt").write_text("Amina Okoro\nKisumu\n")
    pairs = xner.read(file, file.parent / "en.txt").table
    assert pairs["target_tokens"].to_pylist() == [["Amina", "Okoro"], ["Kisumu"]]
    assert len(pairs["source_entities"][0]) == 1


def test_byte_order_mark_and_crlf(file):
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert panx.recognises(file)
    (first, batch), *_ = panx.read(file)
    assert (first, batch["tokens"][0].as_py()) == (1, ["Amina", "Okoro", ":"])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("Amina\tB-PER\n", xner.UsageError, "suffix must say the format"),
        ("sw:Amina B-PER\n", xner.UsageError, "suffix must say the format"),
        ("sw:Amina\tB-PER\nen:sees\tO\n", xner.FormatError, "'en:sees'.*must be written sw:word"),
        ("sw:Amina\tB-PER\nsw:\tO\n", xner.FormatError, "'sw:'.*must be written sw:word"),
        ("sw:Amina\tPERSON\n", xner.SchemeError, ":1: 'PERSON' is not a tag"),
    ],
)
def test_other_files_are_refused(tmp_path, text, error, message):
    path = tmp_path / "test"
    path.write_text(text)
    with pytest.raises(error, match=message):
        xner.read(path, side="source")


def test_a_file_without_words(tmp_path):
    path = tmp_path / "test"
    path.write_text("# xner: empty sentence\n\n# xner: empty sentence\n\n")
    batches = [batch for _, batch in panx.read(path)]
    assert [batch["tokens"].to_pylist() for batch in batches] == [[[], []]]


def test_only_reading_knows_it(file):
    corpus = xner.read(file, side="source")
    with pytest.raises(xner.UsageError, match="suffix must say the format"):
        corpus.write(file, side="source")
    with pytest.raises(xner.FormatError, match="not PAN-X"):
        list(panx.read(_conll(file)))


def _conll(file):
    path = file.with_name("plain")
    path.write_text("Amina\tB-PER\n")
    return path
