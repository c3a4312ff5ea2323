"""Options that every model has. Importing this module does not import torch."""

from __future__ import annotations

from typing import Any

from xner.options import Checked, declare, option

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@declare
class DeviceOptions(Checked):
    """The device of a model."""

    device: str = option(
        "auto",
        "Devices, such as cpu or cuda:0,cuda:1. `auto` uses every GPU, or the CPU if there is "
        "none.",
        unit="NAMES",
        group="model",
    )


def precision_option(
    *more: str, text: str = "Floating-point precision of the model.", **declared: Any
) -> Any:
    """Declare `precision`.

    Args:
        *more: further precisions that the kind of model can run in.
        text: help text.
        **declared: further fields of `xner.options.Option`.
    """
    return option(
        "auto",
        text,
        choices=(*PRECISIONS, *more),
        default_text="auto: bfloat16 or float16 on a GPU, float32 elsewhere",
        group="model",
        rare=True,
        **declared,
    )


@declare
class HardwareOptions(DeviceOptions):
    """Device and precision of a model; the options of every neural model inherit from it."""

    precision: str = precision_option()


def batch_tokens_option(counted: str, default_text: str) -> Any:
    """Declare `batch_tokens`, whose default depends on the kind of model and on the device.

    Args:
        counted: what counts as a token, such as `padding included`.
        default_text: the default on each kind of device.
    """
    text = f"Maximum number of tokens per batch, {counted}."
    return option(None, text, ge=1, unit="N", default_text=default_text, group="model", rare=True)
