"""Small matching problems for tests: from lists, at random, and checked from outside."""

import numpy as np

from xner.kernels.records import Problem


def problem_of(sentences, lengths):
    """`sentences`: per sentence, per entity, a list of (start, end, score) in any order."""
    entities = [sorted(entity) for sentence in sentences for entity in sentence]
    flat = [candidate for entity in entities for candidate in entity]
    start, end, score = zip(*flat, strict=True) if flat else ((), (), ())
    return Problem(
        np.cumsum([0, *(len(sentence) for sentence in sentences)]),
        np.cumsum([0, *(len(entity) for entity in entities)]),
        np.array(start, np.int32),
        np.array(end, np.int32),
        np.array(score, np.float64),
        np.array(lengths, np.int32),
    )


def dense_problem(rng, shapes, span=10, levels=None):
    """Random scores for all n-grams; `shapes`: (entities, words) of each sentence.

    `levels`: round scores up to so many equal steps, to make ties.
    """
    sentences = []
    for k, n in shapes:
        grams = [(i, j) for i in range(n) for j in range(i + 1, min(n, i + span) + 1)]
        scores = 1.0 - rng.random((k, len(grams)))
        if levels:
            scores = np.ceil(scores * levels) / levels
        sentences.append(
            [[(i, j, x) for (i, j), x in zip(grams, row, strict=True)] for row in scores.tolist()]
        )
    return problem_of(sentences, [n for _, n in shapes])


def sentence_lists(problem, s):
    """Sentence s as the lists that `problem_of` and the reference solvers take."""
    columns = (problem.start.tolist(), problem.end.tolist(), problem.score.tolist())
    candidates = list(zip(*columns, strict=True))
    offsets = problem.candidate_offsets
    return [
        candidates[offsets[e] : offsets[e + 1]]
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1])
    ]


def assert_allowed(problem, solution, at_least=0, at_most=1):
    """No chosen candidates overlap, every entity keeps its limits, the objective is the sum.

    A sentence with nothing chosen may break the lower limit only if its status says so.
    """
    offsets = problem.candidate_offsets
    assert set(np.unique(solution.chosen)) <= {0, 1}
    for s in range(problem.sentences):
        covered = np.zeros(problem.target_lengths[s], int)
        uses, total = [], 0.0
        for e in range(problem.entity_offsets[s], problem.entity_offsets[s + 1]):
            picks = np.flatnonzero(solution.chosen[offsets[e] : offsets[e + 1]]) + offsets[e]
            uses.append(len(picks))
            for c in picks:
                covered[problem.start[c] : problem.end[c]] += 1
                total += problem.score[c]
        assert covered.max(initial=0) <= 1
        assert at_most is None or max(uses, default=0) <= at_most
        if solution.status[s] in (0, 1):
            assert min(uses, default=at_least) >= at_least
        else:
            assert sum(uses) == 0
        assert abs(solution.objective[s] - total) < 1e-12 * max(1.0, total)
        assert solution.bound[s] >= solution.objective[s]
