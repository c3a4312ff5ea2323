"""Students: taggers that are fine-tuned, distilled and self-trained on projected labels."""

from __future__ import annotations

from importlib.util import find_spec

from xner.errors import MissingExtraError

EXTRA = "train"


def require_training() -> None:
    """Check that the packages of the extra `train` are there.

    Raises:
        MissingExtraError: one is not; the message is the pip line.
    """
    for package in ("torch", "transformers", "accelerate"):
        if find_spec(package) is None:
            raise MissingExtraError(package, EXTRA)
