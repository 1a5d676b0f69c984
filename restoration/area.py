"""Which part of a scan is photograph and not border, found on a reduced copy in bounded memory."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from imaging.borders import photograph_area
from imaging.lab import grey_to_lightness
from restoration.sampling import Grey, encoded, luma

Area = tuple[slice, slice]
"""Rows and columns, px."""

SIDE = 1024
"""Borders are detected on a copy of the scan of at most this size, px."""
_STRIP = 8
"""Rows of that copy that are made at a time."""
_WRITTEN_OVER = 4
"""How far numbers and notes on a border may reach into the photograph, px of that copy."""
_PIECE = 2**22
"""Pixels of the scan that are reduced together; in color they take some 100 MB."""


def area_of(image: pyvips.Image) -> Area:
    """Return the part of the scan that is photograph and free of writing on the border."""
    step = max(1, -(-max(image.width, image.height) // SIDE))
    small = overview(image, step)
    rows, columns = photograph_area(small)
    height, width = small.shape
    return _inside(rows, height, step, image.height), _inside(columns, width, step, image.width)


def within(image: pyvips.Image, area: Area) -> pyvips.Image:
    """Return that part of `image`."""
    rows, columns = area
    return image.crop(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def scaled(area: Area, height: int, width: int, factor: float) -> Area:
    """Return `area` on the scan at `factor` of its size, `height`×`width` px; never empty."""
    rows, columns = (
        slice(
            min(round(part.start * factor), length - 1),
            max(1, min(round(part.stop * factor), length)),
        )
        for part, length in zip(area, (height, width), strict=True)
    )
    return rows, columns


def _inside(found: slice, side: int, step: int, length: int) -> slice:
    """Return where a scan of `length` px is photograph, given `found` on a copy of `side` px."""
    start = (found.start + _WRITTEN_OVER) * step if found.start else 0
    stop = (found.stop - _WRITTEN_OVER) * step if found.stop < side else length
    return slice(start, stop) if start < stop else slice(0, length)  # all border means no border


def overview(image: pyvips.Image, step: int, piece: int = _PIECE) -> npt.NDArray[np.float32]:
    """Return the L* (0–100) of a scan at a `step`-th of its size, h×w, made of pieces of about `piece` px."""
    return grey_to_lightness(grey_overview(image, step, piece))


def grey_overview(image: pyvips.Image, step: int, piece: int = _PIECE) -> Grey:
    """Return the encoded grey values (0–1) of a scan at a `step`-th of its size; see `overview`."""
    height = _STRIP * step
    width = max(1, piece // (height * step)) * step
    strips = []
    for top in range(0, image.height, height):
        strip = image.crop(0, top, image.width, min(height, image.height - top))
        pieces = [
            _reduced(strip.crop(left, 0, min(width, image.width - left), strip.height), step)
            for left in range(0, image.width, width)
        ]
        strips.append(np.concatenate(pieces, axis=1))
    return np.asarray(np.concatenate(strips), np.float32)


def _reduced(piece: pyvips.Image, step: int) -> Grey:
    pixels = piece.numpy().reshape(piece.height, piece.width, piece.bands)
    size = (-(-piece.width // step), -(-piece.height // step))
    return np.asarray(cv2.resize(luma(encoded(pixels)), size, interpolation=cv2.INTER_AREA), np.float32)
