"""The nearest color within the sRGB gamut at a given L*."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imaging.lab import fit_gamut

Array = NDArray[np.float32]

_HUES = 360
_BEYOND = 150.0
"""Chroma outside the sRGB gamut at every L*, a*b* units."""
_STEP = 0.5
"""L* units between the gamut outlines that are computed."""


def nearest(lightness: Array, color: Array) -> Array:
    """Return, for each L*, the a*b* within sRGB that is nearest to a color.

    Parameters
    ----------
    lightness
        n, L* 0–100.
    color
        a*, b*.

    Returns
    -------
    numpy.ndarray
        n×2; the color itself where it is in the gamut. The outline of the gamut is sampled in steps of 1° of
        hue and `_STEP` of L*, so that the result is within some 0.3 a*b* units of the nearest.
    """
    color = np.asarray(color, np.float32)
    lab = np.concatenate([lightness[:, None], np.broadcast_to(color, (len(lightness), 2))], 1)
    fits = np.linalg.norm(fit_gamut(lab)[:, 1:] - color, axis=1) < 1e-3
    found = np.array(lab[:, 1:])
    steps = np.round(np.clip(lightness, 0, 100) / _STEP).astype(int)
    for step in np.unique(steps[~fits]):
        found[~fits & (steps == step)] = _on_outline(_outline(int(step)), color)
    return found


@lru_cache(maxsize=256)
def _outline(step: int) -> Array:
    hue = np.arange(_HUES) * 2 * np.pi / _HUES
    lab = np.stack([np.full(_HUES, step * _STEP), _BEYOND * np.cos(hue), _BEYOND * np.sin(hue)], 1)
    return np.ascontiguousarray(fit_gamut(lab.astype(np.float32))[:, 1:])


def _on_outline(outline: Array, color: Array) -> Array:
    side = np.roll(outline, -1, 0) - outline
    along = ((color - outline) * side).sum(1) / np.maximum((side * side).sum(1), 1e-9)
    points = outline + np.clip(along, 0, 1)[:, None] * side
    return np.asarray(points[np.argmin(np.linalg.norm(points - color, axis=1))], np.float32)
