"""Reach of hints: for every cell of a photograph, the probability that it shares the hinted place's color.

A hint does not state which region it means. That is estimated from cues: tones and color distributions
similar to those of the hinted place, a path to it that crosses nothing dissimilar, nearness, and how much of
the picture is as near or nearer. A perceptron of `HIDDEN` units weighs these cues; it was fitted to regions
of one true color (`training.reach`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors

from colorization.hints import Hint, rasterize
from colorization.network import OUTPUT_STRIDE
from colorization.working import resized, size_at

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

WEIGHTS = Path(__file__).parent / "weights" / "hint-reach.safetensors"

SIDE = 128
"""Long side at which the reach is computed, cells; the solver adds finer edges."""

HIDDEN = 12
CUES = 13

_TONE = 10.0
"""L* units that equal 1 in the cues."""
_COLOR = 20.0
"""a*b* units that equal 1 in the cues."""
_SPREAD = 10.0
"""Standard deviation, a*b* units, assumed where the distribution is not known."""
_DOUBT = 0.15
"""−ln of the Bhattacharyya coefficient that is as dissimilar as `_TONE`."""
_LEVELS = np.array([0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0], np.float32)
"""Dissimilarities at which paths are searched, in ascending order."""
_BEYOND = 5.0


@dataclass(frozen=True)
class Scene:
    """What the cues are read from, at most `SIDE` cells long.

    Parameters
    ----------
    lightness
        h×w, L*.
    chroma
        2×h×w, predicted a*b*.
    roots
        K×h×w, square roots of each cell's color distribution, or `None`.
    """

    lightness: Array
    chroma: Array
    roots: Array | None

    @classmethod
    def of(cls, lightness: Array, chroma: Array, likelihood: Array | None = None) -> Scene:
        """Reduce L* (h×w), a*b* (2×h×w) and, where known, K×h'×w' probabilities of any size to a scene.

        All three show the same picture; see `within` for predictions of a padded one.
        """
        width, height = size_at(lightness.shape[1], lightness.shape[0], SIDE)
        roots = None
        if likelihood is not None:
            pooled = [cv2.blur(np.asarray(plane, np.float32), (3, 3)) for plane in likelihood]
            roots = np.stack([resized(np.sqrt(plane), width, height) for plane in pooled])
            roots /= np.maximum(np.linalg.norm(roots, axis=0), 1e-6)
        soft = cv2.bilateralFilter(np.ascontiguousarray(lightness, np.float32), 5, 12, 2)
        light = resized(np.asarray(soft, np.float32), width, height)
        return cls(light, np.stack([resized(plane, width, height) for plane in chroma]), roots)


def reach(scene: Scene, hints: Sequence[Hint]) -> Array:
    """Return the probability that cells share the color of each hint, n×h×w in 0–1, at the scene's size."""
    return np.stack([_judged(cues(scene, hint)) for hint in hints])


def within(likelihood: Array, height: int, width: int) -> Array:
    """Return the part of a network's K×h'×w' probabilities that shows its input of height×width px."""
    return likelihood[:, : -(-height // OUTPUT_STRIDE), : -(-width // OUTPUT_STRIDE)]


def cues(scene: Scene, hint: Hint) -> Array:
    """Return the cues for one hint, h×w×`CUES`."""
    height, width = scene.lightness.shape
    place = rasterize([hint], height, width)[2] > 0
    darker = (float(np.median(scene.lightness[place])) - scene.lightness) / _TONE
    tone = np.abs(darker)
    colored = np.linalg.norm(scene.chroma - scene.chroma[:, place].mean(1)[:, None, None], axis=0) / _COLOR
    doubt = _doubt(scene, place, colored)
    both = np.sqrt(tone**2 + doubt / _DOUBT).astype(np.float32)
    paths = [_path(plane, place) for plane in (tone, np.sqrt(doubt / _DOUBT), both)]
    column, row = hint.x * width, hint.y * height
    y, x = np.ogrid[:height, :width]
    away = np.hypot(x + 0.5 - column, y + 0.5 - row) / max(height, width)
    edge = cv2.morphologyEx(scene.lightness, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) / _TONE
    planes = [tone, darker, np.sqrt(doubt), colored, away, np.sqrt(away), *paths, *map(_rank, paths), edge]
    return np.stack(planes, -1).astype(np.float32)


def _doubt(scene: Scene, place: Mask, colored: Array) -> Array:
    """Return −ln of the Bhattacharyya coefficient of each cell's distribution and the place's."""
    if scene.roots is None:
        return np.asarray((colored * _COLOR) ** 2 / (8 * _SPREAD**2), np.float32)
    here = scene.roots[:, place].mean(1)
    alike = np.tensordot(here / max(float(np.linalg.norm(here)), 1e-6), scene.roots, 1)
    return np.asarray(-np.log(np.clip(alike, 1e-3, 1)), np.float32)


def _path(unlike: Array, place: Mask) -> Array:
    """Return the smallest maximum dissimilarity of a path from the place to each cell, in steps."""
    found = np.full(unlike.shape, _BEYOND, np.float32)
    row, column = np.argwhere(place)[0]
    for level in _LEVELS[::-1]:
        free = (unlike <= level) | place
        labels = cv2.connectedComponents(free.astype(np.uint8), connectivity=4)[1]
        found[labels == labels[row, column]] = level
    return found


def _rank(path: Array) -> Array:
    """Return the logarithm of the share of the picture that is as near by path as each cell or nearer."""
    levels = np.append(_LEVELS, _BEYOND)
    step = np.searchsorted(levels, path.ravel())
    share = np.cumsum(np.bincount(step, minlength=len(levels))) / path.size
    return np.log(share[step]).reshape(path.shape).astype(np.float32)


def _judged(seen: Array) -> Array:
    weights = _weights()
    hidden = np.maximum(seen @ weights["hidden"] + weights["hidden_bias"], 0)
    return np.asarray(1 / (1 + np.exp(-(hidden @ weights["out"] + weights["out_bias"]))), np.float32)


@cache
def _weights() -> dict[str, Array]:
    return load_safetensors(WEIGHTS.read_bytes())
