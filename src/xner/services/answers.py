"""Answers to many questions: several in a request, several requests at a time, each once."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from xner.callables import grouped, is_text
from xner.errors import ServiceError, UsageError
from xner.services.client import Service
from xner.services.options import ServiceOptions

_THOUGHT = "</think>"
"""End of the reasoning that servers without a parser for it leave in the text."""
_HOPELESS = 100
"""Questions after which a run without any usable answer ends before its last question."""
_SHOWN = 100
"""Characters of a malformed answer that are shown."""
Fits = Callable[[str, Any], bool]
"""Whether an answer fits its question."""


class Answers:
    """The answers of a model to questions that share their instructions.

    An answer is a JSON value. A request holds several questions; if an answer to it is malformed,
    the questions that it leaves open are asked again in halves, and a single one twice.
    """

    def __init__(self, service: Service, options: ServiceOptions, prompt: str, fits: Fits) -> None:
        """Ask a service.

        Args:
            service: the service.
            options: questions per request, requests at a time, and the cache.
            prompt: instructions; they ask for a JSON list with an answer to each question.
            fits: checks an answer.
        """
        self._service, self._options, self._prompt, self._fits = service, options, prompt, fits
        self._malformed = ""

    def of(self, questions: Iterable[str]) -> Iterator[Any]:
        """Yield the answer to every question, in order; None if it stays malformed.

        Raises:
            UsageError: the cache cannot be used.
            ServiceError: the service refuses a request, fails in every attempt, or has not given a
                usable answer to any question.
        """
        path = self._options.cache or default_cache()
        with closing(AnswerCache(path, self._service.model, self._prompt)) as cache:
            waiting: deque[Future[list[Any]]] = deque()
            pool = ThreadPoolExecutor(self._options.concurrency, "xner-service")
            self._service.restart()
            try:
                for group in grouped(questions, self._options.request_size):
                    waiting.append(pool.submit(self._answered, group, cache))
                    if len(waiting) >= 2 * self._options.concurrency:
                        found = waiting.popleft().result()
                        self._check_usable(_HOPELESS)
                        yield from found
                while waiting:
                    found = waiting.popleft().result()
                    self._check_usable(_HOPELESS if waiting else 1)
                    yield from found
            finally:
                self._service.stop()
                pool.shutdown(wait=True, cancel_futures=True)

    @property
    def usage(self) -> Counter[str]:
        """What was asked so far, and what it cost."""
        used = Counter(self._service.usage)
        prices = self._options.input_price, self._options.output_price
        cost = used["input_tokens"] * prices[0] + used["output_tokens"] * prices[1]
        return used + Counter({"cost": cost / 1e6}) if cost else used

    def _answered(self, questions: Sequence[str], cache: AnswerCache) -> list[Any]:
        known = cache.get(questions)
        open_ = [q for q in dict.fromkeys(questions) if q not in known]
        self._service.count(from_cache=sum(q in known for q in questions))
        found = known | self._asked(open_, cache)
        self._service.note(usable=len(found), unusable=len(open_) + len(known) - len(found))
        return [found.get(q) for q in questions]

    def _asked(
        self, questions: Sequence[str], cache: AnswerCache, attempt: int = 1
    ) -> dict[str, Any]:
        """The answers to the questions that are answered in the end."""
        if not questions:
            return {}
        text = self._service.ask(self._prompt, json.dumps(questions, ensure_ascii=False))
        given = answers_in(text, len(questions))
        pairs = zip(questions, given, strict=False)
        found = {q: a for q, a in pairs if self._fits(q, a) and is_text(as_json(a))}
        cache.put(found)
        left = [q for q in questions if q not in found]
        if not left:
            return found
        self._service.count(malformed_answers=1)
        self._malformed = text
        if len(left) == 1:
            return found | (self._asked(left, cache, attempt + 1) if attempt < 2 else {})
        half = len(left) // 2
        return found | self._asked(left[:half], cache) | self._asked(left[half:], cache)

    def _check_usable(self, least: int) -> None:
        """Raise ServiceError if the service gave no usable answer to at least so many questions."""
        usable, unusable = self._service.noted["usable"], self._service.noted["unusable"]
        if usable or unusable < least:
            return
        shown = " ".join(self._malformed.split())[:_SHOWN]
        raise ServiceError(
            f"the model {self._service.model!r} at {self._service.host} gave no usable answer "
            f"(sentences asked: {unusable}); the last of its answers begins with {shown!r}; choose "
            f"another model, or a smaller request_size"
        )


def answers_in(text: str, count: int) -> list[Any]:
    """The answers in a text: the JSON list in it, also between other words; else none.

    A list of another length is malformed as a whole: it cannot be told which answer is missing.
    What a reasoning model thinks before its answer is left out.
    """
    text = text.rpartition(_THOUGHT)[2]
    begin, end = text.find("["), text.rfind("]")
    if begin < 0 or end < begin:
        return []
    try:
        found = json.loads(text[begin : end + 1])
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and len(found) == count else []


def as_json(answer: Any) -> str:
    """An answer as JSON, with its characters as they are."""
    return json.dumps(answer, ensure_ascii=False)


def default_cache() -> Path:
    """The file of answers in the user's cache folder; the folder is made."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "xner"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "answers.sqlite"


class AnswerCache:
    """A file of answers by model, instructions and question, for threads and processes."""

    def __init__(self, path: Path, model: str, prompt: str) -> None:
        """Open or create the file.

        Raises:
            UsageError: the file cannot be used.
        """
        self._made_by = json.dumps([model, prompt])
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, timeout=60, check_same_thread=False)
            with self._db:
                self._db.execute(
                    "create table if not exists answers (key blob primary key, answer text) "
                    "without rowid"
                )
        except sqlite3.Error as error:
            raise UsageError(
                f"{path}: cannot be used as a cache of answers ({error}); choose another file"
            ) from None

    def get(self, questions: Iterable[str]) -> dict[str, Any]:
        """The known answers by question."""
        found = {}
        with self._lock:
            for question in dict.fromkeys(questions):
                row = self._db.execute(
                    "select answer from answers where key = ?", (self._key(question),)
                ).fetchone()
                if row is not None:
                    found[question] = json.loads(row[0])
        return found

    def put(self, answers: dict[str, Any]) -> None:
        """Keep answers by question."""
        rows = [(self._key(q), as_json(a)) for q, a in answers.items()]
        with self._lock, self._db:
            self._db.executemany("insert or replace into answers values (?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _key(self, question: str) -> bytes:
        return hashlib.sha256(f"{self._made_by}\n{question}".encode()).digest()
