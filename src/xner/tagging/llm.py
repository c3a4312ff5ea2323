"""Tagging with a language model behind an address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import Any

from xner.services.answers import Answers
from xner.services.client import Service
from xner.services.prompts import LABELS, digest, to_tag
from xner.tagging import Entity, Found
from xner.tagging.labels import renamed, signed
from xner.tagging.options import LlmTaggerOptions


class LlmTagger:
    """A language model that is asked for the entities of sentences.

    The names in `labels` are what the model is asked for. It answers with the text of entities,
    which are looked up among the words; those that are not found are counted as `unplaced`. A
    sentence without a usable answer has no entities and is counted as `malformed`.
    """

    tags: Sequence[str] = ()

    def __init__(self, options: LlmTaggerOptions) -> None:
        """Prepare the requests; none is made yet.

        Raises:
            UsageError: the address is missing.
        """
        self._labels = {
            old: new or None for old, new in (options.labels or {n: n for n in LABELS}).items()
        }
        self._service = Service(options, str(options.model))
        prompt = to_tag(self._labels)
        self._answers = Answers(self._service, options, prompt, _fits)
        self.signature = (
            f"llm({options.model}@{self._service.host},{signed(self._labels)}"
            f"prompt:{digest(prompt)})"
        )

    @property
    def usage(self) -> Counter[str]:
        """What was asked so far, and what it cost."""
        return self._answers.usage

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Found]:
        """Tag sentences of words; empty ones are not passed to the model."""
        given, asked = tee(sentences)
        answers = self._answers.of(" ".join(words) for words in asked if words)
        for words in given:
            answer = next(answers) if words else []
            if answer is None:
                yield Found((), malformed=True)
                continue
            entities = placed(answer, words)
            self._service.count(unplaced=len(answer) - len(entities))
            known = [entity for entity in entities if entity.label in self._labels]
            kept, dropped = renamed(known, self._labels)
            others = [entity.label for entity in entities if entity.label not in self._labels]
            yield Found(kept, windows=1 if words else 0, dropped=[*dropped, *others])


def _fits(sentence: str, answer: Any) -> bool:
    """Whether an answer lists entities with text and label."""
    return isinstance(answer, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("text"), str)
        and isinstance(one.get("label"), str)
        and bool(one["label"].split())
        for one in answer
    )


def placed(answer: Sequence[dict[str, str]], words: Sequence[str]) -> list[Entity]:
    """Return the entities of an answer that are found among the words.

    The same text several times means its occurrences from left to right. Spaces do not count.

    >>> placed([{"text": "Dr. Who", "label": "PER"}], ["Ask", "Dr", ".", "Who"])
    [Entity(start=1, end=4, label='PER', score=None)]
    """
    found, after = [], Counter[str]()
    for one in answer:
        text = "".join(one["text"].split())
        span = _find(text, words, after[text])
        if span is not None:
            after[text] = span[1]
            found.append(Entity(*span, "_".join(one["label"].split())))
    return found


def _find(text: str, words: Sequence[str], first: int) -> tuple[int, int] | None:
    """The first words from `first` on that are this text."""
    for start in range(first, len(words)):
        end, rest = start, text
        while end < len(words) and rest and rest.startswith(words[end]):
            rest = rest[len(words[end]) :]
            end += 1
        if text and not rest:
            return start, end
    return None
