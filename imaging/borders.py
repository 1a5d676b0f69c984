"""Borders of a photograph: paper margins, film rebates, caption strips.

A border is a strip along a side whose rows hold mostly one tone and which ends in a straight edge along
nearly the whole side. A bright sky is as uniform but ends in no straight line. Writing on the border is no
obstacle.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_SAME_TONE = 7.0
"""L* units around the border's tone."""
_MOSTLY = 0.75
"""Share of a row that must have the border's tone."""
_EDGE = 5.0
"""L* units by which tones differ across the inner edge."""
_STRAIGHT = 0.6
"""Share of the side along which they must differ."""
_LIGHT, _DARK = 65.0, 25.0
"""Paper is lighter, a rebate or album page darker than this, L*."""
_WIDEST = 0.35
"""Share of the picture that one border may take."""
_REACH = 3
"""Distance from the edge at which tones are compared, px at working scale; scans are soft."""
_SLIVER = 4
"""Width of what may lie outside a border or between two, px at working scale: ragged paper, a soft
transition."""
_FADE = 2.0
"""Standard deviation of the transition from no chroma to full chroma, px."""


def photograph_area(lightness: Array) -> tuple[slice, slice]:
    """Return the rows and columns that are photograph, not border.

    Parameters
    ----------
    lightness
        h×w, L* 0–100, at working scale.
    """
    height, width = lightness.shape
    top, bottom = _border(lightness), _border(lightness[::-1])
    left, right = _border(lightness.T), _border(lightness.T[::-1])
    return slice(top, height - bottom), slice(left, width - right)


def photograph_mask(lightness: Array) -> Array:
    """Return 1 within the photograph and 0 on its borders, with a soft transition, h×w.

    Parameters
    ----------
    lightness
        h×w, L* 0–100, at working scale.
    """
    mask = np.zeros(lightness.shape, np.float32)
    mask[photograph_area(lightness)] = 1
    if mask.all():
        return mask
    inside = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(inside, (0, 0), _FADE, borderType=cv2.BORDER_REPLICATE)
    # The blur reaches outward as well; the border itself must not be tinted.
    return np.asarray(np.minimum(np.maximum(2 * soft - 1, 0), mask), np.float32)


def _border(lightness: Array) -> int:
    """Return how many rows from the top are border: a print's margin, and within it its negative's rebate."""
    outer = _strip(lightness)
    within = outer + _SLIVER
    inner = _strip(lightness[within:])
    return within + inner if inner else outer


def _strip(lightness: Array) -> int:
    """Return how many rows from the top are of one tone and end in a straight edge."""
    rows = lightness.shape[0]
    most = int(rows * _WIDEST)
    if most <= 2 * _REACH:
        return 0
    tone = float(np.median(lightness[: _REACH + 1]))
    if _DARK < tone < _LIGHT:
        return 0
    alike = (np.abs(lightness[: most + _REACH] - tone) < _SAME_TONE).mean(axis=1)
    other = np.flatnonzero(alike[:most] < _MOSTLY)
    end = int(other[0]) if len(other) else most
    if end < 2:
        return 0
    straightest = max(_straightness(lightness, row) for row in range(max(0, end - _REACH), end + 1))
    return end if straightest >= _STRAIGHT else 0


def _straightness(lightness: Array, row: int) -> float:
    outer = lightness[max(0, row - _REACH)]
    inner = lightness[min(len(lightness) - 1, row + _REACH)]
    return float((np.abs(inner - outer) > _EDGE).mean())
