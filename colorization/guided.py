"""The guided filter that lets chroma follow the edges of L*.

He, Sun & Tang 2013 (https://doi.org/10.1109/TPAMI.2012.213) and, for fitting small and evaluating large,
He & Sun 2015 (https://arxiv.org/abs/1505.00996). Within every window chroma is modelled as
``slope · L* + intercept``; the coefficients are smooth, so they can be interpolated to any size without
softening an edge.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization.fullscale import Coefficients

Array = NDArray[np.float32]

RADIUS = 6
"""Of the window, px at working scale: wider than the blur of a network that answers at a quarter of it."""
NOISE = 4.0
"""Variance of L* (units²) below which an edge is taken for grain and chroma is averaged across it."""
_BAND_ROWS = 512


def fit(
    lightness: Array, chroma: Array, *, radius: int = RADIUS, noise: float = NOISE, out: Array | None = None
) -> Coefficients:
    """Fit the coefficients at working scale, a band of rows at a time.

    Parameters
    ----------
    lightness
        h×w, L* 0–100.
    chroma
        2×h×w, a*b*; may be mapped from disk.
    radius
        Of the square window, px.
    noise
        Regularization, L* units².
    out
        h×w×4, where to write; allocated when `None`.
    """
    height, width = lightness.shape
    field = np.empty((height, width, 4), np.float32) if out is None else out
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        # Two windows reach this far; rows beyond do not matter to the band.
        first, last = max(0, top - 2 * radius), min(height, bottom + 2 * radius)
        slope, intercept = _fit_band(lightness[first:last], chroma[:, first:last], radius, noise)
        inner = slice(top - first, bottom - first)
        Coefficients.from_affine(slope[inner], intercept[inner], out=field[top:bottom])
    return Coefficients(field)


def _fit_band(lightness: Array, chroma: Array, radius: int, noise: float) -> tuple[Array, Array]:
    lightness = np.ascontiguousarray(lightness, np.float32)
    mean = _window(lightness, radius)
    variance = np.maximum(_window(np.square(lightness), radius) - mean * mean, 0)
    slopes, intercepts = [], []
    for plane in np.asarray(chroma, np.float32):
        average = _window(plane, radius)
        covariance = _window(np.asarray(lightness * plane, np.float32), radius) - mean * average
        slope: Array = (covariance / (variance + noise)).astype(np.float32)
        slopes.append(_window(slope, radius))
        intercepts.append(_window(np.asarray(average - slope * mean, np.float32), radius))
    return np.stack(slopes, axis=-1), np.stack(intercepts, axis=-1)


def _window(plane: Array, radius: int) -> Array:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)
