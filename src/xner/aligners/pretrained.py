"""Base class of aligners that compare the hidden states of a pretrained model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from xner._version import __version__
from xner.aligners.bitext import Bitext, Links
from xner.aligners.embedding import Extraction, align_by_states
from xner.aligners.encoder import Encoder, load_encoder
from xner.aligners.int8 import INT8, int8_hardware, load_int8_encoder
from xner.aligners.native import NativeAligner
from xner.aligners.units import Units, bitext_of, hard_links_of_tokens, units_of
from xner.inference.hardware import Hardware, find_hardware
from xner.inference.options import HardwareOptions, batch_tokens_option, precision_option
from xner.options import declare, like, option

_CPU_TOKENS = 512  # the states stay in the CPU's cache: twice as fast as 4,096
_CPU_HALF_TOKENS = 1_024
_GPU_TOKENS = 65_536


@declare
class Pretrained(HardwareOptions):
    """Options and model of every aligner that compares hidden states.

    The model runs in the given precision; states are compared in float32.
    """

    fitted: ClassVar[bool] = False
    random: ClassVar[bool] = False
    pivots: ClassVar[bool] = False

    model: str | Path = option(
        "bert-base-multilingual-cased", "Encoder checkpoint (hub id or folder).", unit="MODEL",
        names="model",
    )  # fmt: skip
    layer: int = option(
        8,
        "Layer whose hidden states are compared, counted from 1; later layers are not computed.",
        ge=1,
        unit="N",
        rare=True,
    )
    precision: str = precision_option(
        INT8,
        text="Precision of the model; int8 runs it in CTranslate2 (extra ctranslate2), on a CPU "
        "only.",
    )
    batch_tokens: int | None = batch_tokens_option(
        "both sides and padding included",
        f"{_CPU_TOKENS} on the CPU ({_CPU_HALF_TOKENS:,} in 16 bits), {_GPU_TOKENS:,} on a GPU",
    )
    units: Literal["words", "tokens"] = like(NativeAligner, "units")

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            UsageError: a value is out of range, or the device cannot be used.
            MissingExtraError: torch or transformers is not installed, or ctranslate2 for int8.
        """
        super().__post_init__()
        _ = self.hardware

    @cached_property
    def hardware(self) -> Hardware:
        """The workers and precision of the model; on a CPU, one worker per thread."""
        if self.precision == INT8:
            return int8_hardware(self.device)
        return find_hardware(self.device, self.precision).one_worker_per_thread()

    @cached_property
    def encoder(self) -> Encoder:
        """The model, loaded on first use."""
        loader = load_int8_encoder if self.precision == INT8 else load_encoder
        return loader(str(self.model), self.layer, self.hardware)

    @property
    def rule(self) -> Extraction:
        """How links are extracted from hidden states."""
        raise NotImplementedError

    @property
    def _usual_tokens(self) -> int:
        if self.hardware.kind != "cpu":
            return _GPU_TOKENS
        half = self.hardware.precision in ("bfloat16", "float16")
        return _CPU_HALF_TOKENS if half else _CPU_TOKENS

    def _signed(self, name: str, settings: str) -> str:
        units = "" if self.units == "words" else f",units:{self.units}"
        return (
            f"{name}({settings}{units},layer:{self.layer},model:{self.encoder.signature},"
            f"{self.hardware.signature},xner:{__version__})"
        )

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair; `progress` is called with the fraction done.

        A pair with an empty side has no links. Words without a subword in the model's
        vocabulary have none either, and a warning reports their number. Sides longer than the
        model's input limit are split into overlapping windows.

        Raises:
            InputError: the model cannot be loaded.
            UsageError: the model has fewer layers, or more bitext is given to fit on.
            ResourceError: a pair does not fit into a device's memory.
        """
        units = self.split(bitext)
        links = self.align_units(bitext_of(bitext, *units), progress)
        return hard_links_of_tokens(links, bitext, *units)

    def split(self, bitext: Bitext) -> tuple[Units | None, Units | None]:
        """Return the units of both sides; None where they are the tokens.

        Words are found sentence by sentence, so that a pair has the same links in any corpus.
        Tokens of several words are not split: an encoder knows a phrase by its subwords.
        """
        if self.units == "tokens":
            return None, None
        return units_of(bitext.source, split=False), units_of(bitext.target, split=False)

    def align_units(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair of a bitext of units; see `align`."""
        budget = self.batch_tokens or self._usual_tokens
        with self.hardware.running():
            return align_by_states(bitext, self.encoder, self.rule, budget, progress)
