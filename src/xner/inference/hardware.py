"""The devices that run a model, and its precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xner.errors import UsageError
from xner.inference.options import PRECISIONS
from xner.inference.packages import require_models
from xner.kernels.blocks import wanted_threads

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hardware:
    """Devices that work in parallel, each with a copy of the model.

    Attributes:
        devices: torch device names, such as `cuda:0`, one for each worker.
        precision: precision of weights and activations: `float32`, `bfloat16` or `float16`; or
            `int8`, for what does not run in torch.
    """

    devices: tuple[str, ...]
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        """The precision as a torch type."""
        import torch

        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    @property
    def signature(self) -> str:
        """Kind of device and precision, which can change results; the number of devices cannot."""
        return f"{self.kind}/{self.precision}"

    @property
    def kind(self) -> str:
        """Kind of the devices: `cpu`, `cuda` or `mps`."""
        return self.devices[0].partition(":")[0]

    def place(self, model: Any) -> tuple[Any, ...]:
        """Return a model for each device; workers on the same device share one copy."""
        first, *others = dict.fromkeys(self.devices)
        copies = {device: deepcopy(model).to(device) for device in others}
        copies[first] = model.to(first)
        return tuple(copies[device] for device in self.devices)

    def one_worker_per_thread(self) -> Hardware:
        """Return the hardware with one worker for each thread that torch may use, on a CPU.

        Workers run batches side by side, which takes less time than several threads in each
        matrix product, and gives the same result for any number of threads.
        """
        import torch

        if self.devices != ("cpu",):
            return self
        return replace(self, devices=self.devices * torch.get_num_threads())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let torch use one thread in each worker inside the `with` block, if several share a CPU.

        Threads that exist already keep their number of threads.
        """
        import torch

        before = torch.get_num_threads()
        if self.kind == "cpu" and len(self.devices) > 1:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def host_tensor(self, array: NDArray[np.int64]) -> torch.Tensor:
        """Return an array as a tensor on the host, in pinned memory if a GPU reads it."""
        import torch

        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if self.kind == "cuda" else tensor


def find_hardware(device: str = "auto", precision: str = "auto") -> Hardware:
    """Return the hardware that `HardwareOptions` describe.

    Args:
        device: `auto` for every GPU, or the CPU if there is none; or names separated by commas,
            such as `cpu`, `cuda`, `cuda:0,cuda:1` or `mps`.
        precision: `auto` is bfloat16 on GPUs that support it, float16 on other CUDA GPUs, and
            float32 elsewhere.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        UsageError: the device or precision is unknown or cannot be used.
    """
    require_models()
    if precision not in PRECISIONS:
        raise UsageError(f"precision is {precision!r}; choose one of {', '.join(PRECISIONS)}")
    devices = _all_devices() if device == "auto" else _named_devices(device)
    _limit_threads()
    return Hardware(devices, _best_precision(devices[0]) if precision == "auto" else precision)


def _limit_threads() -> None:
    """Limit the CPU threads of torch to the number that xner may use."""
    import torch

    if (wanted := wanted_threads()) is not None:
        torch.set_num_threads(wanted)


def _all_devices() -> tuple[str, ...]:
    import torch

    if torch.cuda.is_available():
        return tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))
    return ("mps",) if torch.backends.mps.is_available() else ("cpu",)


def _named_devices(names: str) -> tuple[str, ...]:
    import torch

    for name in names.split(","):
        try:
            torch.empty(0, device=name.strip())
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"device {name.strip()!r} cannot be used ({reason}); choose auto, cpu, or a "
                f"device that torch can use"
            ) from None
    kinds = {name.strip().partition(":")[0] for name in names.split(",")}
    if len(kinds) > 1:
        raise UsageError(f"devices {names!r} are of {len(kinds)} kinds; name devices of one kind")
    return tuple(name.strip() for name in names.split(","))


def _best_precision(device: str) -> str:
    import torch

    if not device.startswith("cuda"):
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
