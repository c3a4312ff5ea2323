"""The demo corpus keeps its promises."""

import pytest

from xner.cli.demo import FOLDER, LANGUAGES
from xner.labels import label_files

FILES = {code: FOLDER / f"{code}.conll" for code in ("en", *LANGUAGES)}


@pytest.fixture(scope="module")
def sides():
    return {code: label_files([path], scheme="IOB2")[0].table for code, path in FILES.items()}


def test_sentences_are_parallel(sides):
    assert {table.num_rows for table in sides.values()} == {72}
    assert all(words for table in sides.values() for words in table["tokens"].to_pylist())


def test_only_the_three_labels(sides):
    for table in sides.values():
        labels = {e["label"] for row in table["entities"].to_pylist() for e in row}
        assert labels == {"PER", "LOC", "ORG"}


def test_hard_cases_are_there(sides):
    """Entities that a translation drops or repeats, moves, inflects, or splits."""
    english = [[e["label"] for e in row] for row in sides["en"]["entities"].to_pylist()]
    for code in LANGUAGES:
        own = [[e["label"] for e in row] for row in sides[code]["entities"].to_pylist()]
        assert any(len(a) > len(b) for a, b in zip(english, own, strict=True)), code
        assert any(len(a) < len(b) for a, b in zip(english, own, strict=True)) or code == "es"
        assert any(sorted(a) == sorted(b) and a != b for a, b in zip(english, own, strict=True))
    russian = {word for row in sides["ru"]["tokens"].to_pylist() for word in row}
    assert len({word for word in russian if word.startswith("Найроб")}) > 1
    assert "Victoriasee" in {word for row in sides["de"]["tokens"].to_pylist() for word in row}
