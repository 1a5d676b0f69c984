"""A detector without a network: what the trained one is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from restoration.defects import Grey, Mapping, Verdicts
from restoration.kinds import SURE, DamageKind
from restoration.overview import Overview


@dataclass(frozen=True)
class ClassicalDetector:
    """Morphological top-hats, normalized by how busy the surroundings are, then sorted by shape.

    A speck or scratch is what an opening (light) or closing (dark) with a disk wider than it removes. Texture
    is removed too, so a response counts only where it stands out from the mean response around it.
    """

    disk: int = 11
    """Diameter of the structuring element, px: the widest line or speck that is seen."""
    surroundings: int = 61
    """Side of the window in which the mean response is taken, px."""
    calm: float = 0.012
    """Mean response above which surroundings are too busy to tell damage from texture."""
    context: int = 64

    @property
    def model(self) -> None:
        """No weights take part."""
        return None

    def survey(self, image: pyvips.Image, over: Mapping = map) -> None:
        """Look at tiles alone."""

    def detect(
        self, grey: Grey, sensitivity: float, overview: Overview | None = None, left: int = 0, top: int = 0
    ) -> Verdicts:
        """Return the verdicts on a tile; see `Detector.detect`."""
        smooth = cv2.GaussianBlur(grey, (0, 0), 0.8)
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (self.disk, self.disk))
        # Standing out by this many mean responses, and by this much at least, makes a defect.
        ratio, contrast = 9.0 - 6.0 * sensitivity, 0.14 - 0.10 * sensitivity
        seeds, found = np.zeros(grey.shape, np.bool_), np.zeros(grey.shape, np.bool_)
        for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
            response = cv2.morphologyEx(smooth, operation, disk)
            around = cv2.blur(response, (self.surroundings, self.surroundings), borderType=cv2.BORDER_REFLECT)
            seeds |= (response > contrast) & (response > ratio * around) & (around < self.calm)
            found |= (response > 0.5 * contrast) & (response > 0.5 * ratio * around)
        kinds = _sort_by_shape(found.view(np.uint8))
        return np.where(kinds > 0, kinds + SURE * seeds, 0).astype(np.uint8)


def _sort_by_shape(found: npt.NDArray[np.uint8]) -> Verdicts:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    kinds = np.zeros(count, np.uint8)
    for i in range(1, count):
        left, top, width, height, area = stats[i]
        if area >= _SMALLEST_SPECK:
            kinds[i] = _kind_by_shape(labels[top : top + height, left : left + width] == i, int(area))
    return np.asarray(kinds[labels])


_SMALLEST_SPECK = 6  # px; smaller responses are grain


def _kind_by_shape(part: npt.NDArray[np.bool_], area: int) -> DamageKind:
    ys, xs = np.nonzero(part)
    (_, _), sides, _ = cv2.minAreaRect(np.column_stack((xs, ys)).astype(np.float32))
    length, breadth = max(sides) + 1.0, min(sides) + 1.0
    if length < 4 * area / length:  # as wide as a quarter of its length, or wider
        return DamageKind.DUST if length < 60 else DamageKind.LOSS
    return DamageKind.SCRATCH if breadth < 0.15 * length else DamageKind.HAIR
