"""Hidden states of teachers, which a student can learn in addition to their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner.errors import UsageError
from xner.inference.checkpoints import load
from xner.inference.hardware import find_hardware
from xner.training.examples import Float32, offsets_from
from xner.training.options import SIZES, DistillOptions


@dataclass(frozen=True)
class Shape:
    """Number of layers and width of an encoder."""

    layers: int
    width: int


def student_shape(options: DistillOptions) -> Shape:
    """The shape of the student; checks that the layers to learn are layers that it trains.

    Raises:
        UsageError: a layer is frozen, or the student does not have it.
    """
    if options.from_scratch is not None:
        size = SIZES[options.from_scratch]
        shape = Shape(size.layers, size.width)
    else:
        shape = _shape(str(options.base))
    lowest = 1 + (options.frozen or 0)
    for layer in options.layers:
        if not lowest <= layer <= shape.layers:
            raise UsageError(
                f"layers has {layer}, but the student trains the layers {lowest} to {shape.layers}"
            )
    return shape


def teacher_states(
    model: str, sentences: Sequence[Sequence[str]], student: Shape, options: DistillOptions
) -> Float32:
    """The teacher's hidden states of the layers to learn, at the first subword of each word.

    For layer l of a student with L layers, this is layer round(l · M / L) of the M layers of the
    teacher.

    Returns:
        float32 (W x layers * width); 0 for words without a subword.

    Raises:
        InputError: the teacher cannot be loaded.
        UsageError: the hidden states of teacher and student differ in size.
    """
    from transformers import AutoModel

    from xner.tagging.subwords import Subwords
    from xner.training.encoding import encoded

    own = _shape(model)
    if own.width != student.width:
        raise UsageError(
            f"layers needs teachers as wide as the student, whose hidden states have "
            f"{student.width} numbers; those of {model} have {own.width}; leave out layers"
        )
    layers = [round(layer * own.layers / student.layers) for layer in options.layers]
    subwords = Subwords(model)
    found = subwords.pieces(sentences, min(options.window, subwords.limit))
    pieces = [piece for windows in found for piece in windows]
    begins = np.repeat(offsets_from(sentences)[:-1], [len(windows) for windows in found])
    states = np.zeros((sum(map(len, sentences)), len(layers), own.width), np.float32)
    encoder = load(AutoModel, model, "teacher")
    hardware = find_hardware(options.device, options.precision)
    more = {"output_hidden_states": True}
    for rows, output in encoded(encoder, pieces, subwords.filler, hardware, **more):
        of_batch = np.stack(
            [output.hidden_states[layer].float().cpu().numpy() for layer in layers], 2
        )
        for i, of_piece in zip(rows, of_batch, strict=True):
            states[begins[i] + pieces[i].words] = of_piece[pieces[i].places]
    return states.reshape(len(states), -1)


def _shape(model: str) -> Shape:
    from transformers import AutoConfig

    config: Any = load(AutoConfig, model, "model")
    return Shape(config.num_hidden_layers, config.hidden_size)


def split_layers(states: Float32, layers: int) -> NDArray[np.float16]:
    """Hidden states (W x layers * width) as float16 (W x layers x width), to save memory."""
    return states.reshape(len(states), layers, -1).astype(np.float16)
