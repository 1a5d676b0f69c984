"""Motion between two frames: dense flow by inverse search, warping along it, and where it can be trusted.

Dense inverse search (Kroeger et al. 2016, https://arxiv.org/abs/1603.03590) on 8-bit luminance, as OpenCV has
it; it matches patches less their mean, so that flicker does not mislead it. A place can be trusted where the
flow there and the flow back end where they began (Sundaram, Brox & Keutzer 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Luminance = NDArray[np.uint8]

_RELATIVE, _ABSOLUTE = 0.01, 0.5
"""Of Sundaram et al.: the square of the gap may be this share of the squared motions, plus so many px²."""


class Effort(IntEnum):
    """How hard the search tries, as OpenCV's presets."""

    FAST = cv2.DISOPTICAL_FLOW_PRESET_FAST
    MEDIUM = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM


@dataclass(frozen=True)
class Motion:
    """Where each place of a frame lies in another one.

    Parameters
    ----------
    flow
        H×W×2, px: what is at (x, y) here is at (x, y) + flow there.
    trust
        H×W, 0 or 1.
    """

    flow: Array
    trust: Array

    def fetch(self, planes: Array) -> Array:
        """Return planes of the other frame (H'×W' or H'×W'×C) as they lie here, at their own size.

        What comes from outside is that of the nearest border.
        """
        height, width = planes.shape[:2]
        return fetched(planes, _scaled(self.flow, width, height))

    def reduced(self, width: int, height: int) -> Motion:
        """Return the motion at a smaller size, where trust is a share of 0–1."""
        return Motion(_scaled(self.flow, width, height), self.trust_at(width, height))

    def trust_at(self, width: int, height: int) -> Array:
        """Return the trust at another size, 0–1."""
        if self.trust.shape == (height, width):
            return self.trust
        return np.asarray(cv2.resize(self.trust, (width, height), interpolation=cv2.INTER_AREA), np.float32)


class MotionFinder:
    """Finds motion; one object for many pairs of frames of one size."""

    def __init__(self, effort: Effort = Effort.MEDIUM) -> None:
        self._search: Any = cv2.DISOpticalFlow.create(int(effort))

    def between(self, here: Luminance, there: Luminance) -> tuple[Motion, Motion]:
        """Return the motion from `here` to `there` and the one back, both held against each other."""
        forth, back = self._flow(here, there), self._flow(there, here)
        return Motion(forth, _trust(forth, back)), Motion(back, _trust(back, forth))

    def toward(self, here: Luminance, there: Luminance) -> Motion:
        """Return the motion from `here` to `there`, trusted everywhere: half the work."""
        flow = self._flow(here, there)
        return Motion(flow, np.ones(flow.shape[:2], np.float32))

    def _flow(self, here: Luminance, there: Luminance) -> Array:
        return np.asarray(
            self._search.calc(np.ascontiguousarray(here), np.ascontiguousarray(there), None), np.float32
        )


def fetched(planes: Array, flow: Array) -> Array:
    """Return planes (H×W or H×W×C) sampled at every place moved by `flow` (H×W×2), bilinear."""
    return _sampled(planes, _places(*flow.shape[:2]) + flow)


def _sampled(planes: Array, at: Array) -> Array:
    across, down = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    sampled = cv2.remap(planes, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def _trust(flow: Array, back: Array) -> Array:
    height, width = flow.shape[:2]
    at = _places(height, width) + flow
    returned = _sampled(back, at)
    gap = ((flow + returned) ** 2).sum(axis=2)
    bound = _RELATIVE * ((flow**2).sum(axis=2) + (returned**2).sum(axis=2)) + _ABSOLUTE
    inside = (at >= 0).all(axis=2) & (at[..., 0] <= width - 1) & (at[..., 1] <= height - 1)
    return np.asarray((gap < bound) & inside, np.float32)


def _places(height: int, width: int) -> Array:
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([columns, rows], axis=-1)


def _scaled(flow: Array, width: int, height: int) -> Array:
    rows, columns = flow.shape[:2]
    if (rows, columns) == (height, width):
        return flow
    smaller = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller * np.array([width / columns, height / rows], np.float32), np.float32)
