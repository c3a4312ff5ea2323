from itertools import pairwise

import numpy as np
import pytest
from numba import config

from xner.aligners import parts, rounds, sampling, shards
from xner.aligners.bitext import Bitext, Side
from xner.aligners.native import NativeAligner
from xner.kernels import entries as table
from xner.kernels import gibbs
from xner.kernels.order import FERTILITIES


def side(sentences):
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(word, len(numbers)) for words in sentences for word in words]
    offsets = np.cumsum([0, *(len(words) for words in sentences)])
    return Side(np.array(ids, np.int32), offsets.astype(np.int64), list(numbers))


def bitext(*pairs):
    source, target = zip(*pairs, strict=True)
    return Bitext(side([s.split() for s in source]), side([t.split() for t in target]))


def link_sets(links):
    bounds = links.offsets.tolist()
    rows = list(zip(links.source.tolist(), links.target.tolist(), strict=True))
    return [set(rows[lo:hi]) for lo, hi in pairwise(bounds)]


def known_corpus(pairs, vocabulary=12, seed=5):
    """Random sentences, translated word by word; adjacent words swap, and some are dropped.

    The two sides share no letters. Returns the bitext and the true links.
    """
    random = np.random.default_rng(seed)
    rows, gold = [], []
    for _ in range(pairs):
        words = random.choice(vocabulary, random.integers(3, 7), replace=False)
        order = list(range(len(words)))
        if random.random() < 0.5:
            k = random.integers(len(words) - 1)
            order[k], order[k + 1] = order[k + 1], order[k]
        if random.random() < 0.2:
            order.pop()
        source = " ".join(chr(ord("a") + w) * 3 for w in words)
        target = " ".join(chr(ord("α") + words[i]) * 3 for i in order)
        rows.append((source, target))
        gold.append({(i, j) for j, i in enumerate(order)})
    return bitext(*rows), gold


def same(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("offsets", "source", "target", "weight")
    )


QUICK = NativeAligner(chains=2, effort=0.3)


@pytest.mark.parametrize("method", ["soft", "intersection", "union", "grow-diag-final-and"])
def test_recovers_a_known_dictionary(method):
    text, gold = known_corpus(40)
    links = NativeAligner(chains=3, effort=0.5, symmetrisation=method).align(text)
    found = link_sets(links)
    hits = sum(len(a & b) for a, b in zip(found, gold, strict=True))
    assert 2 * hits / (sum(map(len, found)) + sum(map(len, gold))) > 0.95
    assert links.weight.min() > 0
    assert links.weight.max() <= 1
    assert links.weight.mean() > 0.8


def test_threads_and_runs_do_not_change_the_links(monkeypatch):
    text, _ = known_corpus(8)
    monkeypatch.setenv("XNER_THREADS", "1")
    alone = QUICK.align(text)
    for threads in ("2", "5"):  # 5: the chains of a direction are sampled in two groups
        monkeypatch.setenv("XNER_THREADS", threads)
        assert same(alone, QUICK.align(text))
    assert not same(alone, NativeAligner(seed=2, chains=2, effort=0.3).align(text))


def test_links_are_sorted_and_typed():
    links = QUICK.align(known_corpus(8)[0])
    assert links.offsets.dtype == np.int64
    assert (links.source.dtype, links.target.dtype) == (np.int32, np.int32)
    assert links.weight.dtype == np.float32
    sentence = np.repeat(np.arange(8), np.diff(links.offsets))
    order = np.lexsort((links.target, links.source, sentence))
    assert np.array_equal(order, np.arange(len(order)))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("", "")], [set()]),
        ([("", "a b"), ("x", "")], [set(), set()]),
        ([("Paris", "PARIS")], [{(0, 0)}]),
        ([("", "y"), ("Straße", "STRASSE"), ("x", "")], [set(), {(0, 0)}, set()]),
    ],
)
def test_empty_sentences_and_single_words(pairs, expected):
    assert link_sets(QUICK.align(bitext(*pairs))) == expected


def test_no_sentences_at_all():
    empty = Side(np.empty(0, np.int32), np.zeros(1, np.int64), [])
    links = QUICK.align(Bitext(empty, empty))
    assert links.offsets.tolist() == [0]
    assert len(links.source) == len(links.target) == len(links.weight) == 0


def test_one_word_type_and_wild_lengths():
    text = bitext(("a " * 40, "b"), ("a", "b " * 40), ("a", "b"), ("", "b " * 40))
    links = QUICK.align(text)
    assert np.isfinite(links.weight).all()
    assert ((links.weight > 0) & (links.weight <= 1)).all()
    assert (links.source < np.repeat([40, 1, 1, 0], np.diff(links.offsets))).all()
    assert (links.target < np.repeat([1, 40, 1, 40], np.diff(links.offsets))).all()


@pytest.mark.skipif(config.DISABLE_JIT, reason="half a minute without Numba")
def test_a_long_sentence_is_aligned_to_its_end():
    words = [f"{n}" * 3 for n in range(500)]
    links = QUICK.align(bitext((" ".join(words), " ".join(words)), ("x", "y")))
    diagonal = {(i, i) for i in range(500)}
    assert len(link_sets(links)[0] & diagonal) > 490


def test_words_spelt_alike_are_linked():
    text = bitext(("yesterday Washington slept", "Waschington schlief gestern"))
    assert (1, 0) in link_sets(NativeAligner(chains=4).align(text))[0]


def test_pairs_to_fit_on_teach_but_get_no_links():
    text, _ = known_corpus(30)
    extra = Bitext(text.source, text.target, fit_only=28)
    links, alone = QUICK.align(extra), QUICK.align(text)
    assert len(links.offsets) == 3
    assert same(links, alone.head(2))
    few = Bitext(text.source.head(2), text.target.head(2))
    assert not same(links, QUICK.align(few))


def test_progress_rises_to_one():
    seen = []
    QUICK.align(known_corpus(4)[0], seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_signature_names_all_that_decides():
    assert (
        NativeAligner(seed=7, symmetrisation="union").signature
        == "native(chains:8,effort:1,fit:100000,sym:union,seed:7)"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chains": 0}, "chains is 0; it must be at least 1"),
        ({"fit_pairs": 0}, "fit_pairs is 0; it must be at least 1"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"effort": 0.0}, "effort is 0; it must be above 0"),
        ({"threshold": 0.0}, "threshold is 0; it must be at least 0.01 and at most 1"),
        (
            {"symmetrisation": "grow"},
            "symmetrisation is 'grow'; choose one of soft, intersection, union",
        ),
    ],
)
def test_wrong_settings_say_what_to_do(settings, message):
    with pytest.raises(ValueError, match=message):
        NativeAligner(**settings)


def test_sides_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="the source has 1 sentences and the target 2"):
        QUICK.align(Bitext(side([["a"]]), side([["b"], ["c"]])))


def test_random_numbers_are_even_and_seeded_apart():
    rng = np.array([sampling.random_state(1, 0, 0, 0)], np.uint64)
    draws = np.array([gibbs.uniform(rng, 0) for _ in range(2000)])
    assert 0 <= draws.min() < draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.08
    keys = [(s, c, d) for s in range(3) for c in range(3) for d in range(2)]
    assert len({sampling.random_state(s, 0, c, d) for s, c, d in keys}) == len(keys)


def sampled(shard, chains=2):
    ways = sampling.ways_of(shard)
    prior = np.full(len(shard.source_types), parts.BASE)
    settings = rounds._settings(shard, 0.3)
    keys = [(1, 0, c) for c in range(chains)]
    return ways, sampling.sample(ways, prior, settings, keys, lambda: None)


def test_posteriors_of_a_word_and_its_null_sum_to_one():
    shard = shards.make_shard(known_corpus(6)[0])
    ways, made = sampled(shard)
    for way, found in zip(ways, made, strict=True):
        posterior = found.posterior
        assert posterior.min() >= 0
        counts = np.repeat(np.diff(way.given.offsets), np.diff(way.observed.offsets))
        starts = np.cumsum(counts) - counts
        sums = np.add.reduceat(posterior / gibbs.CERTAIN, starts)
        assert (sums <= 1 + 1e-5).all()
        assert (sums > 0.05).all()


def test_every_cell_is_a_candidate_once_in_each_direction():
    text = bitext(("a b a", "x y"), ("", "z"), ("b c", "y"), ("c", ""))
    shard = shards.make_shard(text)
    cells = np.arange(len(shard.cells), dtype=np.int32)
    types = np.zeros(len(cells), np.int32)  # every cell is an entry
    for way in sampling.ways_of(
        shard._replace(cells=cells, source_types=types, target_types=types)
    ):
        by_target = [0, 2, 4, 1, 3, 5, 6, 7]
        assert way.entries.tolist() == (by_target if way.forward else cells.tolist())
        jumps = np.zeros(0, np.float32)
        found = sampling.Sampled(way.entries * (gibbs.CERTAIN // 16), jumps)
        made = sampling.probabilities(way, found)
        assert np.array_equal(made, cells / np.float32(16))


def test_only_entries_of_several_candidates_are_counted():
    entries = np.array([0, 1, 2, 1, 0, 3], np.int32)
    slots, spread = np.empty(6, np.int32), np.empty(6, np.float32)
    scratch = np.zeros(4, np.int32), np.zeros(4, np.int32)
    assert table.number_slots(entries, *scratch, slots) == 3
    table.spread(entries, np.array([0.5, 1.5, 2.5, 3.5]), spread)
    assert slots.tolist() == [1, 2, 0, 2, 1, 0]
    assert spread.tolist() == [0.5, 1.5, 2.5, 1.5, 0.5, 3.5]


def test_counts_agree_with_the_links_after_every_sweep():
    shard = shards.make_shard(known_corpus(8)[0])
    settings = rounds._settings(shard, 0.2)
    for way in sampling.ways_of(shard):
        lexicon = sampling._lexicon(way, np.full(len(shard.source_types), 0.01))
        group = sampling._Group(way, lexicon, [(1, 0, 0), (1, 0, 1)], settings, 1)
        while group.left:
            group.sweep()
            check_counts(way, group)


def check_counts(way, group):
    """The counts of a plain walk over the links."""
    state, lexicon = group.state, group.direction
    counts, linked = np.zeros_like(state.counts), np.zeros_like(state.linked)
    null, links_of = np.zeros_like(state.null), np.zeros((len(way.given.ids), 2), int)
    begin = 0
    for n, (lo, hi) in enumerate(pairwise(way.observed.offsets)):
        for word in range(lo, hi):
            for c, i in enumerate(state.links[word]):
                if i == gibbs.NULL:
                    null[way.observed.ids[word], c] += 1
                    continue
                slot = way.slots[begin + i]
                counts[slot, c] += slot != 0
                linked[way.given.ids[way.given.offsets[n] + i], c] += 1
                links_of[way.given.offsets[n] + i, c] += 1
            begin += way.given.offsets[n + 1] - way.given.offsets[n]
    assert np.array_equal(counts, state.counts)
    assert np.array_equal(linked, state.linked)
    assert np.array_equal(null, state.null)
    assert np.array_equal(null.sum(axis=0), state.null_total)
    assert np.allclose(state.scale, 1 / (lexicon.given_prior[:, None] + linked))
    if group.done > group.settings.lexical_sweeps + group.settings.jump_sweeps:
        fertility = np.zeros_like(state.fertility)
        for word, given in enumerate(way.given.ids):
            for c in range(2):
                fertility[given, c, min(links_of[word, c], FERTILITIES - 1)] += 1
        assert np.array_equal(fertility, state.fertility)
