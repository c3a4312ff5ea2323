"""Parsing of Pharaoh links (`i-j`, `i-j:weight`) from bytes."""

import numpy as np

from xner.kernels.jit import inner, kernel
from xner.kernels.records import Flags, Float32, Int32

_SPACE, _TAB, _NEWLINE = 32, 9, 10
_DASH, _COLON, _DOT, _PLUS, _E, _SMALL_E = 45, 58, 46, 43, 69, 101
_LARGEST = 2**31 - 1


@inner
def read_int(text, at):
    """Read digits from `at`; returns (value or -1, next position)."""
    value, begin = 0, at
    while at < len(text) and 48 <= text[at] <= 57:
        value = value * 10 + int(text[at]) - 48
        if value > _LARGEST:
            return -1, at
        at += 1
    return (value if at > begin else -1), at


@inner
def read_weight(text, at):
    """Read a decimal number such as `1`, `.25` or `3e-05`; returns (value or -1, position)."""
    digits, scale, seen, fraction = 0.0, 0, False, False
    while at < len(text):
        byte = text[at]
        if 48 <= byte <= 57:
            seen = True
            digits = digits * 10.0 + (int(byte) - 48)
            scale -= fraction
        elif byte == _DOT and not fraction:
            fraction = True
        else:
            break
        at += 1
    if not seen:
        return -1.0, at
    if at < len(text) and (text[at] == _E or text[at] == _SMALL_E):
        at += 1
        sign = 1
        if at < len(text) and (text[at] == _DASH or text[at] == _PLUS):
            sign = -1 if text[at] == _DASH else 1
            at += 1
        exponent, at = read_int(text, at)
        if exponent < 0 or exponent > 300:
            return -1.0, at
        scale += sign * exponent
    # One division or product by an exact power of ten keeps float32 weights to the last bit.
    if scale < 0:
        return digits / 10.0 ** (-scale), at
    return digits * 10.0**scale, at


@kernel
def parse_links(
    text: Flags, offsets: Int32, source: Int32, target: Int32, weight: Float32
) -> tuple[int, np.int64]:
    """Read the links of all lines.

    Args:
        text: uint8 (n), whole lines, each ending with a newline.
        offsets: int32 (lines + 1), written: first link of each line.
        source, target: int32; weight: float32; written; as long as there are dashes in `text`.

    Returns:
        (links, -1), or (links, position of the first byte that is wrong).
    """
    n, line, at = 0, 0, np.int64(0)
    offsets[0] = 0
    while at < len(text):
        byte = text[at]
        if byte == _NEWLINE:
            line += 1
            offsets[line] = n
            at += 1
        elif byte in (_SPACE, _TAB):
            at += 1
        else:
            begin = at
            i, at = read_int(text, at)
            if i < 0 or at >= len(text) or text[at] != _DASH:
                return n, begin
            j, at = read_int(text, at + 1)
            if j < 0:
                return n, begin
            w = 1.0
            if at < len(text) and text[at] == _COLON:
                w, at = read_weight(text, at + 1)
            if w < 0.0 or (text[at] != _SPACE and text[at] != _TAB and text[at] != _NEWLINE):
                return n, begin
            source[n], target[n], weight[n] = i, j, np.float32(w)
            n += 1
    return n, np.int64(-1)
