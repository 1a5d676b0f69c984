"""One frame of a film and its color: L* at the network's scale, cells of color, and the frame at full size.

What the network says of a frame fits into cells a quarter of its scale, which is where it answers; the guided
filter carries the cells to every pixel, as it does for photographs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from colorization import guided_filter
from colorization.fullscale import colored_strips
from colorization.gigapixel import Predictor, predict_global
from colorization.hints import Hint
from colorization.models import ColorModel
from colorization.recoloring import Recoloring, recolor_without_network
from colorization.working import resized, size_at
from imaging.film_pixels import Pixels
from imaging.lab import XYZ_FROM_RGB, decode_srgb, encode_srgb, grey_to_lightness

Array = NDArray[np.float32]

_TOLD = 0.95
"""Confidence of what a person said: sources err, too."""


@dataclass(frozen=True)
class FrameSize:
    """The sizes at which a film is seen.

    Parameters
    ----------
    width, height
        Of the network's view, px.
    """

    width: int
    height: int

    @classmethod
    def of(cls, width: int, height: int, preferred: int) -> FrameSize:
        """Return the sizes for frames of `width` × `height` px and a network that prefers a long side."""
        return cls(*size_at(width, height, preferred))

    @property
    def cells(self) -> tuple[int, int]:
        """Width and height in cells of color."""
        return -(-self.width // guided_filter.STRIDE), -(-self.height // guided_filter.STRIDE)


def full_range(pixels: Pixels, bits: int) -> Pixels:
    """Return codes of `bits` as codes of all 8 or all 16 bits."""
    if bits in (8, 16):
        return pixels
    codes = np.round(np.arange(1 << bits) * (65535 / ((1 << bits) - 1))).astype(np.uint16)
    return np.asarray(codes[pixels])


def lightness_at(pixels: Pixels, size: FrameSize) -> Array:
    """Return L* (h×w, 0–100) of a frame of all 8 or 16 bits at the network's scale."""
    small = cv2.resize(pixels, (size.width, size.height), interpolation=cv2.INTER_AREA)
    shares = (np.asarray(small, np.float32) / np.float32(np.iinfo(pixels.dtype).max)).astype(np.float32)
    if shares.ndim == 3:
        luminance = decode_srgb(shares) @ XYZ_FROM_RGB[1].astype(np.float32)
        shares = encode_srgb(np.clip(luminance, 0, 1))
    return grey_to_lightness(shares)


def seen(predictor: Predictor, lightness: Array, size: FrameSize, hints: Sequence[Hint] = ()) -> Array:
    """Return what the network says of a frame, in cells: h×w×3, a*, b* and confidence (0–1).

    Hints hold as they do in photographs.
    """
    painting = predict_global(predictor, lightness, max(lightness.shape))
    chroma, confidence = painting.chroma, painting.confidence
    if hints:
        if isinstance(predictor, ColorModel):
            recolored = Recoloring.prepare(predictor, lightness, chroma).recolor(hints)
        else:
            recolored = recolor_without_network(lightness, chroma, hints)
        chroma = recolored.chroma
        share = resized(recolored.influence, *reversed(confidence.shape))
        confidence = confidence + share * np.maximum(_TOLD - confidence, 0)
    planes = (*chroma, np.asarray(confidence, np.float32))
    return np.dstack([cv2.resize(plane, size.cells, interpolation=cv2.INTER_AREA) for plane in planes])


def colored(pixels: Pixels, lightness: Array, cells: Array, bits: int) -> Pixels:
    """Return a frame (H×W×3, 8 or 16 bits) with the color of cells; its L* is that of `pixels`.

    Parameters
    ----------
    pixels
        H×W or H×W×3, all 8 or 16 bits.
    lightness
        h×w, L* of the same frame at the network's scale.
    cells
        As `seen` returns them.
    bits
        8 or 16.
    """
    coefficients = guided_filter.fit(lightness, np.moveaxis(cells[..., :2], -1, 0))
    height, width = pixels.shape[:2]
    bands = 1 if pixels.ndim == 2 else pixels.shape[2]
    samples = "uchar" if pixels.dtype == np.uint8 else "ushort"
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels).data, width, height, bands, samples)
    return np.concatenate(list(colored_strips(image, coefficients, bits)))
