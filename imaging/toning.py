"""Whether a scan's colors are those of the print or those of the scene.

Toning, yellowing and a scanner's cast give each tone one color: a* and b* are functions of L*. In a color
photograph they are not. On a hand-tinted one they are but for a few places, which have a few flat colors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.lab import srgb_to_lab

Array = NDArray[np.float32]

_GRID = 192
"""Blocks along the longer side; they are averages of at most 4 px, against noise and JPEG's chroma."""
_LARGEST_BLOCK = 4
_BLACK = 6.0
"""L* below which a* and b* are rounding."""
_MOST_SAMPLES = 16_000
_FEWEST_SAMPLES = 50
_KNOTS, _LOCAL_KNOTS = 24, 6
_FEWEST_PER_KNOT = 8
_BASE, _LAID = 3.0, 4.0
"""a*b* units from the curve up to which a place is bare print, and from which it is painted."""
_DYES = 6
_FEWEST_LAID = 30

_NEUTRAL = 2.0
"""99th percentile of chroma up to which a picture counts as colorless (Imageworks' Mono Checker)."""
_PLAIN_RESIDUAL, _MOST_RESIDUAL = 2.3, 3.3
_MOST_DEVIATION = 8.5
_MOST_HIGH_RESIDUAL = 9.0
"""Chosen on photographs toned by drawing, the choosing half of other collections, and old prints."""
_FLAT, _BARE, _BETWEEN, _OFFSET = -7.328, -1.842, -5.549, -6.795
_TINTED = -0.8
"""Logistic regression of hand-tinted against color photographs, and the log-odds from which it decides."""


@dataclass(frozen=True)
class Toning:
    """How colors depend on tones.

    Parameters
    ----------
    chroma
        99th percentile of chroma, a*b* units.
    deviation
        Root mean square distance from the mean color, a*b* units.
    residual, residual_high
        Mean and 95th percentile of the distance from the curve of colors over L*, a*b* units.
    bare
        Share that lies near the curve.
    flatness
        Median distance of the rest from the nearest of a few colors, a*b* units.
    tinted
        Log-odds that colors were laid on by hand, if there are colors.
    """

    chroma: float = 0.0
    deviation: float = 0.0
    residual: float = 0.0
    residual_high: float = 0.0
    bare: float = 1.0
    flatness: float = 0.0
    tinted: float = 0.0

    @property
    def neutral(self) -> bool:
        """Whether there is no color."""
        return self.chroma <= _NEUTRAL

    @property
    def one_hue(self) -> bool:
        """Whether every tone has one color, as toned and yellowed prints have."""
        if self.residual_high > _MOST_HIGH_RESIDUAL:
            return False
        # An uneven print strays from its curve; but then it is pale, or its colors would be a scene's.
        pale = self.deviation < _MOST_DEVIATION
        return self.residual <= (_MOST_RESIDUAL if pale else _PLAIN_RESIDUAL)

    @property
    def painted(self) -> bool:
        """Whether the colors there are were laid on by hand."""
        return self.tinted > _TINTED


def read_toning(rgb: Array) -> Toning:
    """Measure the colors of a scan.

    Parameters
    ----------
    rgb
        h×w×3, sRGB-encoded, 0–1, without borders, at most some 1,000 px on its longer side.
    """
    lightness, color = _samples(rgb)
    if len(lightness) < _FEWEST_SAMPLES:
        return Toning()
    distance = _distance_from_curve(lightness, color, _KNOTS)
    laid = distance > _LAID
    bare = float((distance < _BASE).mean())
    flatness = _distance_from_dyes(lightness[laid], color[laid]) if laid.sum() >= _FEWEST_LAID else 0.0
    between = 1 - bare - float(laid.mean())
    return Toning(
        chroma=float(np.percentile(np.hypot(*color.T), 99)),
        deviation=float(np.hypot(*color.std(axis=0))),
        residual=float(distance.mean()),
        residual_high=float(np.percentile(distance, 95)),
        bare=bare,
        flatness=flatness,
        tinted=_FLAT * math.log(flatness + 0.3)
        + _BARE * bare
        + _BETWEEN * math.log(between + 0.01)
        + _OFFSET,
    )


def _samples(rgb: Array) -> tuple[Array, Array]:
    height, width = rgb.shape[:2]
    block = min(_LARGEST_BLOCK, max(1, round(max(height, width) / _GRID)))
    size = max(1, width // block), max(1, height // block)
    blocks = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.float32)
    lab = srgb_to_lab(blocks).reshape(-1, 3)
    lab = lab[lab[:, 0] > _BLACK]
    if len(lab) > _MOST_SAMPLES:
        lab = lab[np.linspace(0, len(lab) - 1, _MOST_SAMPLES).astype(int)]
    return lab[:, 0], lab[:, 1:]


def _distance_from_curve(lightness: Array, color: Array, knots: int) -> Array:
    """Return each sample's distance from the median colors of equally populated tones, joined by lines."""
    ends = np.unique(np.quantile(lightness, np.linspace(0, 1, knots + 1)))
    tone = np.clip(np.searchsorted(ends, lightness, "right") - 1, 0, max(0, len(ends) - 2))
    groups = [tone == i for i in range(max(1, len(ends) - 1))]
    groups = [group for group in groups if group.sum() >= _FEWEST_PER_KNOT]
    if not groups:
        return np.asarray(np.hypot(*(color - np.median(color, axis=0)).T), np.float32)
    at = np.array([lightness[group].mean() for group in groups])
    medians = np.stack([np.median(color[group], axis=0) for group in groups])
    curve = np.stack([np.interp(lightness, at, medians[:, i]) for i in range(2)], axis=-1)
    return np.asarray(np.hypot(*(color - curve).T), np.float32)


def _distance_from_dyes(lightness: Array, color: Array) -> float:
    """Return the median distance from the nearest of a few dyes, each a color or a curve over L*."""
    color = np.ascontiguousarray(color, np.float32)
    dyes = min(_DYES, len(color) // 5)
    cv2.setRNGSeed(1)
    enough = (cv2.TERM_CRITERIA_MAX_ITER + cv2.TERM_CRITERIA_EPS, 20, 0.1)
    _, nearest, _ = cv2.kmeans(color, dyes, np.empty(0), enough, 2, cv2.KMEANS_PP_CENTERS)
    distance = np.empty(len(color), np.float32)
    for dye in range(dyes):
        mine = nearest.ravel() == dye
        if mine.any():
            distance[mine] = _distance_from_curve(lightness[mine], color[mine], _LOCAL_KNOTS)
    return float(np.median(distance))
