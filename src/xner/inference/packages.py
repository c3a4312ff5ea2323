"""The packages of the extra `models`, asked for by name before they are used."""

from __future__ import annotations

from importlib.util import find_spec

from xner.errors import MissingExtraError

EXTRA = "models"


def require_models(*more: str) -> None:
    """Check that torch and transformers are there, and `more` packages of the same extra.

    Raises:
        MissingExtraError: one is not; the message is the pip line.
    """
    for package in ("torch", "transformers", *more):
        if find_spec(package) is None:
            raise MissingExtraError(package, EXTRA)
