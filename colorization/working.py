"""The working scale: how large the network sees a photograph, and its L* at that size.

Color needs no finer scale than the finest detail whose tone differs from its surroundings: what is below
grain can carry no color of its own.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.lab import XYZ_FROM_RGB, decode_srgb, encode_srgb, grey_to_lightness
from imaging.scan import ScanLimits, decoding, open_scan

Array = NDArray[np.float32]

_LEAST_DETAIL = 2.0
"""L* units by which detail must differ from its surroundings."""
_GRAIN_FACTOR = 4.0
"""Detail must also differ by so many standard deviations of the grain."""
_LEAST_SHARE = 0.004
"""Share of the picture that must hold such detail to be worth twice the scale."""
_COARSEST = 256


def size_at(width: int, height: int, long_side: int) -> tuple[int, int]:
    """Return width and height with the longer side reduced to `long_side` px; never enlarged, never 0."""
    scale = min(1.0, long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def read_lightness(path: Path, size: tuple[int, int], limits: ScanLimits, page: int = 0) -> Array:
    """Read L* (h×w, 0–100) of a scan at a reduced size in one pass from top to bottom.

    Raises
    ------
    ScanError
        When the scan cannot be read.
    """
    width, height = size
    with decoding(path):
        image = open_scan(path, limits=limits, page=page, sequential=True)
        top = 65535 if image.format == "ushort" else 255
        if (width, height) != (image.width, image.height):
            image = image.resize(width / image.width, vscale=height / image.height)
        pixels = (image.numpy() / top).astype(np.float32)
    if pixels.ndim == 3:
        luminance = decode_srgb(pixels) @ XYZ_FROM_RGB[1].astype(np.float32)
        pixels = encode_srgb(np.clip(luminance, 0, 1))
    return resized(grey_to_lightness(pixels), width, height)


def resized(plane: Array, width: int, height: int) -> Array:
    """Return a plane (h×w) at another size: averaged when smaller, interpolated when larger."""
    plane = np.asarray(plane)
    if plane.shape == (height, width):
        return plane
    smaller = width * height < plane.size
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (width, height), interpolation=method), np.float32)


def finest_detail(lightness: Array) -> int:
    """Return the long side, px, below which detail that matters would be lost.

    Parameters
    ----------
    lightness
        h×w, L*, at the largest working scale allowed.

    Notes
    -----
    From the full size downwards: as long as halving the picture loses no more than grain almost everywhere,
    it is halved. Grain is estimated from the lost detail's median absolute deviation.
    """
    side = int(max(lightness.shape))
    while side // 2 >= _COARSEST and min(lightness.shape) >= 2:
        height, width = lightness.shape
        half = resized(lightness, (width + 1) // 2, (height + 1) // 2)
        # Cubic, because what a straight line would miss at a soft edge is no detail.
        lost = np.abs(lightness - cv2.resize(half, (width, height), interpolation=cv2.INTER_CUBIC))
        grain = float(np.median(lost)) * 1.4826
        if float((lost > max(_LEAST_DETAIL, _GRAIN_FACTOR * grain)).mean()) > _LEAST_SHARE:
            break
        lightness, side = half, int(max(half.shape))
    return side
