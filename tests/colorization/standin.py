"""A stand-in for the color network: deterministic, quick, and as obedient to hints as it is told to be."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.stage import ModelReference

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Colors:
    ab: Array
    confidence: Array


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code under test catches it."""


@dataclass
class StandIn:
    """Color that depends on soft L* and, where hints say so, on them.

    Parameters
    ----------
    dies_after
        Batches after which `Killed` is raised.
    most_pixels
        px of a batch above which memory "runs out".
    """

    dies_after: int = 10**9
    most_pixels: int = 10**9
    seen: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def reference(self) -> ModelReference:
        return ModelReference("stand-in", "1", "0" * 64)

    def predict(self, lightness: Array, hints: Array | None = None) -> Colors:
        if len(self.seen) >= self.dies_after:
            raise Killed
        if lightness.size > self.most_pixels:
            raise MemoryError
        self.seen.append(lightness.shape)
        soft = np.stack([cv2.GaussianBlur(picture[0], (0, 0), 3) for picture in lightness])
        # The mean makes tiles disagree, as networks do that see only a part.
        mood = soft.mean(axis=(1, 2), keepdims=True)
        ab = np.stack([40 * np.sin(soft / 20 + mood / 7), 30 * np.cos(soft / 15 - mood / 9)], axis=1)
        if hints is not None:
            trust = np.where(hints[:, 2:] >= 1, 1, 1.8 * hints[:, 2:]).astype(np.float32)
            ab = ab * (1 - trust) + hints[:, :2] * trust
        sure = (soft[:, None] / 100).clip(0, 1)
        return Colors(ab.astype(np.float32), sure.astype(np.float32))
