"""Similarity of target sentences to source languages (Wu et al. 2020, section 3.2).

A language identifier is trained on unlabelled source sentences. The score of sentence x for
language k is s(x, k) = g(x)ᵀ M μ_k, where g(x) is a feature vector, μ_k the embedding of the
language, and M = Uᵀ V has low rank. The loss is the cross-entropy of softmax(s) plus
γ ‖P Pᵀ - I‖², where the rows of P are the μ_k. The weights of target sentences are
α = softmax(s / τ), where τ is the variance of all their scores.
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
"""Number of buckets of hashed n-grams."""
_TOKENS = 8192
"""Maximum number of subwords per batch of an encoder."""
SENTENCES = 5000
"""Maximum number of sentences per language that the language identifier learns from."""
_BATCH = 64
"""Sentences per training step."""
_RATE = 1e-2
"""Learning rate of Adam."""


@dataclass(frozen=True, slots=True)
class IdentifierSettings:
    """How the language identifier is trained; `DistillOptions` has the defaults.

    Attributes:
        rank: rank of M.
        gamma: γ, weight of the penalty.
        epochs: passes over the source sentences.
        seed: random seed for initial weights and order of sentences.
    """

    rank: int
    gamma: float
    epochs: int
    seed: int


@dataclass(frozen=True)
class Similarity:
    """Similarity of target sentences to source languages.

    Attributes:
        sentence: float32 (N x K), α of each sentence; rows sum to 1.
        domain: float32 (K), mean α of the target corpus.
        tau: τ, the variance of the scores.
        accuracy: accuracy of the language identifier on its training sentences.
    """

    sentence: Float32
    domain: Float32
    tau: float
    accuracy: float


class Identifier(nn.Module):
    """The bilinear language identifier."""

    def __init__(self, embeddings: Tensor, rank: int) -> None:
        """Initialise with language embeddings, float (K x d), such as mean features."""
        super().__init__()
        width = embeddings.shape[1]
        self.languages = nn.Parameter(embeddings.clone())
        self.left = nn.Parameter(torch.randn(rank, width) / width**0.5)
        self.right = nn.Parameter(torch.randn(rank, width) / width**0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the scores, float (N x K), of features of sentences, float (N x d)."""
        return bilinear(features, self.left, self.right, self.languages)


def bilinear(features: Tensor, left: Tensor, right: Tensor, languages: Tensor) -> Tensor:
    """g(x)ᵀ Uᵀ V μ_k: float (N x K).

    Args:
        features: g, float (N x d).
        left, right: U and V, float (m x d).
        languages: μ, float (K x d).
    """
    return (features @ left.T) @ (languages @ right.T).T


def identifier_loss(scores: Tensor, language: Tensor, languages: Tensor, gamma: float) -> Tensor:
    """Cross-entropy plus γ ‖P Pᵀ - I‖² (Frobenius norm).

    Args:
        scores: float (N x K).
        language: int64 (N), the true languages.
        languages: P, float (K x d).
        gamma: γ, weight of the penalty.
    """
    gram = languages @ languages.T
    penalty = (gram - torch.eye(len(gram), dtype=gram.dtype)).square().sum()
    return nn.functional.cross_entropy(scores, language) + gamma * penalty


def weights_of(scores: NDArray[np.floating]) -> tuple[Float32, Float32, float]:
    """Compute α of sentences (N x K) and of the corpus (K), and τ, from scores (N x K).

    τ is the (unbiased) variance over all N · K scores. If all scores are equal, every α is 1/K.
    """
    tau = float(np.var(scores, ddof=1)) if scores.size > 1 else 0.0
    scaled = scores / tau if tau > 0 else np.zeros_like(scores)
    raised = np.exp(scaled - scaled.max(1, keepdims=True))
    each = raised / raised.sum(1, keepdims=True)
    return each.astype(np.float32), each.mean(0).astype(np.float32), tau


def learn_similarity(
    sources: Sequence[Float32], target: Float32, how: IdentifierSettings
) -> Similarity:
    """Train a language identifier on source sentences, and apply it to target sentences.

    Args:
        sources: for each language, features of its sentences, float32 (N_k x d).
        target: features of the target sentences, float32 (N x d).
        how: how the identifier is trained.
    """
    taken = [features[:SENTENCES] for features in sources]
    features = torch.from_numpy(np.concatenate(taken))
    language = torch.from_numpy(np.repeat(np.arange(len(taken)), [len(part) for part in taken]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        means = torch.stack([torch.from_numpy(part).mean(0) for part in taken])
        model = Identifier(means, how.rank)
        _fit(model, features, language, how)
    with torch.inference_mode():
        hits = (model(features).argmax(1) == language).float().mean()
        scores = model(torch.from_numpy(target)).numpy()
    each, domain, tau = weights_of(scores.astype(np.float64))
    return Similarity(each, domain, tau, float(hits))


def _fit(model: Identifier, features: Tensor, language: Tensor, how: IdentifierSettings) -> None:
    optimiser = torch.optim.Adam(model.parameters(), _RATE)
    for _ in range(how.epochs):
        for rows in torch.split(torch.randperm(len(features)), _BATCH):
            loss = identifier_loss(
                model(features[rows]), language[rows], model.languages, how.gamma
            )
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()


def sentence_features(
    sentences: Sequence[Sequence[str]], kind: str = NGRAMS, device: str = "cpu"
) -> Float32:
    """Compute the features g(x) of every sentence, float32 (N x d).

    Args:
        sentences: the words of each sentence.
        kind: `ngrams` for hashed character n-grams, which need no model: square roots of the
            counts of n-grams of 1 to 3 characters, normalised to length 1. Otherwise the hub id
            or folder of an encoder, whose last hidden state of the first token is used, as in
            the paper.
        device: device of the encoder.
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
    pieces = subwords.pieces(sentences, window)
    if any(not windows for windows in pieces):
        raise UsageError("the encoder has no subword for a sentence; remove the sentence")
    first = [windows[0] for windows in pieces]
    lengths = np.array([len(piece.ids) for piece in first], np.int64)
    features = np.zeros((len(first), config.hidden_size), np.float32)
    with torch.inference_mode():
        for rows in plan_batches(lengths, _TOKENS):
            ids, mask = padded([first[i].ids for i in rows], subwords.filler)
            given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            hidden = model(**{key: t.to(device) for key, t in given.items()}).last_hidden_state
            features[rows] = hidden[:, 0].float().cpu().numpy()
    return features
