"""The slow course of something measured in every frame of a shot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def steady_course(path: Array, sigma: float) -> Array:
    """Return what of a path (count×C) is slower than `sigma` frames: local lines under Gaussian weights.

    Lines, so that what changes evenly is followed to the very ends.

    Examples
    --------
    >>> even = np.arange(50.0)[:, None]
    >>> bool(np.allclose(steady_course(even, 8), even))
    True
    """
    count, reach = len(path), int(3 * sigma)
    smooth = np.empty_like(path)
    for frame in range(count):
        at = np.arange(max(0, frame - reach), min(count, frame + reach + 1))
        offset = at - frame
        weight = np.exp(-0.5 * (offset / sigma) ** 2)
        sums = [(weight * offset**power).sum() for power in range(3)]
        fall = sums[0] * sums[2] - sums[1] ** 2
        line = weight * (sums[2] - sums[1] * offset) / fall if fall > 1e-9 else weight / sums[0]
        smooth[frame] = line @ path[at]
    return smooth
