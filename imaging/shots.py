"""Where one shot of a film ends and the next begins, told from luminance alone: cuts and dissolves.

Frames are compared small, by normalized cross-correlation with room for the camera's motion, so that neither
brightness nor contrast matters. At a cut *no* frame of the last few resembles any of the next few; after a
flash, or a frame or two of damage, some pair does. In a dissolve every pixel goes steadily from one picture
to the other: what changes before its middle and after it is the same.

Memory is a few dozen thumbnails and three numbers per frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.film_pixels import Pixels

Array = NDArray[np.float32]

SIZE = (64, 48)
"""Width and height of what is compared, px."""
FLASH = 4
"""A shot goes on after fewer frames than this that resemble nothing."""
_ROOM = (8, 6)
"""By how much the picture may move between two frames, px of `SIZE`."""
_FLAT = 0.006
"""Standard deviation (of a range of 1) below which a frame shows nothing."""
_UNLIKE = 0.6
"""Correlation below which two frames show different things."""
_RATHER_UNLIKE, _DROP = 0.8, 0.25
"""Or below which they do when frames around correlate by so much more."""
_AROUND = 6
_SPANS = (4, 6, 8, 12)
"""Half the lengths of what is looked at for dissolves, frames."""
_STEADY = 0.5
"""Correlation of the changes before and after the middle of a dissolve."""
_BLOCKS, _EVERYWHERE = 4, 0.8
"""Blocks along each side of a frame, and the share of all that a dissolve reaches."""
_MOVED = 0.9
"""Correlation above which the camera's motion explains a change."""
_CHANGE = 0.3
"""Least size of these changes, of the contrast of the frame between them."""


@dataclass(frozen=True)
class Shot:
    """Frames `start` to `stop` (exclusive); the first `dissolve` of them are mixed with the shot before."""

    start: int
    stop: int
    dissolve: int = 0

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.stop - self.start


def thumbnail(pixels: Pixels, bits: int) -> Array:
    """Return the luminance of a frame (H×W or H×W×3, codes of `bits`) at `SIZE`, 0–1."""
    small = np.asarray(cv2.resize(pixels, SIZE, interpolation=cv2.INTER_AREA), np.float32)
    small /= (1 << bits) - 1
    if small.ndim == 3:
        small = small @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.float32)


def find_shots(thumbnails: Iterable[Array]) -> tuple[Shot, ...]:
    """Return the shots of a film, whose frames are given as `thumbnail` returns them.

    Raises
    ------
    ValueError
        There is no frame.
    """
    finder = ShotFinder()
    for small in thumbnails:
        finder.add(small)
    return finder.shots()


class ShotFinder:
    """Takes one frame after the other; see `find_shots`."""

    def __init__(self) -> None:
        self._recent: deque[Array] = deque(maxlen=4 * max(_SPANS) + 1)
        self._count = 0
        self._resembling: list[float] = []
        self._next: list[float] = []
        self._ramps: dict[int, float] = {}
        self._spans: dict[int, int] = {}

    def add(self, small: Array) -> None:
        """Take the next frame."""
        self._recent.append(small)
        self._count += 1
        recent = list(self._recent)
        if len(recent) > 1:
            self._next.append(_likeness(recent[-2], recent[-1]))
        if self._count > FLASH:
            self._compare(recent[-2 * FLASH :], self._count - FLASH)
        for span in _SPANS:
            self._look_for_dissolve(recent, span)

    def shots(self) -> tuple[Shot, ...]:
        """Return the shots of all frames taken."""
        if not self._count:
            raise ValueError("there is no frame")
        recent = list(self._recent)[-2 * FLASH :]
        for at in range(max(1, self._count - FLASH + 1), self._count):
            self._compare(recent, at)
        cuts = [at for at in range(1, self._count) if self._is_cut(at)]
        dissolves = self._dissolves(cuts)
        begins = sorted([(0, 0), *((at, 0) for at in cuts), *dissolves])
        stops = [*(start for start, _ in begins[1:]), self._count]
        return tuple(
            Shot(start, stop, min(length, stop - start))
            for (start, length), stop in zip(begins, stops, strict=True)
        )

    def _compare(self, recent: list[Array], at: int) -> None:
        """Note how alike the frames before `at` and from it on are at best; `recent` ends with the newest."""
        first = self._count - len(recent)
        before = [recent[i - first] for i in range(max(first, at - FLASH), at)]
        after = [recent[i - first] for i in range(at, min(self._count, at + FLASH))]
        best = -1.0
        for one in reversed(before):  # mostly the nearest two are alike already
            for other in after:
                best = max(best, _likeness(one, other))
                if best > _RATHER_UNLIKE:
                    break
            if best > _RATHER_UNLIKE:
                break
        self._resembling.append(best)

    def _is_cut(self, at: int) -> bool:
        likeness = self._resembling[at - 1]
        if likeness < _UNLIKE:
            return True
        around = self._next[max(0, at - 1 - _AROUND) : at - 1] + self._next[at : at + _AROUND]
        usual = float(np.median(around)) if around else 1.0
        return likeness < _RATHER_UNLIKE and likeness < usual - _DROP

    def _look_for_dissolve(self, recent: list[Array], span: int) -> None:
        """Look at the frame `2 · span` before the newest one."""
        middle = len(recent) - 1 - 2 * span
        if middle < span:
            return
        at = self._count - 1 - 2 * span
        steady = _ramp(recent[middle - span], recent[middle], recent[middle + span])
        if steady > max(_STEADY, self._ramps.get(at, 0.0)):
            before, frame, after = (recent[middle + offset] for offset in (-span, 0, span))
            moved = max(_likeness(before, frame), _likeness(frame, after))
            ends = recent[max(0, middle - 2 * span)], recent[-1]
            if moved < _MOVED and _likeness(*ends) < _UNLIKE:
                self._ramps[at], self._spans[at] = steady, span

    def _dissolves(self, cuts: list[int]) -> list[tuple[int, int]]:
        """Return where dissolves begin and how long they last, the most certain of overlapping ones."""
        found: list[tuple[int, int]] = []
        for at in sorted(self._ramps, key=lambda at: (-self._ramps[at], at)):
            span = self._spans[at]
            near = [*cuts, *(start + length // 2 for start, length in found)]
            if all(abs(at - other) > 3 * span for other in near):
                found.append((max(1, at - span), 2 * span))
        return found


def _likeness(one: Array, other: Array) -> float:
    """Return the correlation of two frames where they fit best, −1 to 1."""
    flat = one.std() < _FLAT, other.std() < _FLAT
    if any(flat):
        return 1.0 if all(flat) and abs(float(one.mean() - other.mean())) < 0.2 else 0.0
    return max(_fit(one, other), _fit(other, one))


def _fit(one: Array, other: Array) -> float:
    across, down = _ROOM
    found = cv2.matchTemplate(one, other[down:-down, across:-across], cv2.TM_CCOEFF_NORMED)
    return float(np.nan_to_num(found).max())


def _ramp(before: Array, middle: Array, after: Array) -> float:
    """Return how alike the changes before and after a frame are, −1 to 1; 0 where they are small.

    What only makes the frame brighter or gives it more contrast does not count.
    """
    planes = [(plane - plane.mean()).ravel() for plane in (before, middle, after)]
    contrast = float(np.linalg.norm(planes[1]))
    if contrast < _FLAT * planes[1].size ** 0.5:
        return 0.0
    frame = planes[1] / contrast
    changes = [planes[1] - planes[0], planes[2] - planes[1]]
    first, second = (change - float(change @ frame) * frame for change in changes)
    sizes = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if min(sizes) < _CHANGE * contrast:
        return 0.0
    products, shape = (
        (first * second).reshape(middle.shape),
        (_BLOCKS, -1, _BLOCKS, middle.shape[1] // _BLOCKS),
    )
    if (products.reshape(shape).sum(axis=(1, 3)) > 0).mean() < _EVERYWHERE:
        return 0.0
    return float(products.sum()) / (sizes[0] * sizes[1])
