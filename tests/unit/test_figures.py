"""Figures of README.md and docs/ come from the results pages."""

import pytest

from tests.blocks import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="not a checkout")
figures = pytest.importorskip("benchmarks.figures")

RESULTS = """# Page

## Quality (`F1`)

| F1 | de, alone | es |
|---|---:|---:|
| default | .9218 ± .0027 | 1,296.5 |
| default, eflomal | -.051 | 99.946 % |
| half | | 0.2468 |

## Twice

| rows | size | es |
|---|---|---|
| default | 10 | 1 |
| default | 20 | 2 |
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "benchmarks" / "results" / "page.md").write_text(RESULTS, "utf-8")
    return tmp_path


def link(shown, title, anchor="#quality-f1"):
    return f'[{shown}](benchmarks/results/page.md{anchor} "{title}")'


@pytest.mark.parametrize(
    ("shown", "title", "now"),
    [
        (".5", "default / de, alone", ".9"),
        ("0.5", "default / de, alone", "0.9"),
        (".5", "half / es", ".2"),
        ("F1 .511 ± .1", "default / de, alone", "F1 .922 ± .0"),
        ("9 MiB", "default / es", "1,297 MiB"),
        ("a loss of .9", "default, eflomal / de, alone", "a loss of .1"),
        ("−.999", "default, eflomal / de, alone", "−.051"),
        ("+.99", "default, eflomal / de, alone", "-.05"),
        ("1.0 %", "default,\neflomal / es", "99.9 %"),
        ("7", "default, 20 / es", "2"),
    ],
)
def test_a_figure_takes_the_number_of_its_cell(folder, shown, title, now):
    anchor = "#twice" if "20" in title else "#quality-f1"
    text = f"about {link(shown, title, anchor)}."
    assert figures.refreshed(text, folder) == f"about {link(now, title, anchor)}."
    assert figures.refreshed(f"about {link(now, title, anchor)}.", folder).count(now)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (link("1", "default / nl"), "has 0 cells"),
        (link("1", "default / es", ""), "has 3 cells"),
        (link("1", "default"), "must be"),
        (link("none", "default / es"), "no number"),
        (link("1 ± 2", "default / es"), "fewer numbers"),
        (link("1.25", "default / es"), "more decimals"),
        ('[1](benchmarks/results/none.md "a / b")', "no such results page"),
        ("<!-- table: benchmarks/results/page.md; rows: none -->\n<!-- /table -->", "0 tables"),
        ("<!-- table: benchmarks/results/page.md; cols: es -->\n<!-- /table -->", "setting"),
    ],
)
def test_a_figure_that_does_not_exist_is_an_error(folder, text, error):
    with pytest.raises(figures.FigureError, match=error):
        figures.refreshed(text, folder)


def test_a_table_is_copied_between_its_comments(folder):
    opening = "<!-- table: benchmarks/results/page.md#quality-f1; columns: es; rows: default -->\n"
    table = "| F1 | es |\n|---|---:|\n| default | 1,296.5 |\n"
    text = f"a\n\n{opening}| old |\n<!-- /table -->\n\nb\n"
    expected = f"a\n\n{opening}{table}<!-- /table -->\n\nb\n"
    assert figures.refreshed(text, folder) == expected
    assert figures.refreshed(expected, folder) == expected


@pytest.mark.parametrize("page", figures.pages(), ids=lambda page: page.name)
def test_pages_have_the_figures_of_the_results(page):
    text = page.read_text("utf-8")
    assert figures.refreshed(text, page.parent) == text, "run python -m benchmarks.figures"
