"""One frame of a film as an array, without losing a bit where it is grey or RGB.

Grey frames keep their codes. Of a Y'CbCr frame that shows a grey film, Y' alone is taken and, where it was of
limited range (ITU-R BT.601 §2.5.3), stretched to the full one. All other color becomes RGB of the same depth.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.film_library import library

Pixels = NDArray[Any]
"""H×W (grey) or H×W×3 (RGB), ``uint8`` or ``uint16``, codes 0 to 2^bits − 1."""

NEUTRAL = 6 / 255
"""Share of the range by which the chroma of a grey film may differ from neutral: compression's noise."""
_NEUTRAL_SHARE = 0.99
LIMITED = 1
"""FFmpeg's color range "MPEG"."""


def bits_of(pixel_format: Any) -> int:
    """Return the bits per sample of a PyAV format."""
    return max(int(component.bits) for component in pixel_format.components)


def is_read(pixel_format: Any) -> bool:
    """Return whether frames of this format can become arrays: no palette, no alpha, no mosaic, 8–16 bits."""
    parts = len(pixel_format.components)
    plain = not (pixel_format.has_palette or pixel_format.is_bit_stream or pixel_format.is_bayer)
    packed_yuv = parts == 3 and not pixel_format.is_rgb and not pixel_format.is_planar
    return plain and parts in (1, 3) and not packed_yuv and 8 <= bits_of(pixel_format) <= 16


def looks_grey(frame: Any) -> bool:
    """Return whether a frame shows no color beyond what compression leaves."""
    if len(frame.format.components) == 1:
        return True
    if frame.format.is_rgb:
        rgb = rgb_pixels(frame).astype(np.float32) / ((1 << bits_of(frame.format)) - 1)
        deviation = np.abs(rgb - rgb.mean(axis=2, keepdims=True)).max(axis=2)
    else:
        middle, top = 1 << (bits_of(frame.format) - 1), (1 << bits_of(frame.format)) - 1
        chroma = [_plane(frame, number).astype(np.float32) for number in (1, 2)]
        deviation = np.maximum(*(np.abs(plane - middle) / top for plane in chroma))
    return bool(np.quantile(deviation, _NEUTRAL_SHARE) <= NEUTRAL)


def grey_pixels(frame: Any, limited: bool) -> Pixels:
    """Return luminance (H×W) of a grey or Y'CbCr frame; of an RGB frame that shows grey, its green."""
    bits = bits_of(frame.format)
    if frame.format.is_rgb:
        return np.ascontiguousarray(rgb_pixels(frame)[..., 1])
    codes = _plane(frame, 0)
    if not limited:
        return codes
    black, white, top = 16 << (bits - 8), 235 << (bits - 8), (1 << bits) - 1
    stretched = (np.arange(top + 1) - black) * (top / (white - black))
    table = np.clip(np.round(stretched), 0, top).astype(codes.dtype)
    return np.asarray(table[codes])


def rgb_pixels(frame: Any) -> Pixels:
    """Return RGB (H×W×3) of a frame of any color model."""
    planar = {8: "gbrp", 9: "gbrp9le", 10: "gbrp10le", 12: "gbrp12le", 14: "gbrp14le", 16: "gbrp16le"}
    wanted = planar[bits_of(frame.format)]
    if frame.format.name != wanted:
        frame = frame.reformat(format=wanted)
    green, blue, red = (_plane(frame, number) for number in range(3))
    return np.stack([red, green, blue], axis=-1)


class FrameDigests:
    """md5 of frames as FFmpeg's framemd5 computes it: over their samples, rows without padding."""

    def __init__(self) -> None:
        self._encoder: Any = None
        self._shape: tuple[Any, ...] = ()

    def digest(self, frame: Any) -> str:
        """Return the hex digest of a frame."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            self._encoder = library().CodecContext.create("rawvideo", "w")
            self._encoder.width, self._encoder.height, self._encoder.pix_fmt = shape
            self._encoder.time_base = frame.time_base
            self._shape = shape
        digest = hashlib.md5(usedforsecurity=False)
        for packet in self._encoder.encode(frame):
            digest.update(packet)
        return digest.hexdigest()


def _plane(frame: Any, number: int) -> Pixels:
    plane, bits = frame.planes[number], bits_of(frame.format)
    order = ">" if frame.format.is_big_endian else "<"
    dtype = np.dtype(np.uint8) if bits == 8 else np.dtype(f"{order}u2")
    rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
    return rows[:, : plane.width].astype(np.uint8 if bits == 8 else np.uint16)
