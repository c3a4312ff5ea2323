"""The NMT score: how probable entity and candidate are as translations of each other.

For the texts a of an entity and b of a candidate, and a translation model that reads a and
assigns the tokens b_1 … b_n of b and the end b_{n+1} the probabilities P,

    p(b | a) = 2 ^ (1/(n + 1) * sum over i of ln P(b_i | b_1 … b_{i-1}, a))
    s(b | a) = p(b | a) / p(b | b)
    c = min(1, (s(b | a) + s(a | b)) / 2),   0 where that is not above the threshold (0.1)

This is NMTScore: direct, normalised, mean of both directions (Vamvas & Sennrich 2022; as a
matching score Shkalikov 2025). In [0, 1]. The base 2 with natural logarithms is that of the
published package, with which published thresholds and figures were obtained. The geometric mean
of the probabilities, as in the paper, is p ^ (1 / ln 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xner.columns import offsets_of, rows_of
from xner.errors import UsageError
from xner.inference.checkpoints import model_signature
from xner.inference.options import HardwareOptions, batch_tokens_option
from xner.kernels.records import Float64, Int32, Int64
from xner.languages import LANGUAGE_CODES, Language, find_language
from xner.options import build, declare, option, required
from xner.score.scene import Scene
from xner.translation.cache import Pair, PairCache
from xner.translation.likelihood import ForwardTokens, Likelihood, Question, Tokens
from xner.translation.text import join_words


@declare
class NmtOptions(HardwareOptions):
    """Options of the score `nmt`."""

    model: str | Path = required(
        "NLLB-200 checkpoint of the score nmt: hub id or folder.",
        kw_only=False,
        unit="MODEL",
        flag="--nmt-model",
        group="score nmt",
        rare=True,
    )
    source_language: str = required(
        f"Source language of the score nmt. {LANGUAGE_CODES}",
        kw_only=False,
        unit="CODE",
        group="score nmt",
        rare=True,
    )
    target_language: str = required(
        f"Target language of the score nmt. {LANGUAGE_CODES}",
        kw_only=False,
        unit="CODE",
        group="score nmt",
        rare=True,
    )
    threshold: float = option(
        0.1,
        "Scores that are not above this become 0.",
        ge=0,
        lt=1,
        unit="P",
        flag="--nmt-threshold",
        group="score nmt",
        rare=True,
    )
    batch_tokens: int | None = batch_tokens_option(
        "padding included", "32,768 on a GPU, 4,096 elsewhere"
    )
    cache: str | Path | None = option(
        None,
        "Keep the scores of phrase pairs in this file for the next run.",
        unit="FILE",
        flag="--nmt-cache",
        group="score nmt",
        rare=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cache is not None:
            object.__setattr__(self, "cache", Path(self.cache))
        _ = self.languages

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> NmtOptions:
        """Return the options of a mapping, such as one read from a settings file.

        Raises:
            UsageError: an option is unknown, missing or out of range.
        """
        return build(cls, given, place="score nmt")

    @property
    def languages(self) -> tuple[Language, Language]:
        """Source and target language."""
        return find_language(self.source_language), find_language(self.target_language)

    @property
    def signature(self) -> str:
        """Everything that the scores depend on, except the device."""
        source, target = self.languages
        return (
            f"nmt({model_signature(str(self.model))},{source.flores}-{target.flores},"
            f"{self.precision},threshold:{self.threshold:g})"
        )


class NmtScorer:
    """A loaded translation model with a cache of scores.

    Attributes:
        options: of the score.
    """

    def __init__(self, options: NmtOptions) -> None:
        """Load the model and open the cache.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            InputError: the model cannot be loaded.
            UsageError: the model does not know a language, or the cache is of another model.
        """
        self.options = options
        self._model = Likelihood(
            str(options.model),
            device=options.device,
            precision=options.precision,
            batch_tokens=options.batch_tokens,
        )
        vocabulary = self._model.vocabulary
        self._languages = [vocabulary.language_token(code) for code in options.languages]
        self._cache = self._new_cache()

    def _new_cache(self) -> PairCache:
        codes = [language.flores for language in self.options.languages]
        path = None if self.options.cache is None else Path(self.options.cache)
        return PairCache(path, f"{self._model.signature},{'-'.join(codes)}")

    def renewed(self) -> NmtScorer:
        """The scorer with no scores but those of its file: they can depend on other pairs."""
        if self.options.cache is None:
            self._cache.close()
            self._cache = self._new_cache()
        return self

    @property
    def forward_tokens(self) -> ForwardTokens:
        """Number of tokens that the model has processed."""
        return self._model.forward_tokens

    def scores(self, pairs: Sequence[Pair]) -> Float64:
        """Return float64 (pairs): c of texts `(entity, candidate)`, before the threshold.

        Each distinct pair is scored once, and not at all if the cache has it.
        """
        distinct = list(dict.fromkeys(pairs))
        found = dict(zip(distinct, self._cache.get(distinct), strict=True))
        new = [pair for pair, score in found.items() if score is None]
        made = self._score(new)
        self._cache.put(new, made)
        found.update(zip(new, made, strict=True))
        return np.array([found[pair] for pair in pairs], np.float64)

    def _score(self, pairs: list[Pair]) -> list[float]:
        sides = [list(dict.fromkeys(side)) for side in zip(*pairs, strict=True)] or [[], []]
        tokens = [self._tokens(side) for side in sides]
        forward, own = self._directed(pairs, tokens, 0)
        backward, back = self._directed([(b, a) for a, b in pairs], tokens[::-1], 1)
        return [min(1.0, (forward[a, b] / back[b] + backward[b, a] / own[a]) / 2) for a, b in pairs]

    def _tokens(self, texts: list[str]) -> dict[str, Tokens]:
        if not texts:
            return {}
        return dict(zip(texts, map(tuple, self._model.vocabulary.encode(texts)), strict=True))

    def _directed(
        self, pairs: Sequence[Pair], tokens: Sequence[dict[str, Tokens]], side: int
    ) -> tuple[dict[Pair, float], dict[str, float]]:
        """p(b | a) of every pair (a, b), and p(a | a); a is on side 0 (source) or 1 (target)."""
        here, there = self._languages[side], self._languages[1 - side]
        partners: dict[str, list[str]] = {a: [] for a in tokens[0]}
        for a, b in pairs:
            partners[a].append(b)

        def questions() -> Iterator[Question]:
            for a, own in partners.items():
                answers = [(there, *tokens[1][b]) for b in own]
                answers.append((here, *tokens[0][a]))
                yield Question((*self._model.vocabulary.framed(tokens[0][a], here),), answers)

        across: dict[Pair, float] = {}
        alone: dict[str, float] = {}
        for (a, own), means in zip(
            partners.items(), self._model.log_likelihoods(questions()), strict=True
        ):
            likely = np.exp2(means).tolist()
            across.update(zip(((a, b) for b in own), likely[:-1], strict=True))
            alone[a] = likely[-1]
        return across, alone


def nmt(scene: Scene) -> Float64:
    """Return float64 (C): the NMT score of every candidate."""
    if scene.nmt is None:
        raise UsageError("the score nmt needs a model; pass nmt=NmtOptions(…) (--nmt-model)")
    problem, entities = scene.problem, scene.text.entities
    entity = rows_of(problem.candidate_offsets)
    sentence = rows_of(problem.entity_offsets)
    here, there = scene.nmt.options.languages
    tokens = scene.batch["source_tokens"], scene.batch["target_tokens"]
    sources, a = _texts(tokens[0], here, sentence, entities.start, entities.end)
    targets, b = _texts(tokens[1], there, sentence[entity], problem.start, problem.end)
    pairs, index = np.unique(a[entity] * np.int64(len(targets)) + b, return_inverse=True)
    named = [(sources[p // len(targets)], targets[p % len(targets)]) for p in pairs.tolist()]
    score = scene.nmt.scores(named)
    score[score <= scene.nmt.options.threshold] = 0.0
    return score[index]


def _texts(
    tokens: pa.ListArray, language: Language, row: Int64, start: Int32, end: Int32
) -> tuple[list[str], Int64]:
    """The distinct texts of spans `[start, end)` of the rows, and the index of each span's text."""
    offsets = offsets_of(tokens)
    words = tokens.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_pylist()
    base = (offsets - offsets[0])[row].astype(np.int64)
    spans = np.stack([base + start, base + end], 1)
    distinct, index = np.unique(spans, axis=0, return_inverse=True)
    texts: dict[str, int] = {}
    known = [
        texts.setdefault(join_words(words[first:last], language), len(texts))
        for first, last in distinct
    ]
    return list(texts), np.array(known, np.int64)[index.reshape(-1)]
