"""Figures of films, each from arrays alone: warp error, color distribution consistency, flicker.

Frames are H×W×3 sRGB in 0–255, a*b* planes H×W×2 in CIE units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.motion import Motion, MotionFinder
from imaging.shots import Shot

Array = NDArray[np.float32]
Frame = NDArray[np.uint8]

_STEPS = (1, 2, 4)


def motions(luminance: Sequence[Frame], shots: Sequence[Shot]) -> dict[int, Motion]:
    """Return the motion from each frame to the one before, within shots."""
    finder = MotionFinder()
    inner = (number for shot in shots for number in range(shot.start + 1, shot.stop))
    return {number: finder.between(luminance[number], luminance[number - 1])[0] for number in inner}


def warp_error(chroma: Sequence[Array], moved: Mapping[int, Motion]) -> float:
    """Return how far chroma is from that of the same place one frame before, where motion can be trusted.

    Mean Euclidean distance, a*b* units.
    """
    errors = []
    for number, motion in moved.items():
        distance = np.linalg.norm(chroma[number] - motion.fetch(chroma[number - 1]), axis=2)
        trusted = motion.trust > 0
        if trusted.any():
            errors.append(float(distance[trusted].mean()))
    return float(np.mean(errors))


def color_consistency(frames: Sequence[Frame]) -> float:
    """Return CDC (Liu et al. 2021, https://arxiv.org/abs/2110.04562): 0 where the shares of colors stay.

    Jensen–Shannon divergences (nats) of the histograms of R, G and B, one, two and four frames apart.
    """
    counts = [
        [np.bincount(frame[..., band].ravel(), minlength=256) / frame[..., band].size for band in range(3)]
        for frame in frames
    ]
    means = [
        np.mean([
            _divergence(counts[first][band], counts[first + step][band])
            for first in range(len(counts) - step)
            for band in range(3)
        ])
        for step in _STEPS
    ]  # fmt: skip
    return float(np.mean(means))


def flicker(frames: Sequence[Frame], truth: Sequence[Frame]) -> float:
    """Return the standard deviation of brightness that changes from frame to frame, levels of 255.

    Of the changes of the mean's error, by √2: independent errors have this deviation.
    """
    error = np.array([float(a.mean()) - float(b.mean()) for a, b in zip(frames, truth, strict=True)])
    return float(np.diff(error).std() / 2**0.5)


def brightness_error(frames: Sequence[Frame], truth: Sequence[Frame]) -> float:
    """Return the standard deviation of brightness about the truth, slow wandering included, levels."""
    return float(np.std([float(a.mean()) - float(b.mean()) for a, b in zip(frames, truth, strict=True)]))


def _divergence(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    middle = (one + other) / 2
    return float((_relative(one, middle) + _relative(other, middle)) / 2)


def _relative(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    present = one > 0
    return float((one[present] * np.log(one[present] / other[present])).sum())
