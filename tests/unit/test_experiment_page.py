"""The page and the CSV of an experiment, from cells with known figures."""

from xner.evaluation.counts import LabelScores
from xner.experiments.results import Cell, Facts, Ran, Results, Row
from xner.experiments.schema import Published
from xner.experiments.tables import as_csv, page

LABELS = {
    "PER": LabelScores(0.5, 0.25, 1 / 3, 8, 4, 2),
    "LOC": LabelScores(1.0, 0.5, 2 / 3, 2, 1, 1),
}
BASE = {
    "de": Cell(0.5, 0.625, 0.4375, None, 0.25, 0.75, labels=LABELS, signature="s1",
               outcomes={"projected": 1200, "unaligned": 3, "split": 0}),
    "sw": Cell(1.0, 1.0, 1.0, None, 0.875, 1.0, labels={"PER": LABELS["PER"]}, signature="s1",
               outcomes={"projected": 7, "split": 2, "dropped": 0}),
}  # fmt: skip
OWN = {
    "de": Cell(0.375, 0.5, 0.3125, 0.0625, 0.125, 0.5, -0.125, -0.25, 0.03125, seeds=2,
               signature="s2"),
    "sw": Cell(None, signature="s3"),
}  # fmt: skip


def results(**changes):
    rows = (
        Row("base", "native", BASE, Cell(0.75, 0.8125, 0.71875, None, 0.5625, 0.875),
            {"high": BASE["de"], "all": Cell(0.75, low=0.5, high=1.0), "low": BASE["sw"]}),
        Row("own", "", OWN, Cell(None, seeds=2),
            {"high": OWN["de"], "all": Cell(None), "low": OWN["sw"]}, -0.5),
    )  # fmt: skip
    compared = Row(
        "own − base", "native",
        {"de": Cell(None, None, None, 0.0625, difference=-0.125, difference_low=-0.25,
                    difference_high=0.03125, seeds=2),
         "sw": Cell(None, difference=0.25, difference_low=0.125, difference_high=0.5)},
        Cell(None),
    )  # fmt: skip
    published = (
        Published("A", {"de": 0.625, "sw": 0.875}, "base", "native", "Table 1"),
        Published("B", {"de": 0.25}, "own"),
        Published("C|c", {"sw": 0.125}, "own"),
        Published("D", {"de": 0.25, "sw": 0.5}, aligner="awesome"),
    )
    given = {
        "title": "T", "languages": ("de", "sw"), "rows": rows, "compared": (compared,),
        "facts": {"de": Facts(1500, 12000, 0.375), "sw": Facts(7, None, None)},
        "published": published, "baseline": ("base", "native"), "signature": "strict",
        "notes": ("Left out: x.",), "seconds": 1.23456, "output": "out",
        "steps": (Ran("a", "read", "k", True), Ran("b", "align", "l", False),
                  Ran("c", "project", "m", False)),
    }  # fmt: skip
    return Results(**{**given, **changes})


PAGE = """\
# T

Entity F1, strict (span and label). In brackets the bootstrap interval over sentences; ± is \
the standard deviation over seeds.

| system | aligner | de | sw | mean |
| --- | --- | ---: | ---: | ---: |
| base | native | .500 [.250, .750] | 1.000 [.875, 1.000] | .750 [.562, .875] |
| published: A | native | .625 | .875 | .750 |
| own | – | .375 ± .062 [.125, .500] | – | – |
| published: B | – | .250 | – | – |
| published: C\\|c | – | – | .125 | – |
| published: D | awesome | .250 | .500 | .375 |
| training sentences | – | 12,000 | – | – |
| test sentences | – | 1,500 | 7 | – |
| lexical divergence | – | .375 | – | – |

Left out: x.

## Comparisons

F1 of a row less that of another, seeds paired; the mean is over the languages that both have.

| system | aligner | de | sw | mean |
| --- | --- | ---: | ---: | ---: |
| own − base | native | -.125 ± .062 [-.250, +.031] | +.250 [+.125, +.500] | – |

## Published figures

F1 less the published figure; the mean is over the languages that have both.

| system | aligner | de | sw | mean |
| --- | --- | ---: | ---: | ---: |
| base − A (Table 1) | native | -.125 | +.125 | +.000 |
| own − B | – | +.125 | – | +.125 |
| own − C\\|c | – | – | – | – |

## Groups and divergence

Mean F1 over groups of languages. r is Pearson's correlation, over languages, of the gain \
over `base, native` with lexical divergence.

| system | aligner | high | all | low | high − low | r(gain, divergence) |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| base | native | .500 [.250, .750] | .750 [.500, 1.000] | 1.000 [.875, 1.000] | -.500 | – |
| own | – | .375 ± .062 [.125, .500] | – | – | – | -.500 |

## Precision / recall

| system | aligner | de | sw | mean |
| --- | --- | ---: | ---: | ---: |
| base | native | .625 / .438 | 1.000 / 1.000 | .812 / .719 |
| own | – | .500 / .312 | – | – |

## Differences

F1 minus that of `base, native`, on the same resampled sentences.

| system | aligner | de | sw | mean |
| --- | --- | ---: | ---: | ---: |
| base | native | – | – | – |
| own | – | -.125 [-.250, +.031] | – | – |

## F1 by label

| system, language | aligner | LOC | PER |
| --- | --- | ---: | ---: |
| base, de | native | .667 | .333 |
| base, sw | native | – | .333 |

## Outcomes

Source entities by outcome, for the first seed.

| system, language | aligner | projected | unaligned | split |
| --- | --- | ---: | ---: | ---: |
| base, de | native | 1,200 | 3 | 0 |
| base, sw | native | 7 | 0 | 2 |

## Signatures

Scores: `strict`

* base, native: `s1`
* own, de: `s2`
* own, sw: `s3`
"""
CSV = """\
system,aligner,language,label,precision,recall,f1,deviation,low,high,difference,difference_low,difference_high,gold,predicted,correct,seeds,signature
base,native,de,all,0.625,0.4375,0.5,,0.25,0.75,,,,10,5,3,1,s1
base,native,de,PER,0.5,0.25,0.3333333333333333,,,,,,,8,4,2,1,
base,native,de,LOC,1.0,0.5,0.6666666666666666,,,,,,,2,1,1,1,
base,native,sw,all,1.0,1.0,1.0,,0.875,1.0,,,,8,4,2,1,s1
base,native,sw,PER,0.5,0.25,0.3333333333333333,,,,,,,8,4,2,1,
base,native,mean,all,0.8125,0.71875,0.75,,0.5625,0.875,,,,,,,1,
own,,de,all,0.5,0.3125,0.375,0.0625,0.125,0.5,-0.125,-0.25,0.03125,,,,2,s2
own,,sw,all,,,,,,,,,,,,,1,s3
own,,mean,all,,,,,,,,,,,,,2,
"""


def test_the_page_of_several_languages():
    assert page(results()) == PAGE


def test_the_page_of_a_language_without_gold_labels():
    row = Row("base", "", {"de": Cell(None)}, Cell(None), {"all": Cell(None)})
    text = page(
        results(
            languages=("de",), facts={"de": Facts(None, None, None)}, rows=(row,), compared=(),
            published=(Published("A", {"de": 0.625}, "base", source="Table 1"),),
            baseline=("base", ""), notes=(),
        )
    )  # fmt: skip
    assert [line for line in text.splitlines()[3:] if line] == [
        "| system | aligner | de |",
        "| --- | --- | ---: |",
        "| base | – | – |",
        "| published: A | – | .625 |",
        "## Published figures",
        "F1 less the published figure; the mean is over the languages that have both.",
        "| system | aligner | de |",
        "| --- | --- | ---: |",
        "| base − A (Table 1) | – | – |",
        "## Groups and divergence",
        "Mean F1 over groups of languages.",
        "| system | aligner | all |",
        "| --- | --- | ---: |",
        "| base | – | – |",
        "## Precision / recall",
        "| system | aligner | de |",
        "| --- | --- | ---: |",
        "| base | – | – |",
        "## Differences",
        "F1 minus that of `base`, on the same resampled sentences.",
        "| system | aligner | de |",
        "| --- | --- | ---: |",
        "| base | – | – |",
        "## F1 by label",
        "No gold labels.",
        "## Outcomes",
        "No step reports outcomes of source entities.",
        "## Signatures",
        "Scores: `strict`",
        "* base: ``",
    ]


def test_the_lines_of_the_csv():
    assert as_csv(results()) == CSV


def test_the_json():
    told = results().as_dict()
    assert (told["steps"], told["seconds"]) == ({"made": 1, "kept": 2}, 1.235)
    assert told["facts"]["sw"] == {"test": 7, "train": None, "divergence": None}
    assert (told["rows"][0]["gap"], told["rows"][1]["gap"]) == (-0.5, None)
    assert told["rows"][1]["correlation"] == -0.5
    assert told["rows"][0]["groups"]["low"] == told["rows"][0]["cells"]["sw"]
    assert told["compared"][0]["cells"]["sw"]["difference_high"] == 0.5
    assert told["baseline"] == ["base", "native"]
    assert told["published"][3]["aligner"] == "awesome"
