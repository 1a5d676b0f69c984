"""Mending: what is masked is filled from what surrounds it; every other pixel keeps its value."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
"""H×W×B encoded values in [0, 1]."""
Mask = npt.NDArray[np.bool_]
"""H×W, true where the photograph is damaged."""

RIM = 1
"""Pixels by which a mask is widened before mending: the blurred edge of a defect is damage too."""
REACH = 5.0
"""Radius from which Telea's method takes its values, px."""


def mend(picture: Picture, mask: Mask) -> Picture:
    """Fill the masked pixels of a tile from their surroundings.

    Parameters
    ----------
    picture
        H×W×B encoded values in [0, 1].
    mask
        H×W, true where the photograph is damaged.

    Returns
    -------
    H×W×B; equal to `picture` outside the mask.
    """
    if not mask.any():
        return picture
    holes = mask.view(np.uint8)
    mended = picture.copy()
    for band in range(picture.shape[2]):
        # 16 bits, because OpenCV's float32 variant leaves the range of its input.
        coded = np.rint(picture[:, :, band].clip(0, 1) * 65535).astype(np.uint16)
        filled = cv2.inpaint(coded, holes, REACH, cv2.INPAINT_TELEA)
        mended[:, :, band][mask] = filled[mask].astype(np.float32) / 65535
    return mended
