"""Hints of key frames carried along motion through their shot, both ways, for as long as their place is seen.

A hint's disc moves by the median motion of the places in it that can be trusted, and is then set right by
what it looked like in its key frame, so that small errors do not add up. Where fewer than `LEAST_TRUST` of
its places can be trusted, the thing was covered or left the frame, and the hint ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization.film_options import FilmHint
from colorization.hints import Hint
from imaging.motion import MotionFinder

Luminance = NDArray[np.uint8]

LEAST_TRUST = 0.5
_ALIKE = 0.8
"""Correlation with the key frame from which its looks set the place right; below, the latest looks count."""
_SEARCH = 3
"""By how much a place is set right at the most, px."""
_LEAST_RADIUS = 4.0
"""Of what is compared, px."""


@dataclass(frozen=True)
class CarriedHint:
    """Where a hint stands in one frame."""

    number: int
    frame: int
    hint: Hint


def carry(
    given: FilmHint, frames: Sequence[Luminance], start: int, number: int = 0
) -> tuple[CarriedHint, ...]:
    """Carry a hint through one shot.

    Parameters
    ----------
    given
        A hint of one of the frames.
    frames
        h×w luminance of frames of the shot.
    start
        Number of the first of them in the film.
    number
        Of the hint.

    Returns
    -------
    tuple
        Every frame in which the hint stands, in order, with its place there.
    """
    key = given.frame - start
    later = _followed(given.hint, frames[key:])
    earlier = _followed(given.hint, frames[key::-1])
    stands = {given.frame: given.hint}
    stands |= {given.frame + distance: hint for distance, hint in enumerate(later, start=1)}
    stands |= {given.frame - distance: hint for distance, hint in enumerate(earlier, start=1)}
    return tuple(CarriedHint(number, frame, stands[frame]) for frame in sorted(stands))


def _followed(hint: Hint, frames: Iterable[Luminance]) -> Iterator[Hint]:
    """Yield the hint in each frame after the first, until it is lost."""
    finder = MotionFinder()
    before, looks = None, None
    for frame in frames:
        height, width = frame.shape
        radius = max(hint.radius * max(width, height), 1.0)
        if before is None or looks is None:
            before, looks = frame, _looks(frame, hint, radius)
            continue
        motion, _ = finder.between(before, frame)
        rows, columns = np.ogrid[:height, :width]
        column, row = hint.x * width - 0.5, hint.y * height - 0.5
        inside = (columns - column) ** 2 + (rows - row) ** 2 <= radius**2
        trusted = inside & (motion.trust > 0)
        if not trusted.any() or trusted.sum() < LEAST_TRUST * inside.sum():
            return
        across, down = np.median(motion.flow[trusted], axis=0)
        moved = hint.x + float(across) / width, hint.y + float(down) / height
        if not all(0 <= place <= 1 for place in moved):
            return
        hint = replace(hint, x=moved[0], y=moved[1])
        hint, alike = _set_right(frame, hint, looks)
        if alike < _ALIKE:
            looks = _looks(frame, hint, radius)
        before = frame
        yield hint


def _looks(frame: Luminance, hint: Hint, radius: float) -> Luminance:
    side = 2 * round(max(radius, _LEAST_RADIUS)) + 1
    return _patch(frame, hint, side)


def _patch(frame: Luminance, hint: Hint, side: int) -> Luminance:
    height, width = frame.shape
    center = (hint.x * width - 0.5, hint.y * height - 0.5)
    return np.asarray(cv2.getRectSubPix(frame, (side, side), center), np.uint8)


def _set_right(frame: Luminance, hint: Hint, looks: Luminance) -> tuple[Hint, float]:
    """Return the hint where it looks most as it did, if that is near, and how alike it is there."""
    height, width = frame.shape
    around = _patch(frame, hint, len(looks) + 2 * _SEARCH)
    scores = np.nan_to_num(np.asarray(cv2.matchTemplate(around, looks, cv2.TM_CCOEFF_NORMED)))
    row, column = (int(i) for i in np.unravel_index(int(scores.argmax()), scores.shape))
    best = float(scores[row, column])
    if best < _ALIKE or not (0 < row < 2 * _SEARCH and 0 < column < 2 * _SEARCH):
        return hint, best
    across = column - _SEARCH + _vertex(*scores[row, column - 1 : column + 2])
    down = row - _SEARCH + _vertex(*scores[row - 1 : row + 2, column])
    x, y = hint.x + across / width, hint.y + down / height
    return (replace(hint, x=x, y=y), best) if 0 <= x <= 1 and 0 <= y <= 1 else (hint, best)


def _vertex(before: float, here: float, after: float) -> float:
    """Return where a parabola through three values has its top, −0.5 to 0.5 of a step."""
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
