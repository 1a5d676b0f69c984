"""The whole scan seen from afar: what the detector says of a small picture of it.

A crease that crosses a sheet, a torn corner and a loss over a face are plain at arm's length and nothing in
a window of full resolution. The scan is reduced to at most `LARGEST` px; the detector judges that as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from restoration.area import grey_overview
from restoration.condition import Condition

Grey = npt.NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Evidence = npt.NDArray[np.float32]
"""C×H×W log-odds: that there is damage, then for each kind that it is this one."""

LARGEST = 1280
"""Longest side of the picture that is looked at as a whole, px."""


@dataclass(frozen=True)
class Overview:
    """Evidence of damage on a reduced picture of the whole scan.

    Parameters
    ----------
    evidence
        C×h×w log-odds, float16 to save memory; see `Evidence`.
    step
        Pixels of the scan to one of it.
    condition
        Of the photograph as a whole.
    """

    evidence: npt.NDArray[np.float16]
    step: int
    condition: Condition

    @classmethod
    def of(cls, image: pyvips.Image, judge: Callable[[Grey], Evidence]) -> Overview:
        """Let `judge` judge the whole of `image`, of 8 or 16 bits per band."""
        step = max(1, -(-max(image.width, image.height) // LARGEST))
        evidence = judge(grey_overview(image, step))
        return cls(evidence.astype(np.float16), step, Condition.of(evidence))

    def under(self, shape: tuple[int, ...], left: int, top: int) -> Evidence:
        """Return what lies under a tile of `shape` (H×W) at `left`, `top` of the scan, enlarged."""
        height, width = shape[:2]
        if self.step == 1:
            part = self.evidence[:, top : top + height, left : left + width]
            return np.asarray(part, np.float32)
        first_row, first_column = max(0, top // self.step - 1), max(0, left // self.step - 1)
        rows = slice(first_row, (top + height) // self.step + 2)
        columns = slice(first_column, (left + width) // self.step + 2)
        # Pixel centers: the middle of pixel i of the scan is (i + 0.5) / step of the overview.
        shift_x = (left + 0.5) / self.step - 0.5 - first_column
        shift_y = (top + 0.5) / self.step - 0.5 - first_row
        place = np.array([[1 / self.step, 0, shift_x], [0, 1 / self.step, shift_y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        enlarged = [
            cv2.warpAffine(
                np.asarray(part[rows, columns], np.float32),
                place,
                (width, height),
                flags=flags,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for part in self.evidence
        ]
        return np.stack(enlarged)
