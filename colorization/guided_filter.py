"""The guided filter that lets chroma follow the edges of L*.

After He, Sun & Tang 2013 (https://doi.org/10.1109/TPAMI.2012.213) and, for fitting small and evaluating
large, He & Sun 2015 (https://arxiv.org/abs/1505.00996). Chroma is modelled as ``slope · L* + intercept``; the
slope is that of a window, smoothed, and the intercept is chosen so that each cell keeps its color.
(The original averages the intercept as well, which blurs the prediction: near the edges of six
photographs of known color its error was 1.01 to 1.4 times that of plain interpolation; with the intercept
kept, 0.92.)

The fit is made at a quarter of the working scale, the scale of the networks' output: against sharper L* their
color would seem hardly to depend on L*.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization.fullscale import Coefficients
from colorization.working import resized

Array = NDArray[np.float32]

STRIDE = 4
"""Working-scale px per cell of the fit."""
NOISE = 4.0
"""Variance of L* (units²) below which differences are attributed to grain and give no slope."""
_WINDOW = (3, 3)


def fit(lightness: Array, chroma: Array) -> Coefficients:
    """Fit the coefficients.

    Parameters
    ----------
    lightness
        h×w, L* 0–100, at working scale.
    chroma
        2×h×w, a*b*; may be mapped from disk.

    Returns
    -------
    Coefficients
        At a `STRIDE`-th of the working scale.
    """
    height, width = (-(-side // STRIDE) for side in lightness.shape)
    light = resized(lightness, width, height)
    mean = _mean(light)
    variance = np.maximum(_mean(light * light) - mean * mean, 0)
    slopes, intercepts = [], []
    for plane in chroma:
        # The middle of each cell: predictions are per cell, and interpolation has blurred the rest.
        middle = cv2.resize(np.asarray(plane), (width, height), interpolation=cv2.INTER_LINEAR)
        color = np.asarray(middle, np.float32)
        covariance = _mean(light * color) - mean * _mean(color)
        slope = _mean((covariance / (variance + NOISE)).astype(np.float32))
        slopes.append(slope)
        intercepts.append(color - slope * light)
    return Coefficients.from_affine(np.stack(slopes, axis=-1), np.stack(intercepts, axis=-1))


def masked(coefficients: Coefficients, mask: Array) -> Coefficients:
    """Return coefficients that give no chroma where `mask` (h×w, 0–1, at working scale) is 0."""
    if mask.all():
        return coefficients
    field = cv2.resize(coefficients.field, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    neutral = np.array([1, 1, 0, 0], np.float32)
    return Coefficients(np.asarray(neutral + mask[..., None] * (field - neutral), np.float32))


def _mean(plane: Array) -> Array:
    return np.asarray(cv2.blur(plane, _WINDOW, borderType=cv2.BORDER_REPLICATE), np.float32)
