"""Several plausible colorings of one photograph, differing where the network truly cannot know.

The default comes first. For each further one, regions of like doubt (one coat, both sleeves) are found from
the distributions, a different mode of each region's distribution is chosen, and a few of the region's places
are told that color through the hint input. The network then colors the whole again, so that each alternative
agrees with itself. Nothing is drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization.hints import EXACT_TRUST
from colorization.models import Array, ColorModel, Prediction

MOST_REGIONS = 5
"""Regions that change from one alternative to the next."""

LEAST_AREA = 0.01
"""Smaller regions stay as they are, share of the photograph."""

ALIKE = 0.8
"""Bhattacharyya coefficient from which two places doubt alike."""

UNDECIDED = 0.6
"""A place is undecided where its confidence is below this."""

APART = 14.0
"""Two colors are different modes from about this distance, a*b* units."""

PLACES = 24
"""Most hints given to one region."""

_PATCH = 5

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Places of like doubt at the network's scale.

    Parameters
    ----------
    mask
        h'×w', true inside.
    modes
        M×2 a*b*: the color shown, then the colors it could as well have, likeliest and farthest first.
    """

    mask: Mask
    modes: Array


def alternatives(
    model: ColorModel, lightness: Array, hints: Array | None = None, count: int = 3
) -> tuple[Prediction, ...]:
    """Return `count` colorings of one photograph, the default first.

    Fewer come back where nothing is undecided.

    Parameters
    ----------
    model
        A model that reads hints.
    lightness
        1×1×h×w, L* 0–100.
    hints
        1×3×h×w, what is known; it holds in every alternative.
    count
        How many to return, the default included.
    """
    default = model.predict(lightness, hints)
    found = [default]
    regions = undecided_regions(default, hints, count)
    for number in range(1, count):
        changed = [region for region in regions if len(region.modes) > number]
        if not changed:
            break
        told = _tell(default, changed, number, lightness.shape[-2:], hints)
        found.append(model.predict(lightness, told))
    return tuple(found)


def undecided_regions(default: Prediction, hints: Array | None, count: int) -> tuple[Region, ...]:
    """Return the regions whose color the network cannot know, most undecided first."""
    probability = default.probabilities[0]
    height, width = probability.shape[1:]
    shown = np.stack([_shrunk(plane, height, width) for plane in default.ab[0]])
    doubt = cv2.GaussianBlur(1 - _shrunk(default.confidence[0, 0], height, width), (0, 0), 1.5)
    free = doubt > 1 - UNDECIDED
    if hints is not None:
        free &= _shrunk(hints[0, 2], height, width) == 0
    root = np.sqrt(np.stack([cv2.blur(plane, (3, 3)) for plane in probability]))
    regions: list[Region] = []
    for _ in range(4 * MOST_REGIONS):
        if len(regions) == MOST_REGIONS or not free.any():
            break
        seed = np.unravel_index(np.argmax(np.where(free, doubt, -1)), free.shape)
        mask = free & (np.tensordot(root[:, seed[0], seed[1]], root, 1) > ALIKE)
        mask[seed] = True
        free &= ~mask
        if mask.mean() >= LEAST_AREA:
            modes = _modes(probability[:, mask].mean(1), default.bins, shown[:, mask].mean(1), count)
            regions.append(Region(mask, modes))
    return tuple(regions)


def _modes(share: Array, bins: Array, shown: Array, count: int) -> Array:
    distance = np.linalg.norm(bins[:, None] - bins[None], axis=-1)
    density = np.exp(-(distance**2) / (2 * 8.0**2)) @ share
    chosen = [shown]
    while len(chosen) < count:
        nearest = np.min([np.linalg.norm(bins - color, axis=1) for color in chosen], axis=0)
        merit = density * (1 - np.exp(-(nearest**2) / (2 * APART**2)))
        chosen.append(bins[int(np.argmax(merit))])
    return np.stack(chosen).astype(np.float32)


def _tell(
    default: Prediction, regions: list[Region], number: int, size: tuple[int, ...], hints: Array | None
) -> Array:
    """Return hint planes that say mode `number` at places spread over each region."""
    height, width = size
    planes = np.zeros((1, 3, height, width), np.float32) if hints is None else hints.copy()
    rows, columns = regions[0].mask.shape
    for region in regions:
        inner = cv2.erode(region.mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        places = np.argwhere(inner if inner.sum() >= PLACES else region.mask)
        for row, column in places[:: max(1, len(places) // PLACES)]:
            color = _near(default.probabilities[0, :, row, column], default.bins, region.modes[number])
            top = max(0, int((row + 0.5) * height / rows) - _PATCH // 2)
            left = max(0, int((column + 0.5) * width / columns) - _PATCH // 2)
            patch = planes[0, :, top : top + _PATCH, left : left + _PATCH]
            patch[:, patch[2] < EXACT_TRUST] = np.array([*color, EXACT_TRUST], np.float32)[:, None]
    return planes


def _near(share: Array, bins: Array, mode: Array) -> Array:
    """Return the mean of a place's distribution around a mode: its own shade of that color."""
    weight = (share + 1e-6) * np.exp(-np.sum((bins - mode) ** 2, 1) / (2 * 8.0**2))
    return np.asarray(weight @ bins / weight.sum(), np.float32)


def _shrunk(plane: Array, height: int, width: int) -> Array:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.float32)
