"""Students: taggers that are fine-tuned, distilled or self-trained on projected labels."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from xner.errors import MissingExtraError

EXTRA = "train"
Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""


def silent(stage: str, share: float) -> None:
    """Report no progress."""


def require_training() -> None:
    """Check that the packages of the extra `train` are installed.

    Raises:
        MissingExtraError: a package is missing; the message has the pip command.
    """
    for package in ("torch", "transformers", "accelerate"):
        if find_spec(package) is None:
            raise MissingExtraError(package, EXTRA)
