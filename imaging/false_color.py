"""False colors for shares of 0–1: a perceptual color map over the photograph, and its legend.

The map is viridis (van der Walt & Smith 2015), whose lightness rises evenly from dark violet to yellow: equal
steps look equal everywhere, to the color-blind as well, and it is as readable when printed in grey.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

GROUND_SHARE = 0.45
"""Weight of the photograph's lightness under the map."""


def overlay(share: pyvips.Image, photograph: pyvips.Image) -> pyvips.Image:
    """Return a share drawn in colors over a photograph.

    Parameters
    ----------
    share
        One band of 8 bits, 0 for 0 and 255 for 1; any size.
    photograph
        8 bits, grey or sRGB; the result has its size.

    Returns
    -------
    pyvips.Image
        sRGB, 8 bits.
    """
    stretched = share.resize(photograph.width / share.width, vscale=photograph.height / share.height)
    colors = stretched.cast("uchar").maplut(_viridis())
    light = photograph.colourspace("b-w") if photograph.bands > 1 else photograph
    # Mid-grey leaves the map as it is; darker and lighter places of the photograph shade it.
    shaded = colors * (1 - GROUND_SHARE) + light * GROUND_SHARE
    return shaded.cast("uchar").copy(interpretation="srgb")


def legend(width: int, height: int) -> pyvips.Image:
    """Return the map from 0 at the left to 1 at the right, sRGB, 8 bits."""
    ramp = pyvips.Image.xyz(width, height)[0] * (255 / max(1, width - 1))
    return ramp.cast("uchar").maplut(_viridis()).copy(interpretation="srgb")


def colors() -> list[str]:
    """Return the map as 256 colors ``#rrggbb``, that of 0 first."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in _table()[0].tolist()]


def _viridis() -> pyvips.Image:
    return pyvips.Image.new_from_array(_table()).copy(interpretation="srgb")


def _table() -> npt.NDArray[np.uint8]:
    """Return the map as RGB, 1×256×3."""
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_VIRIDIS)[..., ::-1]
    return np.ascontiguousarray(table, dtype=np.uint8)
