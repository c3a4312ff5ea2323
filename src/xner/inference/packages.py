"""Checks for the packages of the extra `models`."""

from __future__ import annotations

from importlib.util import find_spec

from xner.errors import MissingExtraError

EXTRA = "models"


def require_models(*more: str) -> None:
    """Check that torch, transformers and `more` packages of the extra are installed.

    Raises:
        MissingExtraError: a package is missing; the message says how to install it.
    """
    for package in ("torch", "transformers", *more):
        if find_spec(package) is None:
            raise MissingExtraError(package, EXTRA)
