"""Where the colors of a photograph are least sure, in boxes and in words; never what is there.

Reads the confidence that a colorization wrote: the chance that a color is near the true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

UNSURE = 0.5
"""Where the chance is below this, a color is a guess more than a finding."""
LEAST_AREA = 0.005
"""Smaller places are not told of, share of the picture."""
MOST_PLACES = 6
_GRAIN = 0.01
"""Places closer than this share of the longer side are one."""
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "center", "right")


@dataclass(frozen=True)
class DoubtfulPlace:
    """A place whose colors are guesses.

    Parameters
    ----------
    left, top, width, height
        Its box, as shares of the picture's width and height.
    area
        Its share of the picture.
    confidence
        The mean chance in it that a color is near the true one, 0–1.
    where
        In words: ``upper left``.
    """

    left: float
    top: float
    width: float
    height: float
    area: float
    confidence: float
    where: str


@dataclass(frozen=True)
class Doubt:
    """How sure the colors of a photograph are: on the mean, how much is a guess, and where; and in words."""

    mean_confidence: float
    unsure_share: float
    places: tuple[DoubtfulPlace, ...]
    words: str


def describe(confidence: NDArray[np.float32]) -> Doubt:
    """Return where a photograph's colors are least sure, largest places first.

    Parameters
    ----------
    confidence
        h×w, 0–1, at any scale.
    """
    height, width = confidence.shape
    unsure = confidence < UNSURE
    size = max(3, round(_GRAIN * max(height, width)) | 1)
    closed = cv2.morphologyEx(unsure.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    count, labels, stats, centers = cv2.connectedComponentsWithStats(closed)
    found = []
    for number in range(1, count):
        left, top, wide, high, area = (int(value) for value in stats[number])
        if area < LEAST_AREA * confidence.size:
            continue
        found.append(
            DoubtfulPlace(
                left=round(left / width, 4),
                top=round(top / height, 4),
                width=round(wide / width, 4),
                height=round(high / height, 4),
                area=round(area / confidence.size, 4),
                confidence=round(float(confidence[labels == number].mean()), 3),
                where=_where(centers[number][0] / width, centers[number][1] / height, area / confidence.size),
            )
        )
    places = tuple(sorted(found, key=lambda place: -place.area)[:MOST_PLACES])
    mean, share = float(confidence.mean()), float(unsure.mean())
    return Doubt(round(mean, 3), round(share, 3), places, _words(mean, share, places))


def _where(x: float, y: float, area: float) -> str:
    if area > 0.5:
        return "most of the picture"
    row, column = _ROWS[min(2, int(3 * y))], _COLUMNS[min(2, int(3 * x))]
    return "center" if (row, column) == ("middle", "center") else f"{row} {column}"


def _words(mean: float, share: float, places: tuple[DoubtfulPlace, ...]) -> str:
    first = (
        "All colors are inferred by a model, not recorded. On the mean, the chance that a color is near the "
        f"true one is {mean:.0%}."
    )
    if not places:
        return f"{first} No place stands out as a guess."
    told = "; ".join(
        f"{place.where}, {place.area:.0%} of the picture, {place.confidence:.0%}" for place in places
    )
    return f"{first} {share:.0%} of the picture is a guess rather than a finding: {told}."
