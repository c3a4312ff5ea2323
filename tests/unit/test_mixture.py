"""Hints for the native aligner, similarities as probabilities, and the aligner `mixture`."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import xner
from tests.unit.test_native_aligner import QUICK, bitext, known_corpus, link_sets, same
from xner.aligners import make_aligner
from xner.aligners.bitext import Links, offsets_from
from xner.aligners.hints import NO_HINTS, Hints
from xner.aligners.native import NativeAligner
from xner.aligners.rounds import FIRST_CHAINS
from xner.aligners.similarity import Calibration, Similar
from xner.aligners.soft import SoftLinks
from xner.cli import main


def soft_units(text, hints=NO_HINTS):
    return QUICK.soft_units(text, lambda share: None, hints)


def test_hints_decide_where_the_text_says_nothing():
    """Every word occurs once, so only the hints tell which words belong together."""
    text = bitext(("aa bb cc", "ξξ ψψ ωω"), ("dd ee", "δδ φφ"))
    order = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)
    other = np.array([[0, 1], [1, 0]], np.float32)
    values = np.concatenate([order.ravel(), other.ravel()]) * 0.999 + 0.001
    found = link_sets(QUICK.decide(soft_units(text, Hints(values, values))))
    assert found == [{(0, 2), (1, 0), (2, 1)}, {(0, 1), (1, 0)}]


def test_hints_of_one_change_nothing():
    text, _ = known_corpus(40)
    ones = np.ones(int(text.cells.sum()), np.float32)
    links = [QUICK.decide(soft_units(text, hints)) for hints in (NO_HINTS, Hints(ones, ones))]
    assert same(*links)


def similar(cosines):
    """Similarities of pairs, given matrices of cosines; None stands for words without a state."""
    sizes = [(len(rows), len(rows[0]) if rows else 0) for rows in cosines]
    cells = [
        [(i, j, (c + 1) / 2) for i, row in enumerate(rows) for j, c in enumerate(row)
         if c is not None]
        for rows in cosines
    ]  # fmt: skip
    flat = [cell for own in cells for cell in own]
    columns = zip(*flat, strict=True) if flat else ((), (), ())
    source, target, weight = (np.array(c) for c in columns)
    offsets = offsets_from(np.array([len(own) for own in cells], np.int64))
    links = Links(offsets, source.astype(np.int32), target.astype(np.int32),
                  weight.astype(np.float32))  # fmt: skip
    return Similar(links, *(np.array(side, np.int64) for side in zip(*sizes, strict=True)))


def test_probabilities_are_a_softmax_in_both_directions():
    random = np.random.default_rng(4)
    sizes = [(2, 3), (0, 0), (3, 1), (4, 4)]
    cosines = [random.uniform(0.5, 1, size).tolist() for size in sizes]
    cosines[3][1] = [None] * 4  # a source word without subwords
    forward, reverse = similar(cosines).probabilities(0.05)
    for (n, m), rows, lo, hi in zip(
        sizes, cosines, *zip(*pairwise(np.cumsum([0, *(n * m for n, m in sizes)])), strict=True),
        strict=True,
    ):  # fmt: skip
        mass = np.array([[0 if c is None else np.exp(c / 0.05) for c in row] for row in rows])
        if not n:
            continue
        wanted = mass / mass.sum(axis=0)
        assert np.allclose(forward[lo:hi].reshape(n, m), wanted, atol=1e-5)
        totals = mass.sum(axis=1, keepdims=True)
        wanted = np.divide(mass, totals, out=np.zeros_like(mass), where=totals > 0)
        assert np.allclose(reverse[lo:hi].reshape(n, m), wanted, atol=1e-5)


def test_calibration_finds_the_temperature_and_how_far_to_trust():
    random = np.random.default_rng(5)
    made = similar([random.uniform(0.6, 1, (5, 6)).tolist() for _ in range(200)])
    right = made.calibrate(made.soft(0.05))
    assert right.temperature == 0.05
    assert right.trust > 0.97
    other = similar([random.uniform(0.6, 1, (5, 6)).tolist() for _ in range(200)])
    assert other.calibrate(made.soft(0.02)).trust < 0.2


def test_without_trust_all_hints_are_one():
    made = similar([[[0.9, 0.1], [0.4, 0.7]]])
    assert (made.hints(Calibration(0.05, 0.0), 6).forward == 1).all()
    forward, reverse = made.hints(Calibration(0.05, 0.9), 6)
    assert (forward[:4].reshape(2, 2).argmax(axis=0) == [0, 1]).all()
    assert ((forward >= 0.1) & (forward <= 1.0)).all()
    assert (reverse[4:] == 1).all()


def test_links_between_free_words():
    own = SoftLinks(
        np.array([2, 3]), np.array([2, 3]), np.array([0, 2, 5]),
        *(np.array(w, np.int32) for w in ([0, 1, 0, 1, 2], [0, 1, 1, 0, 2])),
        *(np.full(5, 0.5, np.float32) for _ in range(2)),
    )  # fmt: skip
    first = Links(np.array([0, 1, 2]), np.array([0, 0], np.int32), np.array([0, 0], np.int32),
                  np.ones(2, np.float32))  # fmt: skip
    free = own.between_free(first)
    assert free.offsets.tolist() == [0, 1, 2]
    assert list(zip(free.source.tolist(), free.target.tolist(), strict=True)) == [(1, 1), (2, 2)]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.models.encoder import save_bert

    return save_bert(tmp_path_factory.mktemp("bert"), spread=20.0)


@pytest.fixture(scope="module")
def copies():
    """Shuffled copies in an order without a pattern; the random encoder links equal words."""
    from tests.models.encoder import TEXT

    random = np.random.default_rng(3)
    pairs = [("", "Anna"), ("Kisumu", "")]
    for line in TEXT[::2]:
        words = list(dict.fromkeys(w for w in line.split() if w.isalpha()))
        pairs.append((" ".join(words), " ".join(random.permutation(words))))
    return bitext(*pairs)


def right_share(links, text):
    """Share of links between equal words, and share of words with such a link."""
    sides = [
        [text_side.words[k] for k in text_side.ids.tolist()]
        for text_side in (text.source, text.target)
    ]
    pair = np.repeat(np.arange(len(links.offsets) - 1), np.diff(links.offsets))
    equal = sum(
        sides[0][text.source.offsets[n] + i] == sides[1][text.target.offsets[n] + j]
        for n, i, j in zip(pair, links.source, links.target, strict=True)
    )
    return equal / max(1, len(links.source)), equal / (len(sides[0]) - 1)


@pytest.mark.parametrize("combination", ["joint", "mean", "union", "backoff"])
def test_a_mixture_links_words_that_are_alike(combination, bert, copies, monkeypatch):
    sampled, soft_units = [], NativeAligner.soft_units

    def told(self, bitext, tell, *hints):
        sampled.append((self.chains, len(hints)))
        return soft_units(self, bitext, tell, *hints)

    monkeypatch.setattr(NativeAligner, "soft_units", told)
    aligner = make_aligner("mixture", {"model": bert, "layer": 2, "combination": combination})
    shares = []
    links = aligner.align(copies, shares.append)
    hinted = int(combination == "joint")
    first = [(FIRST_CHAINS, 0), (FIRST_CHAINS, 1)]
    assert sampled == [*first[: 1 + hinted], (8, hinted)]
    assert min(right_share(links, copies)) > 0.9
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 1
    assert max(shares[:-1]) <= 0.8  # similarities of the whole text, not of pieces
    assert ((links.weight > 0) & (links.weight <= 1)).all()
    assert same(links, aligner.align(copies))
    assert aligner.signature.startswith(f"mixture(combination:{combination},native(chains:8,")
    assert "layer:2,model:bert" in aligner.signature
    assert replace(aligner, units="tokens").signature.count("units:tokens") == 1


@pytest.mark.parametrize(
    ("limit", "ends"), [("PIECE", [2, 4, 5]), ("PIECE_CELLS", [3, 5]), ("pair", [2, 3, 4, 5])]
)
def test_a_large_corpus_is_aligned_with_a_model_piece_by_piece(
    limit, ends, bert, copies, monkeypatch
):
    """At most 2 pairs, or a cell less than the first 4 pairs have, or a pair that has more."""
    most = {"PIECE": 2, "PIECE_CELLS": int(copies.cells[:4].sum()) - 1, "pair": 1}[limit]
    name = "PIECE" if limit == "PIECE" else "PIECE_CELLS"
    monkeypatch.setattr(f"xner.aligners.mixture.{name}", most)
    found, calibrate = [], Similar.calibrate

    def kept(self, links):
        found.append(calibrate(self, links))
        return found[-1]

    monkeypatch.setattr(Similar, "calibrate", kept)
    aligner = make_aligner("mixture", {"model": bert, "layer": 2, "fit_pairs": 4})
    shares = []
    links = aligner.align(copies, shares.append)
    assert len(links.offsets) == copies.pairs + 1
    assert min(right_share(links, copies)) > 0.8
    assert shares == sorted(shares)
    pieces = [0.1 + 0.9 * end / copies.pairs for end in ends]
    assert shares[-len(ends) - 1 :] == pytest.approx([*pieces, 1.0])
    assert 0 < max(shares[: -len(ends) - 1]) <= 0.1
    # The first piece with links calibrates all that follow; the first 2 pairs have none.
    assert [each.trust > 0 for each in found] == [False] * 2 * (ends[0] == 2) + [True] * 2


def test_an_encoder_that_disagrees_changes_little(bert, monkeypatch):
    """The native aligner knows the dictionary; the encoder knows none of the words."""
    text, gold = known_corpus(60)
    alone = make_aligner("native", {}).align(text)
    mixed = make_aligner("mixture", {"model": bert, "layer": 2}).align(text)
    for links in (alone, mixed):
        found = link_sets(links)
        both = sum(len(a & b) for a, b in zip(found, gold, strict=True))
        assert 2 * both / sum(map(len, [*found, *gold])) > 0.95


def test_the_command_aligns_characters_and_more_text(bert, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.conll").write_text("Anna\tB-PER\nwaits\tO\n\nPeter\tB-PER\nwrites\tO\n\n")
    (tmp_path / "t.txt").write_text("安 娜 等 待\n彼 得 写 信\n", "utf-8")
    (tmp_path / "more.txt").write_text("Anna\n")
    options = ["--aligner", "mixture", "--model", bert, "--layer", "2", "--device", "cpu"]
    command = ["align", "s.conll", "t.txt", "-o", "o.align", *options, "--json"]
    assert main([*command, "--fit-on", "more.txt", "more.txt", "--combination", "union"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["signature"].startswith("mixture(combination:union,native(")
    assert len((tmp_path / "o.align").read_text().splitlines()) == 2
    assert main([*command, "--matching", "argmax"]) == 2
    assert "--matching has no effect with --aligner mixture" in capsys.readouterr().err


def test_the_library_takes_the_mixture_by_name(bert):
    pairs = [(["Anna", "waits"], [(0, 1, "PER")], ["Anna", "wartet"])]
    out = xner.project(pairs, aligner="mixture", model=bert, layer=2, device="cpu")
    assert [(e.start, e.end, e.label) for e in out[0].target_entities] == [(0, 1, "PER")]
