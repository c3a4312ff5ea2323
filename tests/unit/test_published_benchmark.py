"""The differential checks on made-up sentences, with stand-ins for the published code."""

import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from benchmarks import differential, differential_choice, published
from benchmarks.differential import UNEXPLAINED, WEIGHTS, Check, Heuristic, Sentence
from benchmarks.published_code import Code, load

from tests.reference import greedy as greedy_twin
from tests.reference import heuristic as heuristic_twin
from xner import tags_from_spans
from xner.columns import COLUMNS

SOURCE = ["Anna", "Roe", "sees", "Rome", "!"]
TARGET = ["Anna", "de", "Roe", "ve", "Roma", "!", "Roe"]
ENTITIES = [
    {"start_idx": 0, "end_idx": 2, "label": "PER"},
    {"start_idx": 3, "end_idx": 4, "label": "LOC"},
]
LINKS = [(0, 0), (1, 2), (1, 6), (2, 3), (3, 4)]


def corpus(weight=1.0):
    columns = {
        "source_tokens": [SOURCE, ["Hm"]],
        "target_tokens": [TARGET, ["Hm"]],
        "source_entities": [
            [{"start": e["start_idx"], "end": e["end_idx"], "label": e["label"]} for e in ENTITIES],
            [],
        ],
        "links": [[{"source": i, "target": j, "weight": weight} for i, j in LINKS], []],
    }
    made = pa.table({name: pa.array(value, COLUMNS[name]) for name, value in columns.items()})
    return differential.as_corpus(made)


ROW = Sentence(SOURCE, TARGET, ENTITIES, LINKS, [1.0] * len(LINKS))


def tags_of(row, spans):
    return tags_from_spans([(s, e, row.entities[k]["label"]) for s, e, k in spans], len(row.target))


def ngrams(words, longest=differential.MAX_WORDS, stop=("!", "?")):
    spans = [(s, e) for s in range(len(words)) for e in range(s + 1, len(words) + 1)]
    return [(s, e) for s, e in spans if e - s <= longest and not set(words[s:e]) & set(stop)]


def heuristic_code(top_k=None):
    """The thesis's class, played by the tests' twin, which keeps the longest runs."""

    class Projection:
        def __init__(self, project_top_k, length_ratio_threshold, merge_distance, **_):
            self.given = merge_distance, length_ratio_threshold or 0.0, top_k or project_top_k

        def project(self, target, source, entities, links):
            row = Sentence(source, target, entities, links)
            weighted = [(i, j, 1.0) for i, j in links]
            return tags_of(row, heuristic_twin.project(row.spans, weighted, *self.given)[0])

    return Code({"projection": SimpleNamespace(HeuriticsProjection=Projection)})


@pytest.mark.parametrize("given", [Heuristic(), Heuristic(merge=0), Heuristic(top_k=1, ratio=None)])
def test_the_same_labels_are_equal(given):
    check = differential.thesis_heuristic(heuristic_code(), "here", corpus(), given)
    assert (check.sentences, check.compared, check.different) == (2, 2, 0)


def test_a_difference_in_top_k_has_its_reason():
    given = Heuristic(ratio=None, top_k=1)
    check = differential.thesis_heuristic(heuristic_code(top_k=2), "here", corpus(), given)
    assert check.reasons == {
        "with top k, the published code keeps the shortest runs and xner the longest": 1
    }
    given = Heuristic(ratio=None)
    check = differential.thesis_heuristic(heuristic_code(top_k=1), "here", corpus(), given)
    assert check.reasons == {UNEXPLAINED: 1}


def test_a_run_that_begins_at_a_word_of_the_first():
    assert not differential.parted(ROW, (0, 2), 1)
    late = Sentence(SOURCE, TARGET, ENTITIES, [(1, 0), (0, 2)], [1.0, 1.0])
    assert differential.parted(late, (0, 2), 1)
    assert not differential.parted(late, (0, 2), 0)


def paper_code(shift=0.0, label=None):
    """The paper's modules, played by the tests' twins."""

    def extractor(max_words, stop_words=("!", "?")):
        return SimpleNamespace(extract=lambda words: ngrams(words, max_words, stop_words or ()))

    def match(target, source, entities, links, ratio, merge):
        row = Sentence(source, target, entities, [(i, j) for j, i in links])
        weighted = [(i, j, 1.0) for i, j in row.links]
        return tags_of(row, heuristic_twin.project(row.spans, weighted, merge, ratio)[0])

    def argmax(key):
        def run(rows):
            for given in rows:
                row = Sentence(SOURCE, given[key], given["entities"], [])
                links = [(i, j, 1.0) for j, i in given["word_alignments"]]
                spans = greedy_twin.project(row.spans, links, len(row.target))[0]
                yield {"labels": label or tags_of(row, spans)}

        return run

    def scores(links, entities, spans):
        weighted = [(i, j, 1.0) for j, i in links]
        found = greedy_twin.alignment_scores(entities, weighted, 99, differential.MAX_WORDS)
        cells = [[found.get((e, *span), 0.0) for span in spans] for e in range(len(entities))]
        return SimpleNamespace(toarray=lambda: np.array(cells) + shift)

    return Code(
        {
            "matching": SimpleNamespace(
                match_entities_based_on_word_alignments=match,
                generate_entity_candidates_from_alignments=lambda s, e, linked: [
                    [j, j + 1] for words in linked[s:e] for j in words
                ],
                merge_adjacent_candidates=lambda spans, max_distance: spans,
            ),
            "evaluators": SimpleNamespace(get_relative_lenght_alignment_scores=scores),
            "extractors": SimpleNamespace(DummySubrangeExtractor=extractor),
            "projection": SimpleNamespace(ArgmaxCandidatesMatchingProjectionTransform=argmax),
        }
    )


def test_scores_are_compared_cell_by_cell():
    def check(paper, pairs):
        scores = differential.paper_scores(paper)
        return differential.alignment_scores(scores, "scores", paper, "here", pairs)

    cells = 2 * len(ngrams(TARGET))
    assert check(paper_code(), corpus()).compared == cells > 20
    assert check(paper_code(), corpus()).different == 0
    assert check(paper_code(shift=1e-12), corpus()).reasons[UNEXPLAINED] > cells / 2
    assert set(check(paper_code(), corpus(weight=0.5)).reasons) == {WEIGHTS}


def test_greedy_labels_and_the_reasons():
    def check(paper, pairs):
        return differential_choice.paper_greedy(paper, "here", pairs, ())

    assert check(paper_code(), corpus()).different == 0
    assert check(paper_code(label=["O"]), corpus(weight=0.5)).reasons[WEIGHTS] == 1
    assert differential_choice.of_stop_words(ROW, ["O"] * 7) == UNEXPLAINED
    assert "!" in differential_choice.of_stop_words(ROW, ["O"] * 5 + ["B-LOC", "O"])


def test_the_papers_heuristic_and_the_reasons():
    check = differential.paper_heuristic(paper_code(), "here", corpus(), 0.8, 1)
    assert (check.compared, check.different) == (2, 0)
    paper = paper_code()
    paper.matching.match_entities_based_on_word_alignments = lambda *_: ["?"]
    check = differential.paper_heuristic(paper, "here", corpus(), 0.8, 1)
    grown = "runs are grown link by link in the published code and may overlap or touch"
    assert check.reasons[grown] == 1
    assert check.reasons[UNEXPLAINED] == 1


def test_objectives():
    pytest.importorskip("ortools")

    def region(max_words):
        return SimpleNamespace(
            extract=lambda words, entities, links: ngrams(words) * bool(entities)
        )

    class Solver:
        def __init__(self, solver, proj_constraint):
            pass

        def project(self, given):
            links = [(i, j, 1.0) for i, j in given["word_alignments"]]
            spans = [(e["start_idx"], e["end_idx"]) for e in given["src_entities"]]
            return None, greedy_twin.project(spans, links, len(given["tokens"]))[1], 0.0

    thesis = Code(
        {
            "cand_extractor": SimpleNamespace(AlignedContiniousSubrangeExtractor=region),
            "projection": SimpleNamespace(RangeILPProjection=Solver),
        }
    )

    def check(pairs, constraint="<=1", pairs_at_most=10_000):
        return differential_choice.exact(
            thesis, "here", pairs, "none", constraint, 10, pairs_at_most
        )

    assert (check(corpus()).compared, check(corpus()).different) == (1, 0)
    assert check(corpus(), "==1").different == 0
    assert check(corpus(weight=0.5)).reasons == {UNEXPLAINED: 1}
    left = check(corpus(), pairs_at_most=3)
    assert (left.compared, left.note) == (
        0,
        "sentences with more than 3 overlapping pairs left out: 1",
    )
    cut = Sentence(SOURCE, TARGET, ENTITIES, LINKS[:3])
    infeasible = {"status": "infeasible"}
    assert "without links" in differential_choice.of_optimum(cut, infeasible)
    assert "scores 0" in differential_choice.of_optimum(ROW, infeasible)
    assert differential_choice.of_optimum(ROW, {"status": "optimal"}) == UNEXPLAINED


def test_ner_cells():
    pytest.importorskip("torch")
    from benchmarks import differential_ner

    check = Check("", "")
    mine = np.array([0.3, 0.050001, 0.7])
    differential_ner.compare(check, mine, np.array([0.3 + 1e-7, 0.0, 0.6]))
    assert check.compared == 3
    assert check.reasons == {UNEXPLAINED: 1, "at the threshold of 0.05, within 1e-5": 1}
    assert check.largest == pytest.approx(1e-7)


def test_our_side_of_the_ner_scores(tmp_path):
    pytest.importorskip("transformers")
    from benchmarks import differential_ner

    model = differential_ner.save_tagger(tmp_path)
    boosted, first, second = differential_ner.ours([TARGET, ["Hm"]], model)
    assert boosted >= 0
    assert first[0] == ngrams(TARGET)
    assert [side.shape for side in first[1:]] == [(4, len(first[0]))] * 2
    assert (first[1] <= first[2]).all()
    assert second[0] == [(0, 1)]


def checkout(folder, text):
    (folder / "src" / "part").mkdir(parents=True)
    (folder / "src" / "part" / "code.py").write_text(text, "utf-8")
    return folder


def test_two_checkouts_do_not_mix(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "benchmarks.published_code.REPLACEABLE", {"no_such_package": ("no_such_package.part",)}
    )
    before = list(sys.path)
    text = "from no_such_package.part import Thing\nvalue = "
    one, two = (
        load(checkout(tmp_path / name, text + name), ["src.part.code"]) for name in ("1", "2")
    )
    assert (one.code.value, two.code.value) == (1, 2)
    assert one.missing == ["no_such_package"]
    assert sys.path == before
    assert not {"src", "src.part", "no_such_package"} & set(sys.modules)
    with pytest.raises(AttributeError):
        _ = one.other
    with pytest.raises(SystemExit, match="no folder src"):
        load(tmp_path, ["src.part.code"])


def test_the_page(tmp_path):
    one = Check("scores (cells)", "here", 2, 10)
    one.reasons["rounding"] = 3
    two = Check("greedy", "here", 2, 2, note="1 left out")
    folders = [checkout(tmp_path / name, "x = 1") for name in ("pub", "thesis")]
    given = SimpleNamespace(step=5, ner=6, programs=7, pub=folders[0], thesis=folders[1])
    text = published.page([one, two], given, ["cvxpy"])
    assert "| scores (cells) | here | 2 | 10 | 7 | 3 |" in text
    assert "| scores (cells) | here | rounding | 3 |" in text
    assert "* greedy, here: 1 left out." in text
    assert "Without CVXPY" in text
    assert published.digest(folders[0]) == published.digest(folders[1])
    (folders[1] / "src" / "part" / "code.py").write_text("x = 2", "utf-8")
    assert published.digest(folders[0]) != published.digest(folders[1])


def test_checks_of_one_kind_stand_together():
    made = [Check("a, x", "1"), Check("b", "1"), Check("a, y", "2")]
    todo = iter([lambda: made[0], lambda: made[1:]])
    assert [check.what for check in published.run(todo)] == ["a, x", "a, y", "b"]


@pytest.mark.shared
def test_german_sentences(shared):
    found = published.german(shared)
    sizes = [sum(map(bool, c.table["entities"].to_pylist())) for c in found.values()]
    assert min(sizes) > 400
    assert sum(sizes) > 500
    once = published.distinct(found["conll-mt, projected"])
    words = [tuple(row) for row in once.table["tokens"].to_pylist()]
    assert len(words) == len(set(words)) <= len(found["conll-mt, projected"])


def test_marked_spans_have_a_reason_only_if_one_holds():
    pytest.importorskip("torch")
    from benchmarks import markers

    def why(text, names):
        marked = markers.Marked("", "[]", (), names)
        empty = markers.Counter()
        return published.why_marked(
            markers.Case(text, marked, list(names), ["A"] * len(names), empty, set(), set())
        )

    assert why("in [Roma] und", ("Roma",)) == UNEXPLAINED
    assert why("in [Roma]ner und", ("Roma",)) == "marker inside a word"
    assert why("in [Roma und", ("Roma",)) == "unpaired markers"
