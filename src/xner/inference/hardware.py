"""Which devices run a model, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xner.errors import UsageError
from xner.inference.packages import require_models
from xner.kernels.blocks import wanted_threads

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Hardware:
    """Devices that work side by side, one copy of the model on each.

    Attributes:
        devices: names as torch has them, such as `cuda:0`.
        precision: of weights and activations: `float32`, `bfloat16` or `float16`.
    """

    devices: tuple[str, ...]
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        """The precision as torch has it."""
        import torch

        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    @property
    def signature(self) -> str:
        """What of the hardware shows in results: kind and precision, not the number of devices."""
        return f"{self.devices[0].partition(':')[0]}/{self.precision}"


def find_hardware(device: str = "auto", precision: str = "auto") -> Hardware:
    """The hardware that was asked for.

    Args:
        device: `auto` takes every GPU, else the CPU; or names with commas between them, such as
            `cpu`, `cuda`, `cuda:0,cuda:1`, `mps`.
        precision: `auto` is bfloat16 on a GPU that has it, float16 on one that has not, and
            float32 elsewhere.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        UsageError: there is no such device or precision.
    """
    require_models()
    if precision not in PRECISIONS:
        raise UsageError(f"precision is {precision!r}; choose one of {', '.join(PRECISIONS)}")
    devices = _all_devices() if device == "auto" else _named(device)
    _limit_threads()
    return Hardware(devices, _fitting(devices[0]) if precision == "auto" else precision)


def _limit_threads() -> None:
    """Have torch use as many threads on the CPU as xner was told to use."""
    import torch

    if (wanted := wanted_threads()) is not None:
        torch.set_num_threads(wanted)


def _all_devices() -> tuple[str, ...]:
    import torch

    if torch.cuda.is_available():
        return tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))
    return ("mps",) if torch.backends.mps.is_available() else ("cpu",)


def _named(names: str) -> tuple[str, ...]:
    import torch

    for name in names.split(","):
        try:
            torch.empty(0, device=name.strip())
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"device {name.strip()!r} cannot be used ({reason}); choose auto, cpu, or one that "
                f"torch sees"
            ) from None
    kinds = {name.strip().partition(":")[0] for name in names.split(",")}
    if len(kinds) > 1:
        raise UsageError(f"devices {names!r} are of {len(kinds)} kinds; name devices of one kind")
    return tuple(name.strip() for name in names.split(","))


def _fitting(device: str) -> str:
    import torch

    if not device.startswith("cuda"):
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
