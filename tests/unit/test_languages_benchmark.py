"""The benchmark over languages, on a handful of made-up sentences."""

import numpy as np
import pytest
from benchmarks import languages
from benchmarks.language_pieces import Pieces, f1_of, languages_of, part_of
from benchmarks.systems import DEFAULT, GREEDY

EN = "Peter\tB-PER\nBlackburn\tI-PER\nvisits\tO\nParis\tB-LOC\n\nAnna\tB-PER\nsleeps\tO\n"
XX = "uPeter\tB-PER\nBlackburn\tI-PER\nundwendwela\tO\niParis\tB-LOC\n\nlala\tO\nlala\tO\n"


@pytest.fixture
def data(tmp_path):
    for name, content in {"en": EN, "xx": XX, "yy": EN}.items():
        path = tmp_path / "parallel-gold" / "massive" / f"{name}.conll"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    absa = tmp_path / "absa"
    absa.mkdir()
    for split in ("train", "test"):
        (absa / f"en.{split}.conll").write_text(EN, "utf-8")
        (absa / f"es.{split}.conll").write_text(XX, "utf-8")
    (absa / "en-es.train.awesome.align").write_text("0-0 1-1 3-3\n0-0\n", "utf-8")
    return tmp_path


def test_pieces_are_measured_once(data, tmp_path):
    told = []
    pieces = Pieces(tmp_path / "kept", told.append)
    (language,) = languages_of("absa", data / "absa", "train")
    assert (language.data, language.name, language.aligners) == ("absa train", "es", ["awesome"])
    first = pieces.measure(language, "awesome", [GREEDY, DEFAULT])
    assert first[0].counts.tolist() == [[2, 2, 2], [0, 1, 0]]
    assert first[0].ceiling == pytest.approx(4 / 5)
    assert first[0].f1 == pytest.approx(4 / 5) == f1_of(first[0].counts.sum(axis=0))
    assert len(told) == 2
    again = pieces.measure(language, "awesome", [GREEDY, DEFAULT])
    assert [piece.counts.tolist() for piece in again] == [p.counts.tolist() for p in first]
    assert len(told) == 2
    language.gold.write_text(XX.replace("lala\tO\n", "lala\tB-PER\n", 1), "utf-8")
    assert pieces.find(language, "awesome", GREEDY) is None
    assert pieces.measure(language, "awesome", [GREEDY])[0].f1 == 1


def test_a_part_has_its_own_sentences_and_links(data, tmp_path):
    (language,) = languages_of("absa", data / "absa", "train")
    part = part_of(language, 1, 5, tmp_path / "part")
    assert part.gold.read_text("utf-8").split() == ["lala", "O", "lala", "O"]
    assert part.given("awesome").read_text("utf-8") == "0-0\n"
    (piece,) = Pieces(tmp_path / "kept", print).measure(part, "awesome", [GREEDY])
    assert piece.counts.tolist() == [[0, 1, 0]]


def test_exact_probabilities_have_an_error_too():
    pytest.importorskip("torch")
    from benchmarks.fit_likelihood import error, errors_of_chance

    chance = np.linspace(0.5, 0.99, 600)
    drawn = errors_of_chance(chance)
    assert 0.02 < drawn.mean() < 0.06
    assert errors_of_chance(np.repeat(chance, 20)).mean() < drawn.mean() / 3
    assert error(chance, np.ones(600, bool)) > np.quantile(drawn, 0.95)


def test_the_page_shows_what_is_kept(data, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    results = tmp_path / "results"
    common = ["languages", "--data", str(data), "--cache", str(tmp_path / "kept"),
              "--results", str(results)]  # fmt: skip
    monkeypatch.setattr("sys.argv", [*common, "--page-only"])
    with pytest.raises(SystemExit):
        languages.main()
    chosen = ["--sets", "massive", "--aligners", "native", "--presets", "greedy", "default"]
    for language in ("xx", "yy"):
        monkeypatch.setattr("sys.argv", [*common, *chosen, "--languages", language])
        languages.main()
    page = (results / "languages.md").read_text("utf-8")
    assert (results / "languages.png").stat().st_size > 1000
    assert "## massive, links of native" in page
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert [row for row in rows if len(row) == 2] == ["xx", "yy"]
    assert "| massive | native | 2 | .9" in page
    assert "heuristic" not in page.split("## massive")[1]
    assert "eflomal" not in page.split("## massive")[0] or "Not installed" not in page
