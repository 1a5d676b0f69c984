"""Flicker of brightness: the tones of the same things from frame to frame, and bringing them to one level.

What the things in two neighboring frames have in common tells how exposure went from one to the other: the
quantiles of their tones at places that motion connects. Chained, these steps give the path of every tone
through the shot; what of the path is slower than `STEADY` frames is the scene's own light and stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.film_pixels import Pixels
from imaging.motion import Motion
from restoration.film_course import steady_course

Array = NDArray[np.float64]

QUANTILES = 33
"""Tones that are compared."""
STEADY = 24.0
"""Standard deviation of the Gaussian under which the scene's own light is followed, frames."""
LEAST = 0.35
"""Flicker below this standard deviation is left alone, levels of 255."""
_TONES = 25
_LEAST_PLACES = 500


def tones_in_common(here: NDArray[np.uint8], before: NDArray[np.uint8], motion: Motion) -> Array | None:
    """Return quantiles of the tones of the same places before and here, 2×`QUANTILES`; `None` for too few.

    Parameters
    ----------
    here, before
        h×w luminance.
    motion
        From here to before.
    """
    trusted = motion.trust > 0
    if trusted.sum() < _LEAST_PLACES:
        return None
    there = motion.fetch(before.astype(np.float32))
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.stack([np.quantile(there[trusted], at), np.quantile(here[trusted], at)])


def corrections(steps: Sequence[Array | None]) -> tuple[Array, float]:
    """Return, for each frame of a shot, how its tones are to change, and the flicker's standard deviation.

    Parameters
    ----------
    steps
        For each frame what `tones_in_common` says of it and the one before; the first one's is not read.

    Returns
    -------
    tuple
        count×2×T: tones as they are and as they are to be, levels of 255, both rising; and the standard
        deviation of the mean tone about its slow course, levels.
    """
    tones = np.linspace(0, 255, _TONES)
    path = np.empty((len(steps), _TONES))
    for number, step in enumerate(steps):
        if number and step is not None:
            tones = _carried(tones, *step)
        path[number] = tones
    slow = np.maximum.accumulate(steady_course(path, STEADY), axis=1)
    middle = slice(_TONES // 5, -_TONES // 5)
    sigma = float(np.std((path - slow)[:, middle].mean(axis=1)))
    wanted = path if sigma < LEAST else slow
    return np.stack([path, wanted], axis=1), sigma


def corrected(pixels: Pixels, bits: int, correction: Array) -> Pixels:
    """Return a frame with its tones changed (2×T, as from `corrections`); unchanged where they agree."""
    if np.array_equal(correction[0], correction[1]):
        return pixels
    top = (1 << bits) - 1
    codes = np.arange(top + 1) * (255 / top)
    changed = codes + np.interp(codes, correction[0], correction[1] - correction[0])
    table = np.maximum.accumulate(np.clip(np.round(changed * (top / 255)), 0, top)).astype(pixels.dtype)
    return np.asarray(table[pixels])


def _carried(tones: Array, before: Array, here: Array) -> Array:
    """Return what tones become: between known ones by lines, below in proportion, above by the difference."""
    known, become = np.maximum.accumulate(before + np.arange(QUANTILES) * 1e-6), np.maximum.accumulate(here)
    carried = np.interp(tones, known, become)
    low, high = tones < known[0], tones > known[-1]
    carried[low] = tones[low] * (become[0] / max(known[0], 1e-6))
    carried[high] = tones[high] + (become[-1] - known[-1])
    return np.asarray(np.maximum.accumulate(np.clip(carried, 0, 510) + np.arange(_TONES) * 1e-6))
