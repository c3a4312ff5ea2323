"""The NMT score: how well a translation model finds entity and candidate to translate each other.

For the texts a of an entity and b of a candidate, and a model that reads a in its language and
gives the tokens b_1 … b_n of b and the end b_{n+1} the probabilities P,

    p(b | a) = 2 ^ (1/(n + 1) * sum over i of ln P(b_i | b_1 … b_{i-1}, a))
    s(b | a) = p(b | a) / p(b | b)
    c = min(1, (s(b | a) + s(a | b)) / 2),   0 where that is not above the threshold (0.1)

NMTScore direct, normalised, of both directions (Vamvas & Sennrich 2022; as a matching score
Shkalikov 2025). In [0, 1]. The base 2 under natural logarithms is the published package's:
thresholds and figures were found with it. The geometric mean of the probabilities, which the
paper writes, is p ^ (1 / ln 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xner.columns import offsets_of, rows_of
from xner.errors import UsageError
from xner.inference.checkpoints import model_signature
from xner.languages import Language, find_language
from xner.score.scene import Scene
from xner.solve.problem import Float64, Int32
from xner.translation.cache import Pair, PairCache
from xner.translation.likelihood import ForwardTokens, Likelihood, Question, Tokens
from xner.translation.text import join_words

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NmtOptions:
    """What the score `nmt` is computed with.

    Attributes:
        model: an NLLB checkpoint, hub id or folder.
        source_language, target_language: codes of the table in `xner.languages`.
        threshold: scores not above it count as 0, default 0.1.
        device, precision: as for `xner.inference.hardware.find_hardware`.
        batch_tokens: most tokens of a batch; default 32,768 on a GPU and 4,096 elsewhere.
        cache: file that keeps the scores of phrase pairs for the next run; None keeps them in
            memory.
    """

    model: str
    source_language: str
    target_language: str
    threshold: float = 0.1
    device: str = "auto"
    precision: str = "auto"
    batch_tokens: int | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        for name, flag in _FLAGS.items():
            if not getattr(self, name):
                raise UsageError(f"the score nmt needs {name}; give it ({flag})")
        _ = self.languages
        if not 0 <= self.threshold < 1:
            raise UsageError(f"the threshold of nmt is {self.threshold}; it must be in [0, 1)")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> NmtOptions:
        """Options by name, as a file of settings has them.

        Raises:
            UsageError: one is unknown or missing, or makes no sense.
        """
        values = dict(given)
        if isinstance(values.get("model"), Path):
            values["model"] = str(values["model"])
        if values.get("cache") is not None:
            values["cache"] = Path(values["cache"])
        try:
            return cls(**values)
        except TypeError as error:
            reason = str(error).partition("() ")[2]
            raise UsageError(f"the settings of the score nmt do not fit: {reason}") from None

    @property
    def languages(self) -> tuple[Language, Language]:
        """Of source and target."""
        return find_language(self.source_language), find_language(self.target_language)

    @property
    def signature(self) -> str:
        """What makes the scores, but for the device."""
        source, target = self.languages
        return (
            f"nmt({model_signature(self.model)},{source.flores}-{target.flores},"
            f"{self.precision},threshold:{self.threshold:g})"
        )


_FLAGS = {
    "model": "--nmt-model",
    "source_language": "--source-language",
    "target_language": "--target-language",
}


class NmtScorer:
    """A loaded model with the scores it has given so far.

    Attributes:
        options: what it was made with.
    """

    def __init__(self, options: NmtOptions) -> None:
        """Load the model and open the cache.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            InputError: the model cannot be loaded.
            UsageError: it does not know a language, or the cache holds something else.
        """
        self.options = options
        self._model = Likelihood(
            options.model,
            device=options.device,
            precision=options.precision,
            batch_tokens=options.batch_tokens,
        )
        vocabulary = self._model.vocabulary
        self._languages = [vocabulary.language_token(code) for code in options.languages]
        codes = [language.flores for language in options.languages]
        self._cache = PairCache(options.cache, f"{self._model.signature},{'-'.join(codes)}")

    @property
    def forward_tokens(self) -> ForwardTokens:
        """Tokens that went through the model so far."""
        return self._model.forward_tokens

    def scores(self, pairs: Sequence[Pair]) -> Float64:
        """float64 (pairs): c of texts `(entity, candidate)`, before the threshold.

        A pair that stands twice, or was scored before, costs nothing.
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
        """p(b | a) of every pair (a, b), and p(a | a), where a is of the side 0 or 1."""
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
    """float64 (C): the NMT score of every candidate; each distinct pair of texts is scored once."""
    if scene.nmt is None:
        raise UsageError("the score nmt needs a model: give nmt=NmtOptions(…) (--nmt-model)")
    problem, text = scene.problem, scene.text
    entity = rows_of(problem.candidate_offsets)
    sentence = rows_of(problem.entity_offsets)
    here, there = scene.nmt.options.languages
    tokens = scene.batch["source_tokens"], scene.batch["target_tokens"]
    sources, a = _texts(tokens[0], here, sentence, text.entity_start, text.entity_end)
    targets, b = _texts(tokens[1], there, sentence[entity], problem.start, problem.end)
    pairs, index = np.unique(a[entity] * np.int64(len(targets)) + b, return_inverse=True)
    named = [(sources[p // len(targets)], targets[p % len(targets)]) for p in pairs.tolist()]
    score = scene.nmt.scores(named)
    score[score <= scene.nmt.options.threshold] = 0.0
    return score[index]


def _texts(
    tokens: pa.ListArray, language: Language, row: Int64, start: Int32, end: Int32
) -> tuple[list[str], Int64]:
    """The distinct texts of spans `[start, end)` of the rows, and which one each span has."""
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
