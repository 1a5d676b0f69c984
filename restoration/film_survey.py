"""The first pass over a film: what has to be known of many frames before any of them is changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.film_pixels import Pixels
from imaging.film_properties import FilmProperties
from imaging.fixity import atomic_path
from imaging.motion import Effort, MotionFinder
from imaging.shots import Shot
from restoration.film_flicker import QUANTILES, corrections, tones_in_common
from restoration.film_scratches import Scratch, column_scores, find_scratches
from restoration.film_weave import SPANS, Shift, shift_of, weave

Luminance = NDArray[np.uint8]

LEAST_TRAVEL = 8.0
"""Sideways motion of a shot's picture from which on what stays in place is a scratch, px."""
_SIDE = 320
"""Long side at which motion is looked for, px."""


def luminance_of(pixels: Pixels, bits: int) -> Luminance:
    """Return a frame's luminance with 8 bits (H×W)."""
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY))
    if bits == 8:
        return np.ascontiguousarray(pixels, np.uint8)
    return np.asarray(np.round(pixels * (255 / ((1 << bits) - 1))), np.uint8)


@dataclass(frozen=True)
class ShotPlan:
    """What is done to the frames of one shot.

    Parameters
    ----------
    tones
        count×2×T; see `film_flicker.corrections`.
    flicker
        Standard deviation of the brightness, levels of 255.
    weave
        count×2, px (right, down).
    scratches
        Columns.
    """

    tones: NDArray[np.float64]
    flicker: float
    weave: NDArray[np.float64]
    scratches: tuple[Scratch, ...]


class Survey:
    """Looks at one frame after the other, and says what is to be done to a shot.

    Parameters
    ----------
    film
        The film.
    """

    def __init__(self, film: FilmProperties) -> None:
        self._film = film
        self._scale = max(1.0, max(film.width, film.height) / _SIDE)
        self._finder = MotionFinder(Effort.FAST)
        self._recent: deque[tuple[int, Luminance]] = deque(maxlen=max(SPANS))
        self._steps: list[NDArray[np.float32]] = []
        self._shifts: list[tuple[float, ...]] = []
        self._columns: list[NDArray[np.int8]] = []

    def look(self, number: int, pixels: Pixels) -> None:
        """Take the next frame."""
        luminance = luminance_of(pixels, self._film.bits)
        self._columns.append(np.asarray(np.round(column_scores(luminance) * 127), np.int8))
        size = round(self._film.width / self._scale), round(self._film.height / self._scale)
        small = np.asarray(cv2.resize(luminance, size, interpolation=cv2.INTER_AREA), np.uint8)
        step: Any = None
        for earlier, before in self._recent:
            if number - earlier not in SPANS:
                continue
            forth, back = self._finder.between(before, small)
            self._shifts.append((earlier, number, *shift_of(forth, self._scale)))
            if number - earlier == 1:
                step = tones_in_common(small, before, back)
        nothing = np.full((2, QUANTILES), np.nan)
        self._steps.append(np.asarray(nothing if step is None else step, np.float32))
        self._recent.append((number, small))

    def keep(self, path: Path) -> None:
        """Write what was seen."""
        with atomic_path(path) as partial, partial.open("wb") as stream:
            np.savez(
                stream,
                steps=np.stack(self._steps),
                shifts=np.array(self._shifts, np.float64).reshape(-1, 5),
                columns=np.stack(self._columns),
            )


def plan(kept: Path, shot: Shot) -> ShotPlan:
    """Return what is to be done to a shot, of a survey that was written."""
    with np.load(kept, allow_pickle=False) as seen:
        steps = seen["steps"][shot.start : shot.stop].astype(np.float64)
        columns = seen["columns"][shot.start : shot.stop].astype(np.float32) / 127
        shifts = seen["shifts"]
    own = (shifts[:, 0] >= shot.start) & (shifts[:, 1] < shot.stop)
    told = [Shift(int(a), int(b), dx, dy, weight) for a, b, dx, dy, weight in shifts[own]]
    tones, flicker = corrections([None if np.isnan(step).any() else step for step in steps])
    # Before a camera that stands still, a scratch cannot be told from a post.
    scratches = find_scratches(list(columns)) if _travel(told) >= LEAST_TRAVEL else ()
    return ShotPlan(tones, flicker, weave(told, shot.start, shot.frames), scratches)


def _travel(shifts: Sequence[Shift]) -> float:
    """Return how far the picture moves sideways in a shot, px: the middle four fifths of its places."""
    steps = [shift.dx for shift in shifts if shift.later == shift.earlier + 1]
    if not steps:
        return 0.0
    low, high = np.quantile(np.cumsum(steps), (0.1, 0.9))
    return float(high - low)
