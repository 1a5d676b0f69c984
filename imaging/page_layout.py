"""How much of a scan is paper, thin strokes and rows of letters: what pages, plans and maps consist of."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_SAME_TONE = 8.0
"""L* units around the paper's tone that are still paper."""
_GRAIN_FACTOR = 4.0
"""Ink also differs from paper by this many standard deviations of the grain."""
_STROKE = 0.012
"""Strokes are thinner than this share of the longer side."""
_THINNEST = 3
_UNEVEN = 0.25
"""Share of the longer side over which the light on a page may change."""
_SMALLEST = 24
"""A page cannot be recognized in fewer rows or columns."""
_MOST_LETTERS = 6000
"""More components than this are grain."""
_TALLEST = 0.06
"""Letters are lower than this share of the longer side."""


@dataclass(frozen=True)
class PageLayout:
    """What a page would show.

    Parameters
    ----------
    paper
        Share of the scan that has the most frequent tone.
    strokes
        Share of all else that is thin.
    contrast
        Median difference of all else from the paper, L* units.
    letters
        How many components are as high as most others and stand beside another one on its line.
    in_rows
        Share of all components, of the size of letters, that do.
    """

    paper: float
    strokes: float
    contrast: float
    letters: int
    in_rows: float


def read_layout(lightness: Array) -> PageLayout:
    """Measure a scan as if it were a page.

    Parameters
    ----------
    lightness
        h×w, L* 0–100, at some 1,000 px; ink may be darker or lighter than paper.
    """
    if min(lightness.shape) < _SMALLEST:
        return PageLayout(paper=1.0, strokes=0.0, contrast=0.0, letters=0, in_rows=0.0)
    long = max(lightness.shape)
    contrast = lightness - _paper_tone(lightness)
    away = np.abs(contrast) > max(_SAME_TONE, _GRAIN_FACTOR * _grain(lightness))
    width = max(_THINNEST, round(_STROKE * long)) | 1
    thick = cv2.morphologyEx(away.astype(np.uint8), cv2.MORPH_OPEN, np.ones((width, width), np.uint8))
    other = int(away.sum())
    darker = int((contrast < 0)[away].sum()) * 2 >= other
    letters, in_rows = _letters(away & ((contrast < 0) == darker), _TALLEST * long)
    return PageLayout(
        paper=1 - other / away.size,
        strokes=1 - int((thick > 0).sum()) / other if other else 0.0,
        contrast=float(np.median(np.abs(contrast[away]))) if other else 0.0,
        letters=letters,
        in_rows=in_rows,
    )


def _paper_tone(lightness: Array) -> Array:
    """Return the paper's L* under uneven light, h×w or one number broadcast to it."""
    counts = np.histogram(lightness, 100, (0, 100))[0]
    mode = float(np.convolve(counts, np.ones(7), "same").argmax()) + 0.5
    # Uneven light is followed around the most frequent tone; larger differences are not paper.
    near = (np.abs(lightness - mode) < 2.5 * _SAME_TONE).astype(np.float32)
    size = max(3, round(_UNEVEN * max(lightness.shape)))
    weight = cv2.blur(near, (size, size))
    light = cv2.blur(near * lightness, (size, size)) / np.maximum(weight, 1e-3)
    return np.where(weight > 0.1, light, mode).astype(np.float32)


def _grain(lightness: Array) -> float:
    """Return the standard deviation of what no neighbor shares, L* units, from its median."""
    lost = np.abs(lightness - cv2.medianBlur(np.ascontiguousarray(lightness), 3))
    return 1.4826 * float(np.median(lost))


def _letters(ink: NDArray[np.bool_], tallest: float) -> tuple[int, float]:
    count, _, boxes, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    left, top, width, height = (boxes[1:, i] for i in range(4))
    sized = (height >= 3) & (height < tallest) & (width < 12 * height) & (width >= 1)
    if not 8 <= int(sized.sum()) <= _MOST_LETTERS or count < 8:
        return 0, 0.0
    left, top, width, height = left[sized], top[sized], width[sized], height[sized]
    usual = float(np.median(height))
    alike = np.abs(height - usual) <= max(1.0, 0.4 * usual)
    bottom, right = top + height, left + width
    order = np.argsort(left, kind="stable")
    aligned = np.zeros(len(order), bool)
    # The next letter of a line begins where this one ends, at most a word space away.
    for i in order[alike[order]]:
        beside = (left >= right[i] - 1) & (left <= right[i] + 1.5 * usual)
        level = (np.abs(bottom - bottom[i]) <= max(1.0, 0.25 * usual)) & alike
        found = beside & level
        if found.any():
            aligned[i] = True
            aligned[found] = True
    return int(aligned.sum()), float(aligned.mean())
