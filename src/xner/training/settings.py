"""How a student is made and trained."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any

from xner.errors import UsageError


@dataclass(frozen=True, slots=True)
class Size:
    """Width, layers and heads of an encoder made from scratch, and its default learning rate."""

    width: int
    layers: int
    heads: int
    rate: float


SIZES = {"small": Size(128, 2, 4, 2e-3), "medium": Size(384, 6, 6, 5e-4)}
"""Students that are made without a download (`xner.training.scratch`)."""

_WHOLE = ("epochs", "batch_size", "patience", "window", "vocabulary", "seed")
_REAL = ("learning_rate", "warmup", "weight_decay", "masked")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a student is made and trained; every number is fixed before training begins.

    Attributes:
        base: encoder or tagger that training starts from, hub id or folder.
        from_scratch: size of a student made anew instead, `small` or `medium`.
        epochs: most passes over the sentences.
        batch_size: sentences of a step.
        learning_rate: at its peak, after the warm-up; it falls linearly to 0. Default 5e-5, and
            that of `SIZES` from scratch.
        warmup: share of the steps in which the rate rises.
        weight_decay: of AdamW.
        masked: share of subwords hidden from the student in training. Default 0, and 0.2 from
            scratch.
        patience: epochs without a better F1 on the dev set after which training ends.
        window: most subwords of a piece; longer sentences are read in several.
        vocabulary: subwords of a tokenizer made anew.
        seed: of the weights, the order of sentences, dropout and masking.
        device: as for `xner.inference.hardware.find_hardware`; training uses the first.
        precision: likewise; on a GPU weights stay float32 and steps are mixed.
    """

    base: str | None = None
    from_scratch: str | None = None
    epochs: int = 5
    batch_size: int = 32
    learning_rate: float | None = None
    warmup: float = 0.1
    weight_decay: float = 0.01
    masked: float | None = None
    patience: int = 3
    window: int = 256
    vocabulary: int = 8000
    seed: int = 1
    device: str = "auto"
    precision: str = "auto"

    @classmethod
    def of(cls, options: dict[str, Any]) -> Settings:
        """Settings by name; None stands for the default.

        Raises:
            UsageError: an option is unknown, or its value makes no sense.
        """
        known = {field.name for field in fields(cls)}
        for name in options:
            if name not in known:
                raise UsageError(f"unknown option {name!r}; known are {', '.join(sorted(known))}")
        if (base := options.get("base")) is not None:
            options = {**options, "base": str(base)}
        made = cls(**{name: value for name, value in options.items() if value is not None})
        made._check()
        return made

    def _check(self) -> None:
        if (self.base is None) == (self.from_scratch is None):
            raise UsageError(
                "name the model to start from, base=ID_OR_FOLDER, or from_scratch='small' to "
                "make one; one of the two"
            )
        if self.from_scratch not in (None, *SIZES):
            raise UsageError(f"from_scratch is {self.from_scratch!r}; choose {', '.join(SIZES)}")
        self._check_kinds()
        for name, least in (
            ("epochs", 1), ("batch_size", 1), ("patience", 1), ("window", 8), ("vocabulary", 100),
            ("seed", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("warmup", "masked"):
            share = getattr(self, name)
            if share is not None and not 0 <= share < 1:
                raise UsageError(f"{name} is {share}; it is a share, from 0 to below 1")
        for name in ("learning_rate", "weight_decay"):
            number = getattr(self, name)
            if number is not None and not (math.isfinite(number) and number >= 0):
                raise UsageError(f"{name} is {number}; it is a number from 0 up")

    def _check_kinds(self) -> None:
        for names, kind, said in ((_WHOLE, Integral, "a whole number"), (_REAL, Real, "a number")):
            for name in names:
                value = getattr(self, name)
                if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
                    raise UsageError(f"{name} is {value!r}; it must be {said}")

    @property
    def rate(self) -> float:
        """The learning rate that is used."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 5e-5 if self.from_scratch is None else SIZES[self.from_scratch].rate

    @property
    def hidden(self) -> float:
        """The share of masked subwords that is used."""
        if self.masked is not None:
            return self.masked
        return 0.0 if self.from_scratch is None else 0.2

    def as_dict(self) -> dict[str, Any]:
        """What decides the student; `device` does not."""
        told = {**asdict(self), "learning_rate": self.rate, "masked": self.hidden}
        return {name: value for name, value in told.items() if name != "device"}
