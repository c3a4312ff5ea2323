"""Losses of students and weights of teachers: the equations as plain loops.

Wu et al. 2020, Single-/Multi-Source Cross-Lingual NER via Teacher-Student Learning: section 3.1
for the loss, 3.2 for several teachers and the similarity of languages.
"""

import math

import numpy as np


def softmax(scores):
    """Return the softmax of a list of numbers."""
    high = max(scores)
    raised = [math.exp(s - high) for s in scores]
    return [r / sum(raised) for r in raised]


def mse(logits, teacher, weights):
    """Weighted mean over words of 1/|tags| * sum_c (p_student(c) - p_teacher(c))²."""
    total = 0.0
    for z, p, w in zip(logits, teacher, weights, strict=True):
        q = softmax(z)
        total += w * sum((a - b) ** 2 for a, b in zip(q, p, strict=True)) / len(p)
    return total / sum(weights)


def kl(logits, teacher, weights, temperature):
    """Weighted mean over words of T² * sum_c p(c) log(p(c) / q(c)), both at temperature T."""
    total = 0.0
    for z, p, w in zip(logits, teacher, weights, strict=True):
        q = softmax([s / temperature for s in z])
        raised = [c ** (1 / temperature) for c in p]
        p = [c / sum(raised) for c in raised]
        own = sum(a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True) if a > 0)
        total += w * temperature**2 * own
    return total / sum(weights)


def hidden(states, teacher, weights):
    """Weighted mean over words, and mean over layers, of ‖h/‖h‖ - t/‖t‖‖² (Sun et al. 2019)."""
    total = 0.0
    for own, wanted, w in zip(states, teacher, weights, strict=True):
        for h, t in zip(own, wanted, strict=True):
            sizes = [math.sqrt(sum(a * a for a in each)) for each in (h, t)]
            apart = sum((a / sizes[0] - b / sizes[1]) ** 2 for a, b in zip(h, t, strict=True))
            total += w * apart / len(own)
    return total / sum(weights)


def cross_entropy(logits, tags, weights):
    """Weighted mean over words of -log p_student(tag)."""
    total = 0.0
    for z, y, w in zip(logits, tags, weights, strict=True):
        total -= w * math.log(softmax(z)[y])
    return total / sum(weights)


def combine(teachers, alpha, offsets):
    """p(word) = sum_k alpha_k(sentence) p_k(word); alpha (K) is the same for all sentences."""
    words, tags = teachers[0].shape
    made = np.zeros((words, tags))
    for sentence in range(len(offsets) - 1):
        own = alpha if np.ndim(alpha) == 1 else alpha[sentence]
        for word in range(offsets[sentence], offsets[sentence + 1]):
            for k, teacher in enumerate(teachers):
                for tag in range(tags):
                    made[word, tag] += own[k] * teacher[word, tag]
    return made


def score(features, left, right, languages):
    """s(x, k) = g(x)ᵀ M mu_k with M = Uᵀ V."""
    rank, width = left.shape
    m = [[sum(left[r, i] * right[r, j] for r in range(rank)) for j in range(width)]
         for i in range(width)]  # fmt: skip
    return [[sum(g[i] * m[i][j] * mu[j] for i in range(width) for j in range(width))
             for mu in languages] for g in features]  # fmt: skip


def identifier_loss(scores, true, languages, gamma):
    """-1/N sum log softmax(s)[true] + gamma * sum_kl ((P Pᵀ)_kl - [k = l])²."""
    cross = -sum(math.log(softmax(s)[k]) for s, k in zip(scores, true, strict=True)) / len(scores)
    penalty = 0.0
    for k, one in enumerate(languages):
        for n, other in enumerate(languages):
            gram = sum(a * b for a, b in zip(one, other, strict=True))
            penalty += (gram - (k == n)) ** 2
    return cross + gamma * penalty


def weights(scores):
    """alpha(x) = softmax(s(x) / tau); tau the variance of all scores; the mean over x."""
    flat = [s for row in scores for s in row]
    mean = sum(flat) / len(flat)
    tau = sum((s - mean) ** 2 for s in flat) / (len(flat) - 1)
    each = [softmax([s / tau for s in row]) for row in scores]
    count = len(each)
    return each, [sum(row[k] for row in each) / count for k in range(len(each[0]))], tau
