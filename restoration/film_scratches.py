"""Scratches that stay: thin lines down the frame at one column for many frames, whatever the scene does.

In each frame every column is asked in how many rows it is brighter (or darker) than what lies `REACH` px to
both sides. A scene's edge is brighter on one side only, and moves with the camera; a scratch keeps its sign
and its place in most rows of most frames. Where the camera stands still nothing tells them apart: see
`film_survey.LEAST_TRAVEL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.film_pixels import Pixels

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

REACH = 4
"""px."""
_STANDS_OUT = 4.0
"""Levels of 255 by which a scratch differs from its sides."""
_PERSISTENT = 0.55
"""Share of rows and frames in which it does."""
_EDGE = 0.3
"""Share down to which columns beside belong to it."""
_WIDEST = 5
_LEAST_FRAMES = 8


@dataclass(frozen=True)
class Scratch:
    """Columns `start` to `stop` (exclusive), brighter (sign 1) or darker (−1) than their sides."""

    start: int
    stop: int
    sign: int


def column_scores(luminance: NDArray[np.uint8]) -> Array:
    """Return, for each column, the share of rows in which it stands out: 1 all brighter, −1 all darker."""
    difference = _difference(luminance)
    brighter, darker = difference > _STANDS_OUT, difference < -_STANDS_OUT
    return np.asarray(brighter.mean(axis=0) - darker.mean(axis=0), np.float32)


def find_scratches(scores: Sequence[Array]) -> tuple[Scratch, ...]:
    """Return the scratches of a shot, of whose frames `column_scores` are given."""
    if len(scores) < _LEAST_FRAMES:
        return ()
    mean = np.mean(np.stack(scores), axis=0)
    found = []
    taken = np.zeros(len(mean), bool)
    for column in np.argsort(-np.abs(mean), kind="stable"):
        if abs(mean[column]) < _PERSISTENT:
            break
        if taken[column]:
            continue
        sign = 1 if mean[column] > 0 else -1
        start, stop = int(column), int(column) + 1
        while start > 0 and sign * mean[start - 1] > _EDGE:
            start -= 1
        while stop < len(mean) and sign * mean[stop] > _EDGE:
            stop += 1
        taken[max(0, start - REACH) : stop + REACH] = True  # its sides stand out the other way
        if stop - start <= _WIDEST:
            found.append(Scratch(start, stop, sign))
    return tuple(sorted(found, key=lambda scratch: scratch.start))


def mend_scratches(
    pixels: Pixels, luminance: NDArray[np.uint8], scratches: Sequence[Scratch]
) -> tuple[Pixels, Mask]:
    """Return the frame with scratches bridged from side to side, and where they were (H×W).

    Where a scratch does not show, and outside of it, the frame stays as it is.
    """
    mask = np.zeros(luminance.shape, bool)
    if not scratches:
        return pixels, mask
    mended, width = pixels.copy(), luminance.shape[1]
    difference = _difference(luminance)
    for scratch in scratches:
        shows = (scratch.sign * difference[:, scratch.start : scratch.stop]).max(axis=1) > _STANDS_OUT / 2
        left, right = max(0, scratch.start - 2), min(width - 1, scratch.stop + 1)
        columns = np.arange(left + 1, right)
        share = ((columns - left) / (right - left)).astype(np.float32)
        share = share[None, :] if pixels.ndim == 2 else share[None, :, None]
        sides = (pixels[:, at : at + 1].astype(np.float32) for at in (left, right))
        first, last = sides
        bridge = np.round(first + share * (last - first)).astype(pixels.dtype)
        mended[shows, left + 1 : right] = bridge[shows]
        mask[shows, left + 1 : right] = True
    return mended, mask


def _difference(luminance: NDArray[np.uint8]) -> Array:
    """Return by how much each place is brighter than both of its sides, or darker than both; else 0."""
    padded = np.pad(luminance.astype(np.float32), ((0, 0), (REACH, REACH)), mode="reflect")
    width = luminance.shape[1]
    one = padded[:, REACH : REACH + width] - padded[:, :width]
    other = padded[:, REACH : REACH + width] - padded[:, 2 * REACH :]
    same = one * other > 0
    return np.asarray(np.where(same, np.sign(one) * np.minimum(np.abs(one), np.abs(other)), 0), np.float32)
