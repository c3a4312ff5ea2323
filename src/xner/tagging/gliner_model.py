"""Tagging with a GLiNER model, which finds entities of any labels that it is given."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from xner.callables import grouped
from xner.errors import InputError, MissingExtraError
from xner.inference.checkpoints import check_available, model_signature
from xner.tagging import Entity, Found
from xner.tagging.labels import renamed
from xner.tagging.options import GlinerOptions

BATCH = 256
"""Sentences that are read at a time."""
AT_ONCE = 8
"""Sentences that the model sees at a time."""
LABELS = {"person": "PER", "organization": "ORG", "location": "LOC"}
"""What the model is asked for by default, and the labels of the answers."""


class GlinerTagger:
    """A GLiNER model.

    The names in `labels` are what the model is asked for; an empty new name asks for entities in
    order to drop them, which can keep them from being taken for others. Sentences longer than the
    model's limit are cut. The score of an entity is the probability that the model gives.
    """

    tags: Sequence[str] = ()

    def __init__(self, options: GlinerOptions) -> None:
        """Load the model.

        Raises:
            InputError: the model cannot be loaded.
            MissingExtraError: the package gliner is not installed.
        """
        try:
            from gliner import GLiNER
        except ImportError:
            raise MissingExtraError("gliner", "gliner") from None
        name = str(options.model)
        check_available(name, "GLiNER model")
        device = None if options.device == "auto" else options.device
        try:
            self._model: Any = GLiNER.from_pretrained(name, map_location=device)
        except Exception as error:  # what a damaged file raises depends on where the damage is
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(f"the GLiNER model {name!r} cannot be loaded ({reason})") from None
        self._labels = {old: new or None for old, new in (options.labels or LABELS).items()}
        self._threshold = options.min_probability
        # The model counts its own tokens, of which a word can have several.
        self._longest = max(1, int(getattr(self._model.config, "max_len", 384)) // 2)
        asked = ",".join(f"{old}={new or ''}" for old, new in self._labels.items())
        self.signature = (
            f"gliner({model_signature(name)},labels:{asked},"
            f"min_probability:{options.min_probability:g})"
        )

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Found]:
        """Tag sentences of words; empty ones are not passed to the model."""
        for group in grouped(sentences, BATCH):
            parts = [
                (row, first, words[first : first + self._longest])
                for row, words in enumerate(group)
                for first in range(0, len(words), self._longest)
            ]
            answers = self._model.inference(
                [" ".join(words) for _, _, words in parts],
                list(self._labels),
                threshold=self._threshold,
                batch_size=AT_ONCE,
            ) if parts else []  # fmt: skip
            found: list[list[Entity]] = [[] for _ in group]
            for (row, first, words), answer in zip(parts, answers, strict=True):
                found[row] += _entities(answer, first, words)
            windows = [0] * len(group)
            for row, _, _ in parts:
                windows[row] += 1
            for entities, count in zip(found, windows, strict=True):
                kept, dropped = renamed(entities, self._labels)
                yield Found(kept, windows=count, dropped=dropped)


def _entities(
    answer: Iterable[dict[str, Any]], first: int, words: Sequence[str]
) -> Iterator[Entity]:
    """The entities of a part of a sentence that begins at word `first`.

    Args:
        answer: entities with `start` and `end`, characters of the words joined by spaces.
        first: index of the first word in the sentence.
        words: the words of the part.
    """
    starts = [0, *accumulate(len(word) + 1 for word in words)]
    for found in answer:
        start = bisect_right(starts, found["start"]) - 1
        end = min(bisect_left(starts, found["end"]), len(words))
        yield Entity(first + start, first + end, found["label"], float(found["score"]))
