"""How like a target sentence each source language is (Wu et al. 2020, section 3.2).

A language identifier is learnt from unlabelled source sentences: the score of sentence x for
language k is s(x, k) = g(x)ᵀ M μ_k, where g(x) is a feature vector, μ_k the language's embedding
and M = Uᵀ V has low rank; the loss is cross-entropy of softmax(s) plus γ ‖P Pᵀ - I‖², where the
rows of P are the μ_k. On target sentences, α = softmax(s / τ), with τ the variance of all their
scores.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xner.errors import UsageError
from xner.inference.batches import padded, plan_batches
from xner.inference.checkpoints import load
from xner.tagging.subwords import Subwords
from xner.training.examples import Float32

NGRAMS = "ngrams"
_DIMENSIONS = 1024
_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Learning:
    """How the language identifier is learnt.

    Attributes:
        rank: of M.
        gamma: γ, weight of the penalty.
        epochs: passes over the source sentences.
        batch: sentences a step.
        rate: of Adam.
        sentences: most sentences of a language.
        seed: of the first weights and the order.
    """

    rank: int = 64
    gamma: float = 0.01
    epochs: int = 3
    batch: int = 64
    rate: float = 1e-2
    sentences: int = 5000
    seed: int = 1


@dataclass(frozen=True)
class Similarity:
    """How like target sentences the source languages are.

    Attributes:
        sentence: float32 (N x K), α of each sentence; rows sum to 1.
        domain: float32 (K), their mean over the target corpus.
        tau: τ.
        accuracy: of the language identifier, on the source sentences it learnt from.
    """

    sentence: Float32
    domain: Float32
    tau: float
    accuracy: float


class Identifier(nn.Module):
    """The bilinear language identifier."""

    def __init__(self, embeddings: Tensor, rank: int) -> None:
        """Start from language embeddings, float (K x d), such as mean features."""
        super().__init__()
        width = embeddings.shape[1]
        self.languages = nn.Parameter(embeddings.clone())
        self.left = nn.Parameter(torch.randn(rank, width) / width**0.5)
        self.right = nn.Parameter(torch.randn(rank, width) / width**0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Scores, float (N x K), of sentences, float (N x d)."""
        return bilinear(features, self.left, self.right, self.languages)


def bilinear(features: Tensor, left: Tensor, right: Tensor, languages: Tensor) -> Tensor:
    """g(x)ᵀ Uᵀ V μ_k: float (N x K).

    Args:
        features: g, float (N x d). left, right: U and V, float (m x d). languages: float (K x d).
    """
    return (features @ left.T) @ (languages @ right.T).T


def identifier_loss(scores: Tensor, language: Tensor, languages: Tensor, gamma: float) -> Tensor:
    """Cross-entropy plus γ ‖P Pᵀ - I‖² (Frobenius); float.

    Args:
        scores: float (N x K). language: int64 (N), the true ones. languages: P, float (K x d).
        gamma: weight of the penalty.
    """
    gram = languages @ languages.T
    penalty = (gram - torch.eye(len(gram), dtype=gram.dtype)).square().sum()
    return nn.functional.cross_entropy(scores, language) + gamma * penalty


def weights_of(scores: NDArray[np.floating]) -> tuple[Float32, Float32, float]:
    """α of sentences (N x K) and of the corpus (K), and τ, from scores (N x K).

    τ is the (unbiased) variance over all N · K scores; where all are equal, every α is 1/K.
    """
    tau = float(np.var(scores, ddof=1)) if scores.size > 1 else 0.0
    scaled = scores / tau if tau > 0 else np.zeros_like(scores)
    raised = np.exp(scaled - scaled.max(1, keepdims=True))
    each = raised / raised.sum(1, keepdims=True)
    return each.astype(np.float32), each.mean(0).astype(np.float32), tau


def learn_similarity(
    sources: Sequence[Float32], target: Float32, learning: Learning | None = None
) -> Similarity:
    """Learn to tell the source languages apart, and weigh them for target sentences.

    Args:
        sources: features of each language's sentences, float32 (N_k x d).
        target: likewise of the target, float32 (N x d).
        learning: how.
    """
    how = learning or Learning()
    taken = [own[: how.sentences] for own in sources]
    features = torch.from_numpy(np.concatenate(taken))
    language = torch.from_numpy(np.repeat(np.arange(len(taken)), [len(own) for own in taken]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        means = torch.stack([torch.from_numpy(own).mean(0) for own in taken])
        model = Identifier(means, how.rank)
        _fit(model, features, language, how)
    with torch.inference_mode():
        hits = (model(features).argmax(1) == language).float().mean()
        scores = model(torch.from_numpy(target)).numpy()
    each, domain, tau = weights_of(scores.astype(np.float64))
    return Similarity(each, domain, tau, float(hits))


def _fit(model: Identifier, features: Tensor, language: Tensor, how: Learning) -> None:
    optimiser = torch.optim.Adam(model.parameters(), how.rate)
    for _ in range(how.epochs):
        for rows in torch.split(torch.randperm(len(features)), how.batch):
            loss = identifier_loss(
                model(features[rows]), language[rows], model.languages, how.gamma
            )
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()


def sentence_features(
    sentences: Sequence[Sequence[str]], kind: str = NGRAMS, device: str = "cpu"
) -> Float32:
    """float32 (N x d): g(x) of every sentence.

    Args:
        sentences: words of each.
        kind: `ngrams` hashes character n-grams (1 to 3, square roots of counts, length 1), which
            needs no model; else a model by id or folder, whose last hidden state of the first
            token is taken, as in the paper.
        device: where the model runs.
    """
    if kind == NGRAMS:
        return np.stack([_hashed(words) for words in sentences])
    return _encoded(sentences, kind, device)


def _hashed(words: Sequence[str]) -> Float32:
    counts = np.zeros(_DIMENSIONS, np.float32)
    text = f" {' '.join(words)} "
    for n in (1, 2, 3):
        for i in range(len(text) - n + 1):
            counts[zlib.crc32(text[i : i + n].encode()) % _DIMENSIONS] += 1
    rooted = np.sqrt(counts)
    return np.asarray(rooted / max(float(np.linalg.norm(rooted)), 1e-9), np.float32)


def _encoded(sentences: Sequence[Sequence[str]], name: str, device: str) -> Float32:
    from transformers import AutoConfig, AutoModel

    config = load(AutoConfig, name, "encoder")
    model: Any = load(AutoModel, name, "encoder", config=config).eval().to(device)
    subwords = Subwords(name)
    window = min(subwords.limit, int(getattr(config, "max_position_embeddings", 512)), 512)
    found = subwords.pieces(sentences, window)
    if any(not own for own in found):
        raise UsageError("a sentence has no subword for the encoder; leave it out")
    first = [own[0] for own in found]
    lengths = np.array([len(piece.ids) for piece in first], np.int64)
    made = np.zeros((len(first), config.hidden_size), np.float32)
    with torch.inference_mode():
        for rows in plan_batches(lengths, _TOKENS):
            ids, mask = padded([first[i].ids for i in rows], subwords.filler)
            given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            hidden = model(**{key: t.to(device) for key, t in given.items()}).last_hidden_state
            made[rows] = hidden[:, 0].float().cpu().numpy()
    return made
