"""Gate weave: how each frame stands off from the camera's own steady motion, and moving it back.

The shift between two frames is the motion that most of the picture shares. Shifts between frames one and
three apart are reconciled by weighted least squares, so that their errors add up less; what the camera does
over more than a second is taken out again by a Gaussian, and what remains is weave. Moving a frame takes
nothing away: lines pushed out at one edge are kept in the residue, with which the move is undone to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.film_pixels import Pixels
from imaging.motion import Motion
from restoration.film_course import steady_course

Path2 = NDArray[np.float64]

SPANS = (1, 3)
"""Distances of frames that are compared."""
STEADY = 20.0
"""Standard deviation of the Gaussian that the camera's own path passes, frames."""
LARGEST = 12.0
"""Weave beyond this is taken for the camera's doing, px."""
_LEAST_PLACES = 200
"""Trusted places that a shift needs."""
_NARROWING = (2.0, 1.0, 0.5, 0.5)
"""Distances from the shift, px of the reduced size, within which places belong to it, round by round."""
_OUTLIER = 0.3
"""px by which a shift may contradict the others before it counts for half."""
_ROUNDS, _STEPS = 4, 120


@dataclass(frozen=True)
class Shift:
    """What stands at (x, y) in frame `earlier` stands at (x + dx, y + dy) in frame `later`, px."""

    earlier: int
    later: int
    dx: float
    dy: float
    weight: float


def shift_of(motion: Motion, scale: float) -> tuple[float, float, float]:
    """Return the shift that most of a picture shares (right, down, px) and how far it can be believed, 0–1.

    Parameters
    ----------
    motion
        From the earlier frame to the later one, at a reduced size.
    scale
        Full-size px per px of `motion`.
    """
    flow = motion.flow[motion.trust > 0]
    if len(flow) < _LEAST_PLACES:
        return 0.0, 0.0, 0.0
    middle, share = np.median(flow, axis=0), 0.0
    for radius in _NARROWING:
        near = (np.abs(flow - middle) < radius).all(axis=1)
        if near.sum() < _LEAST_PLACES // 4:
            break
        middle, share = flow[near].mean(axis=0), float(near.mean())
    return float(middle[0] * scale), float(middle[1] * scale), share * float(motion.trust.mean())


def weave(shifts: Sequence[Shift], start: int, count: int) -> Path2:
    """Return by how much each of `count` frames from `start` on stands off, count×2, px (right, down)."""
    if count < 3 or not shifts:
        return np.zeros((count, 2))
    earlier = np.array([s.earlier - start for s in shifts])
    later = np.array([s.later - start for s in shifts])
    told = np.array([(s.dx, s.dy) for s in shifts])
    weight = np.array([s.weight for s in shifts])
    path = np.zeros((count, 2))
    nearest = {int(b): d for a, b, d, w in zip(earlier, later, told, weight, strict=True) if b == a + 1 and w}
    for frame in range(1, count):
        path[frame] = path[frame - 1] + nearest.get(frame, 0.0)
    for _ in range(_ROUNDS):
        gap = np.linalg.norm(path[later] - path[earlier] - told, axis=1)
        path = _reconciled(path, earlier, later, told, weight / (1 + (gap / _OUTLIER) ** 2))
    off = path - steady_course(path, STEADY)
    off -= off.mean(axis=0)
    off[np.abs(off).max(axis=1) > LARGEST] = 0.0
    return np.asarray(off)


def moved(frame: Pixels, shift: Sequence[float]) -> Pixels:
    """Return a frame moved by (right, down) px: Lanczos, edges continued, of the same type."""
    height, width = frame.shape[:2]
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    at = cv2.warpAffine(
        frame.astype(np.float32),
        matrix,
        (width, height),
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REPLICATE,
    )
    top = np.iinfo(frame.dtype).max
    return np.asarray(np.clip(np.round(at), 0, top), frame.dtype)


def residue(frame: Pixels, stable: Pixels, shift: Sequence[float]) -> NDArray[np.uint16]:
    """Return what, beside the stable frame and its shift, gives the frame back: see `unmoved`.

    Differences, modulo 65,536, zigzag: small ones of either sign are small numbers.
    """
    back = moved(stable, (-shift[0], -shift[1]))
    difference = (frame.astype(np.int32) - back.astype(np.int32) + 32768) % 65536 - 32768
    return np.asarray(np.where(difference < 0, -2 * difference - 1, 2 * difference), np.uint16)


def unmoved(stable: Pixels, shift: Sequence[float], kept: NDArray[np.uint16]) -> Pixels:
    """Return the frame of which `moved` by `shift` made `stable`, to the bit."""
    back = moved(stable, (-shift[0], -shift[1])).astype(np.int32)
    codes = kept.astype(np.int32)
    difference = np.where(codes % 2, -(codes + 1) // 2, codes // 2)
    return np.asarray((back + difference) % (np.iinfo(stable.dtype).max + 1), stable.dtype)


def _reconciled(path: Path2, earlier: Path2, later: Path2, told: Path2, weight: Path2) -> Path2:
    """Minimize Σ w (p_later − p_earlier − told)² by conjugate gradients from a path that is nearly right.

    What converges last are the longest waves, which are not weave.
    """
    first, second = earlier.astype(int), later.astype(int)

    def apply(p: Path2) -> Path2:
        pull = weight[:, None] * (p[second] - p[first])
        total = 1e-6 * p
        np.add.at(total, second, pull)
        np.subtract.at(total, first, pull)
        return total

    right = np.zeros_like(path)
    np.add.at(right, second, weight[:, None] * told)
    np.subtract.at(right, first, weight[:, None] * told)
    left = right - apply(path)
    way, size = left.copy(), (left**2).sum()
    for _ in range(_STEPS):
        if size < 1e-12:
            break
        applied = apply(way)
        step = size / max(float((way * applied).sum()), 1e-30)
        path = path + step * way
        left = left - step * applied
        size, former = (left**2).sum(), size
        way = left + (size / former) * way
    return path
