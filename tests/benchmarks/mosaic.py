"""Large scans of known color: photographs that scikit-image installs, enlarged, captioned and grained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray
from skimage import data

from imaging.lab import lab_to_srgb, srgb_to_lab

Array = NDArray[np.float32]

ACROSS = 4
"""Photographs per row; the picture is square."""
CELL = 512
"""Side of a photograph before it is enlarged, px."""
DIFFERENT = 8
"""Photographs after which they come again, mirrored."""
GRAIN = 3.0
"""Standard deviation of the grain, 8-bit codes."""
LARGEST = 8192
"""Side to which the mosaic is enlarged, px; larger pictures repeat it."""


def photographs() -> Iterator[Array]:
    """Yield `ACROSS`² color photographs, `CELL`×`CELL`×3, sRGB 0–1, each with a caption."""
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), *data.stereo_motorcycle()[:2]]
    sources += [data.hubble_deep_field(), data.retina()]
    for number in range(ACROSS**2):
        pixels = sources[number % len(sources)]
        side = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
        square = pixels[top : top + side, left : left + side]
        if number >= len(sources):
            square = square[:, ::-1]
        cell = cv2.resize(np.ascontiguousarray(square), (CELL, CELL), interpolation=cv2.INTER_AREA)
        where, font = (16, CELL - 16), cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(cell, f"No. {1900 + number}", where, font, 0.8, (235, 235, 235), 2, cv2.LINE_AA)
        yield (cell / 255).astype(np.float32)


def known_color(side: int) -> Array:
    """Return L*a*b* (3×side×side) of one mosaic without grain."""
    cells = list(photographs())
    rows = [np.concatenate(cells[i : i + ACROSS], axis=1) for i in range(0, len(cells), ACROSS)]
    whole = np.concatenate(rows)
    method = cv2.INTER_AREA if side < len(whole) else cv2.INTER_CUBIC
    whole = cv2.resize(whole, (side, side), interpolation=method).clip(0, 1)
    return np.moveaxis(srgb_to_lab(whole), -1, 0)


def write_scan(path: Path, side: int, bits: int = 8) -> None:
    """Write the mosaic's L* as an uncompressed grey scan, side×side px."""
    top, one = 255 if bits == 8 else 65535, min(side, LARGEST)
    cells = [lab_to_srgb(srgb_to_lab(cell) * (1, 0, 0))[..., 1] * top for cell in photographs()]
    scale = one / ACROSS / CELL
    images = [
        pyvips.Image.new_from_array(cell.astype(np.float32)).resize(scale, kernel="cubic") for cell in cells
    ]
    mosaic = pyvips.Image.arrayjoin(images, across=ACROSS).crop(0, 0, one, one)
    texture = pyvips.Image.gaussnoise(1024, 1024, mean=0, sigma=GRAIN * top / 255, seed=1).copy_memory()
    grain = texture.replicate(-(-one // 1024), -(-one // 1024)).crop(0, 0, one, one)
    scan = (mosaic + grain).rint().cast("uchar" if bits == 8 else "ushort").copy_memory()
    scan = scan.replicate(side // one, side // one)
    scan.copy(interpretation="b-w" if bits == 8 else "grey16").tiffsave(str(path), bigtiff=side > 40_000)
