"""The wrappers of eflomal and systran-align: with fakes of the packages, and the real ones."""

import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import xner
from tests.corpora import corpus
from xner.aligners import ALIGNERS, aligner_class, make_aligner
from xner.aligners.bitext import Side
from xner.aligners.outside import plain_words
from xner.aligners.pivot import SoftAligner
from xner.options import options_of

PAIRS = [(2, 2, [], []), (0, 3, [], []), (3, 0, [], []), (1, 1, [], [])]


def unlinked(rows=PAIRS):
    return xner.Corpus.from_table(corpus(rows).table.drop_columns(["links"]))


def links(linked):
    return [
        [(link["source"], link["target"]) for link in row]
        for row in linked.table["links"].to_pylist()
    ]


class FakeEflomal:
    """Links equal positions forward, and the first words only in reverse."""

    def align(self, source, target, links_filename_fwd, links_filename_rev):
        with Path(links_filename_fwd).open("w") as fwd, Path(links_filename_rev).open("w") as rev:
            for s, t in zip(source, target, strict=True):
                shared = min(len(s.split()), len(t.split()))
                fwd.write(" ".join(f"{i}-{i}" for i in range(shared)) + "\n")
                rev.write("0-0\n" if shared else "\n")


class FakeFastAlign:
    def __init__(self, forward, backward):
        pass

    def align_batch(self, source, target):
        return [
            {"alignments": [(i, i) for i in range(min(len(s), len(t)))]}
            for s, t in zip(source, target, strict=True)
        ]


@pytest.fixture
def fakes(monkeypatch):
    fast = SimpleNamespace(
        Aligner=FakeFastAlign, generate_alignment_probabilities=lambda *a, **k: None
    )
    monkeypatch.setitem(sys.modules, "eflomal", SimpleNamespace(Aligner=FakeEflomal))
    monkeypatch.setitem(sys.modules, "systran_align", fast)
    monkeypatch.setattr("xner.aligners.outside.find_spec", lambda package: object())
    monkeypatch.setattr(metadata, "version", lambda package: "0")


@pytest.mark.parametrize(
    ("options", "first", "weights"),
    [
        ({"symmetrisation": "intersection"}, [(0, 0)], [1.0]),
        ({"symmetrisation": "union"}, [(0, 0), (1, 1)], [1.0, 0.5]),
    ],
)
def test_eflomal(fakes, options, first, weights):
    linked = xner.align(unlinked(), aligner="eflomal", **options)
    assert links(linked) == [first, [], [], [(0, 0)]]
    assert [link["weight"] for link in linked.table["links"].to_pylist()[0]] == weights


def test_fast_align(fakes):
    linked = xner.align(unlinked(), aligner="fast_align")
    assert links(linked) == [[(0, 0), (1, 1)], [], [], [(0, 0)]]
    assert (
        "fast_align(systran-align:0"
        in xner.project(unlinked(), aligner="fast_align").report.signature
    )


def test_eflomal_refuses_what_it_would_leave_unaligned(fakes):
    with pytest.raises(xner.InputError, match="row 2 has 1024 words, but eflomal aligns at most"):
        xner.align(unlinked([(1, 1, [], []), (1, 1024, [], [])]), aligner="eflomal")


@pytest.mark.parametrize(("name", "extra"), [("eflomal", "eflomal"), ("fast_align", "systran")])
def test_missing_packages_say_how_to_install_them(monkeypatch, name, extra):
    monkeypatch.setattr("xner.aligners.outside.find_spec", lambda package: None)
    with pytest.raises(xner.MissingExtraError, match=rf"pip install 'xner\[{extra}\]'"):
        make_aligner(name, {})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("native", {"symmetrisation": "both"}, "choose one of soft, intersection"),
        ("native", {"seed": -1}, "seed is -1; it must be at least 0"),
        ("native", {"magic": 1}, "aligner native: unknown option 'magic'; known: seed, chains"),
        ("eflomal", {"symmetrisation": "soft"}, "symmetrisation is 'soft'; choose one of inter"),
        ("fast_align", {"iterations": 0}, "iterations is 0; it must be at least 1"),
        ("giza", {}, "unknown aligner 'giza'; known: native, eflomal"),
    ],
)
def test_bad_options_are_usage_errors(fakes, name, options, message):
    with pytest.raises(xner.UsageError, match=message):
        make_aligner(name, options)


@pytest.mark.parametrize("name", ALIGNERS)
def test_the_class_of_an_aligner_says_what_it_can_do(name):
    code = f"import sys, xner.aligners as a; a.aligner_class({name!r}); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers"} & set(loaded.stdout.split())
    found = aligner_class(name)
    assert found.pivots == issubclass(found, SoftAligner)
    assert found.random or "seed" not in options_of(found)


def test_words_for_outside_programs_hold_no_spaces():
    side = Side(np.zeros(0, np.int32), np.zeros(1, np.int64), ["a b", " ", "x", "a\u00a0b"])
    assert plain_words(side) == ["a_b", "_", "x", "a_b"]


@pytest.mark.parametrize(
    ("name", "package"), [("eflomal", "eflomal"), ("fast_align", "systran_align")]
)
def test_the_real_packages(name, package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    rows = [(n, n, [], []) for n in (1, 2, 3, 4, 5, 6)] * 10 + PAIRS
    linked = links(xner.align(unlinked(rows), aligner=name))
    assert len(linked) == len(rows)
    assert linked[-3:-1] == [[], []]
    diagonal = sum(i == j for row in linked for i, j in row)
    assert diagonal > 0.8 * sum(map(len, linked))


def test_any_object_can_be_an_aligner():
    class Diagonal:
        signature = "diagonal"

        def align(self, bitext, progress=None):
            return make_aligner("native", {}).align(bitext, progress)

    linked = xner.align(unlinked(), aligner=Diagonal())
    assert xner.project(linked).report.signature.endswith("aligner:diagonal")
