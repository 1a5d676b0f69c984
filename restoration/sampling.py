"""Pixels as restoration measures them: encoded values, luma, and a sample of a photograph."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

Grey = NDArray[np.float32]
"""H×W, encoded values in the range 0–1."""

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of the encoded R, G and B."""


def sample_squares(image: pyvips.Image, samples: int, side: int) -> Iterator[Grey]:
    """Yield at most `samples` squares of `side` px spread evenly over `image`, all of it when it is small."""
    for left, top, width, height in places_of_squares(image.width, image.height, samples, side):
        pixels = image.crop(left, top, width, height).numpy()
        yield luma(encoded(pixels.reshape(height, width, image.bands)))


def places_of_squares(
    width: int, height: int, samples: int = 64, side: int = 256
) -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, width and height of what `sample_squares` yields, row by row."""
    across = min(-(-width // side), max(1, round((samples * width / height) ** 0.5)), samples)
    down = min(-(-height // side), samples // across)
    across_side, down_side = min(side, width), min(side, height)
    lefts, tops = _spread(across, width - across_side), _spread(down, height - down_side)
    for top, left in product(tops, lefts):
        yield left, top, across_side, down_side


def _spread(number: int, room: int) -> list[int]:
    """Return places from 0 to `room`, evenly; a single one is in the middle."""
    return [round(i * room / (number - 1)) for i in range(number)] if number > 1 else [room // 2]


def encoded(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return 8 or 16-bit `pixels`, H×W or H×W×B, as float32 in the range 0–1."""
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def luma(pixels: NDArray[np.float32]) -> Grey:
    """Return H×W of H×W, H×W×1 or H×W×3 encoded values."""
    if pixels.ndim == 2:
        return pixels
    return pixels[:, :, 0] if pixels.shape[2] == 1 else np.asarray(pixels @ LUMA, np.float32)
