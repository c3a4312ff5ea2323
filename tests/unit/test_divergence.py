"""Lexical divergence."""

import pytest

import xner

ONE, OTHER = [["boats", "leave"]], [["kitu", "hizo"]]


def test_bounds_and_symmetry():
    assert xner.divergence(ONE, ONE) == pytest.approx(0)
    assert xner.divergence(ONE, OTHER) == 1
    assert xner.divergence(ONE, [["Boats"]]) == xner.divergence([["boats"]], ONE)


def test_by_hand():
    # " ab ": " ab", "ab "; " ac ": " ac", "ac "; one of two words is shared.
    assert xner.divergence([["ab"]], [["AB", "ac"]]) == pytest.approx(0.5)
    assert xner.divergence([["ab"]], [["ac"]], n=1) == pytest.approx(0.25)


def test_files_and_sides(tmp_path):
    one, two = tmp_path / "a.txt", tmp_path / "b.conll"
    one.write_text("ab\n")
    two.write_text("AB\tO\nac\tB-PER\n\n")
    assert xner.divergence(one, two) == pytest.approx(0.5)
    pairs = xner.read(two, one)
    assert xner.divergence(pairs, pairs) == pytest.approx(0.5)


def test_bad_texts(tmp_path):
    with pytest.raises(xner.InputError, match="the target text has no 3-gram"):
        xner.divergence(ONE, [[]])
    with pytest.raises(xner.UsageError, match="n is 0"):
        xner.divergence(ONE, ONE, n=0)
    (tmp_path / "a.txt").write_text("ab\n")
    with pytest.raises(xner.InputError, match="has no column 'target_tokens'"):
        xner.divergence(ONE, xner.read(tmp_path / "a.txt", side="source"))


def test_beside_f1(tmp_path, capsys):
    from xner.cli import main

    for name, text in (("a.txt", "ab\n"), ("b.conll", "AB\tO\nac\tB-PER\n\n")):
        (tmp_path / name).write_text(text)
    gold, source = str(tmp_path / "b.conll"), str(tmp_path / "a.txt")
    assert main(["evaluate", gold, gold, "--divergence-from", source]) == 0
    assert f"lexical divergence from {source}: 0.500" in capsys.readouterr().out
    assert main(["evaluate", gold, gold, "--divergence-from", source, "--json"]) == 0
    assert '"divergence": 0.5' in capsys.readouterr().out
    assert main(["evaluate", gold, gold, "--links", "--divergence-from", source]) == 2
