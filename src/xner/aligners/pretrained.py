"""What aligners with a pretrained model have in common: the model, and where it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from xner._version import __version__
from xner.aligners.bitext import Bitext, Links
from xner.aligners.embedding import Extraction, align_by_states
from xner.aligners.encoder import Encoder, load_encoder
from xner.errors import UsageError
from xner.inference.hardware import Hardware, find_hardware

MODEL = "bert-base-multilingual-cased"
_TOKENS = {"cpu": 512}  # what stays in a cache: twice as fast as 4,096
_TOKENS_OF_A_GPU = 65536


@dataclass(frozen=True)
class Pretrained:
    """Options of every aligner with a pretrained model.

    Attributes:
        model: hub id of an encoder, or a folder that `save_pretrained` wrote.
        layer: whose states are compared, counted from 1; later ones are not computed.
        device: `auto`, or names with commas between them; see `find_hardware`.
        precision: `auto`, `float32`, `bfloat16` or `float16`, of the model; states are compared
            in float32.
        batch_tokens: most tokens of a batch, both sides and padding included; by default 512 on
            a CPU and 65,536 elsewhere.
    """

    model: str = MODEL
    layer: int = 8
    device: str = "auto"
    precision: str = "auto"
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            UsageError: a value makes no sense, or there is no such device.
            MissingExtraError: torch or transformers is not installed.
        """
        for name in ("layer", "batch_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; it must be at least 1")
        _ = self.hardware

    @cached_property
    def hardware(self) -> Hardware:
        """Where the model runs."""
        return find_hardware(self.device, self.precision)

    @cached_property
    def encoder(self) -> Encoder:
        """The model, loaded when it is first needed."""
        return load_encoder(str(self.model), self.layer, self.hardware)

    @property
    def rule(self) -> Extraction:
        """What makes links of states."""
        raise NotImplementedError

    def _signed(self, name: str, settings: str) -> str:
        return (
            f"{name}({settings},layer:{self.layer},model:{self.encoder.signature},"
            f"{self.hardware.signature},xner:{__version__})"
        )

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Links of every pair; `progress` is called with the share that is done.

        A pair with an empty side has none. Words of which the model sees no subword have none
        either, and a warning counts them. Sides that are longer than the model's window go
        through it in overlapping windows.

        Raises:
            InputError: the model cannot be loaded.
            UsageError: it has fewer layers, or there is bitext to learn from.
            ResourceError: a pair does not fit into a device's memory.
        """
        kind = self.hardware.devices[0].partition(":")[0]
        budget = self.batch_tokens or _TOKENS.get(kind, _TOKENS_OF_A_GPU)
        return align_by_states(bitext, self.encoder, self.rule, budget, progress)
