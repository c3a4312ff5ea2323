"""Requests to an OpenAI-compatible service: retries, waits, and what they cost."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from xner._version import __version__
from xner.errors import ServiceError, UsageError
from xner.services.options import ServiceOptions

_AGAIN = {408, 409, 425, 429}
"""Status codes, in addition to those of 500 and more, after which a request is repeated."""
_LONGEST_WAIT, _LONGEST_ASKED = 60.0, 600.0
"""Maximum seconds between two attempts: by default, and if the service asks for more."""
_SHOWN = 200
"""Characters of an error message of a service that are shown."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would pass the key on to another address."""

    def redirect_request(self, *args: Any) -> None:
        return None


def checked_address(address: str | None) -> str:
    """Return the address of a service.

    Raises:
        UsageError: it is missing, is none of http or https, or holds a password.
    """
    if address is None:
        raise UsageError("address is missing; give that of a service, such as http://host/v1")
    found = urlsplit(address)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise UsageError(f"address is {address!r}; it must begin with http:// or https://")
    if found.username or found.password:
        raise UsageError(
            "address holds a user name or password, which would be shown in signatures; put the "
            "key into an environment variable (key_variable)"
        )
    return address


class Service:
    """A chat model behind an address. Its methods may be called from several threads.

    Attributes:
        usage: counts of requests, retries, input_tokens and output_tokens.
        noted: questions with a usable answer and without one (see `note`).
    """

    def __init__(self, options: ServiceOptions, model: str) -> None:
        """Use the model of that name.

        Raises:
            UsageError: the address is missing, or is none of http or https.
        """
        address = checked_address(options.address)
        self.model, self.host = model, urlsplit(address).netloc
        self.usage: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()
        self._stopped = threading.Event()
        self._failure: ServiceError | None = None
        self._url = f"{address.rstrip('/')}/chat/completions"
        self._options = options
        self._key = os.environ.get(options.key_variable, "")
        # Without randomness, until the service says that its model takes no temperature.
        self._sampling: dict[str, float] = {"temperature": 0}
        self._open = urllib.request.build_opener(_NoRedirect).open
        self._lock = threading.Lock()

    def ask(self, instructions: str, question: str) -> str:
        """Return the answer to a question.

        Raises:
            ServiceError: the service refuses the request, or fails in every attempt. Later calls
                raise it too, until `restart`.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._ask(instructions, question)
        except ServiceError as error:
            raise self._first(error) from None

    def _ask(self, instructions: str, question: str) -> str:
        messages = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": question},
        ]
        sampling = self._sampling
        body = {"model": self.model, "messages": messages, **sampling}
        for attempt in range(self._options.retries + 1):
            wait = min(2.0**attempt, _LONGEST_WAIT) * random.uniform(0.5, 1.0)
            try:
                return self._answer(self._post(json.dumps(body).encode()))
            except urllib.error.HTTPError as error:
                fault = f"status {error.code}{self._message(error)}"
                if error.code == 400 and sampling and "temperature" in fault:
                    self._sampling = {}
                    self.count(retries=1)
                    return self._ask(instructions, question)
                if error.code < 500 and error.code not in _AGAIN:
                    raise ServiceError(f"{self._url} refuses the request: {fault}") from None
                asked = _asked_wait(error.headers.get("Retry-After"))
                wait = min(asked, _LONGEST_ASKED) or wait
            except (OSError, http.client.HTTPException, ValueError) as error:
                fault = f"{type(error).__name__}: {error}"
            if attempt < self._options.retries:
                self.count(retries=1)
                self._pause(wait)
        raise ServiceError(
            f"{self._url} failed in {self._options.retries + 1} attempts, the last time with "
            f"{fault}; answers so far are kept, so the same command continues"
        )

    def _first(self, error: ServiceError) -> ServiceError:
        """The first failure, which ends the requests of other threads."""
        with self._lock:
            if self._failure is None:
                self._failure = error
        self.stop()
        return self._failure

    def restart(self) -> None:
        """Forget earlier failures."""
        self._failure = None
        self._stopped.clear()

    def stop(self) -> None:
        """End the waits between attempts: no answer is needed any more."""
        self._stopped.set()

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "User-Agent": f"xner/{__version__}"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self._url, body, headers)
        self.count(requests=1)
        with self._open(request, timeout=self._options.timeout) as answer:
            found: bytes = answer.read()
            return found

    def _answer(self, body: bytes) -> str:
        """The text of an answer; its tokens are counted.

        Raises:
            ValueError: it does not have the form of an answer.
        """
        found = json.loads(body)
        try:
            text = found["choices"][0]["message"]["content"]
            used = found.get("usage") or {}
            tokens = [int(used.get(f"{kind}_tokens") or 0) for kind in ("prompt", "completion")]
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ValueError("the answer has no choices[0].message.content") from None
        self.count(input_tokens=tokens[0], output_tokens=tokens[1])
        return text if isinstance(text, str) else ""

    def count(self, **numbers: int) -> None:
        """Add to the counts of `usage`."""
        with self._lock:
            self.usage.update(numbers)

    def note(self, **numbers: int) -> None:
        """Add to the counts of `noted`, which are not part of reports."""
        with self._lock:
            self.noted.update(numbers)

    def _pause(self, seconds: float) -> None:
        """Wait for the next attempt, unless the service is not needed any more."""
        if self._stopped.wait(seconds):
            raise ServiceError(f"{self._url}: stopped")

    def _message(self, error: urllib.error.HTTPError) -> str:
        """The message of a refusal, without the key."""
        try:
            text = error.read().decode("utf-8", "replace")
        except OSError:
            return ""
        text = text.replace(self._key, "…") if self._key else text
        hint = "" if self._key else f"; {self._options.key_variable} is not set"
        return f" ({' '.join(text.split())[:_SHOWN]}{hint if error.code in (401, 403) else ''})"


def _asked_wait(header: str | None) -> float:
    """The seconds that the header Retry-After asks for; 0 if it asks for nothing."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
