"""The tags of a checkpoint, with labels renamed, dropped and merged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xner.errors import InputError, SchemeError, UsageError
from xner.schemes import parse_tag

_NAMELESS = re.compile(r"LABEL_\d+")


@dataclass(frozen=True, slots=True)
class Tagset:
    """The tag of each output of a model.

    Attributes:
        names: the distinct tags, in the order of their first output.
        of_output: int64 (outputs), index of the tag of each output.
    """

    names: tuple[str, ...]
    of_output: NDArray[np.int64]

    @classmethod
    def of(cls, outputs: Sequence[str], labels: Mapping[str, str | None] | None = None) -> Tagset:
        """Return the tags of a model's outputs.

        Args:
            outputs: names of the outputs: tags of any scheme, or plain labels (`PER` is read as
                `I-PER`: consecutive words are one entity).
            labels: new name of a label (`{"PERSON": "PER"}`) or of an output
                (`{"LABEL_1": "B-PER"}`); None drops it, so that its words are tagged `O`.

        Raises:
            UsageError: `labels` names a label that the model does not have.
            InputError: outputs have default names such as LABEL_0, or none is `O`.
        """
        wanted = dict(labels or {})
        _check_names(outputs, wanted)
        tags = [_tag(output, wanted) for output in outputs]
        if "O" not in tags:
            raise InputError(
                f"the model has no tag O, only {_listed(outputs)}; drop the label that means no "
                f"entity, as in labels={{{outputs[0]!r}: None}} (--label {outputs[0]}=)"
            )
        names = tuple(dict.fromkeys(tags))
        return cls(names, np.array([names.index(tag) for tag in tags], np.int64))

    def merged(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum probabilities of outputs (words x outputs) to those of tags (words x tags)."""
        if len(self.names) == len(self.of_output):
            return outputs
        summed = np.zeros((len(outputs), len(self.names)), np.float32)
        for output, tag in enumerate(self.of_output):
            summed[:, tag] += outputs[:, output]
        return summed


def _check_names(outputs: Sequence[str], wanted: Mapping[str, str | None]) -> None:
    known = {*outputs, *(_split(output)[1] for output in outputs)} - {""}
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"labels renames {name!r}, which the model does not have; it has {_listed(outputs)}"
            )
    nameless = [o for o in outputs if _NAMELESS.fullmatch(o) and o not in wanted]
    if nameless:
        raise InputError(
            f"the model has labels without a meaning: {_listed(nameless)}; rename them, as in "
            f"labels={{'LABEL_0': 'O', 'LABEL_1': 'B-PER'}} (--label LABEL_1=B-PER)"
        )


def _tag(output: str, wanted: Mapping[str, str | None]) -> str:
    """Return the tag of an output."""
    if output in wanted:
        new = wanted[output]
        return "-".join(part for part in _split(new) if part) if new else "O"
    prefix, label = _split(output)
    if not label:
        return "O"
    new = wanted.get(label, label)
    return f"{prefix}-{new}" if new and new != "O" else "O"


def _split(name: str) -> tuple[str, str]:
    """Return prefix and label of a tag; a plain label has the prefix I."""
    try:
        parse_tag(name)
    except SchemeError:
        return "I", name
    prefix, _, label = name.partition("-")
    return prefix, label


def _listed(names: Sequence[str]) -> str:
    more = f" … ({len(names)} in total)" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more
