"""How many target candidates each source entity may or must have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xner.errors import UsageError

_FORM = re.compile(r"\s*(<=|==|>=)\s*(\d+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Smallest and largest number of target candidates for each source entity.

    `str(constraint)` and `Constraint.parse` are inverses: `<=1` (the default), `==1`,
    `>=1`, `unlimited`.

    Attributes:
        at_least: fewest chosen candidates of every entity; default 0.
        at_most: most chosen candidates of every entity; None for no limit; default 1.
    """

    at_least: int = 0
    at_most: int | None = 1

    def __post_init__(self) -> None:
        if self.at_least < 0:
            raise UsageError(f"at_least is {self.at_least}; it cannot be negative")
        if self.at_most is not None and self.at_most < max(1, self.at_least):
            raise UsageError(
                f"at_most is {self.at_most}; it must be at least {max(1, self.at_least)}"
            )
        if self.at_least and self.at_most not in (None, self.at_least):
            raise UsageError(
                "at_least and at_most differ; choose at most n, exactly n, at least n or unlimited"
            )

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read `<=n`, `==n`, `>=n` (n at least 1) or `unlimited`.

        Raises:
            UsageError: the text is none of these.
        """
        if text.strip() == "unlimited":
            return cls(at_most=None)
        form = _FORM.fullmatch(text)
        if form is None or int(form[2]) < 1:
            raise UsageError(
                f"unknown constraint {text!r}; "
                "write '<=n', '==n' or '>=n' with n of at least 1, or 'unlimited'"
            )
        n = int(form[2])
        if form[1] == "<=":
            return cls(at_most=n)
        return cls(at_least=n, at_most=n if form[1] == "==" else None)

    def __str__(self) -> str:
        if not self.at_least:
            return "unlimited" if self.at_most is None else f"<={self.at_most}"
        return f">={self.at_least}" if self.at_most is None else f"=={self.at_least}"

    @property
    def always_feasible(self) -> bool:
        """Whether choosing nothing is allowed, that is, there is no lower limit."""
        return self.at_least == 0
