"""A picture processed in full-width bands, each saved to disk as soon as it is done.

Writes one TIFF per band and layer, whole or not at all; bands that exist are not made again, so that a killed
stage resumes with the band it had reached. Only the bands in use are ever in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

from imaging.disk import writing
from imaging.errors import StoredFileError
from imaging.fixity import atomic_path

Pixels = npt.NDArray[Any]
"""H×W or H×W×B, uint8 or uint16."""

_BAND_BYTES = 96 * 2**20
"""The pixels of a band of one layer take no more memory, unless it would be lower than `_LOWEST_BAND`."""
_LOWEST_BAND = 128
"""Pixels; with lower bands most of the work would be margins."""
_GRID = 32
"""Bands begin at multiples of this, px, as the cells of the networks do, so that they see the same cells."""


@dataclass(frozen=True)
class Band:
    """Rows ``top`` to ``top + height`` of a picture."""

    index: int
    top: int
    height: int


class BandFolder:
    """The bands of one picture in one folder.

    Parameters
    ----------
    folder
        Where the bands are kept; its name should identify what determines their content.
    width, height
        Of the picture, px.
    pixel_bytes
        Bytes of one pixel of the largest layer.
    tile
        Height of a band, px, where memory allows.
    """

    def __init__(self, folder: Path, width: int, height: int, pixel_bytes: int, tile: int) -> None:
        self.folder = folder
        self.width = width
        self.height = height
        affordable = max(_LOWEST_BAND, _BAND_BYTES // (width * pixel_bytes) // _GRID * _GRID)
        self.band_height = min(tile, affordable)
        folder.mkdir(parents=True, exist_ok=True)
        self._read = lru_cache(maxsize=3)(self._decode)

    def __iter__(self) -> Iterator[Band]:
        """Yield the bands from top to bottom."""
        for index, top in enumerate(range(0, self.height, self.band_height)):
            yield Band(index, top, min(self.band_height, self.height - top))

    def __len__(self) -> int:
        return (self.height - 1) // self.band_height + 1

    def has(self, layer: str, band: Band) -> bool:
        """Whether `band` of `layer` is done."""
        return self._path(layer, band.index).exists()

    def save(self, layer: str, band: Band, pixels: Pixels) -> None:
        """Keep `band` of `layer`, whole or not at all.

        Raises
        ------
        StoreError
            When the disk is full.
        """
        image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
        path = self._path(layer, band.index)
        with writing(path), atomic_path(path) as partial:
            # Bands are read once more and deleted: deflate only where it is nearly free.
            image.tiffsave(str(partial), compression="packbits" if pixels.dtype == np.uint8 else "none")

    def rows(self, layer: str, top: int, bottom: int) -> Pixels:
        """Return rows `top` to `bottom` of `layer`, from however many bands they lie in.

        Raises
        ------
        StoredFileError
            When a band is damaged.
        """
        first, last = top // self.band_height, (bottom - 1) // self.band_height
        parts = []
        for index in range(first, last + 1):
            offset = index * self.band_height
            pixels = self._read(layer, index)
            parts.append(pixels[max(0, top - offset) : bottom - offset])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def joined(self, layer: str) -> pyvips.Image:
        """Return `layer` as one lazily read image, to be read once from top to bottom."""
        bands = [self._open(layer, band.index, access="sequential") for band in self]
        joined = pyvips.Image.arrayjoin(bands, across=1) if len(bands) > 1 else bands[0]
        return joined.crop(0, 0, self.width, self.height)  # arrayjoin pads the last band to full height

    def _decode(self, layer: str, index: int) -> Pixels:
        try:
            image = self._open(layer, index)
            pixels: Pixels = image.numpy()
        except pyvips.Error as error:
            remedy = f"Remove {self.folder} and run it again."
            fault = "this unfinished work is damaged"
            raise StoredFileError(self._path(layer, index), fault, remedy) from error
        # For a single pixel libvips returns a scalar.
        return pixels.reshape((image.height, image.width, image.bands)[: 2 if image.bands == 1 else 3])

    def _open(self, layer: str, index: int, *, access: str = "random") -> pyvips.Image:
        # libtiff refuses the strips of very wide bands by default; these files are our own.
        return pyvips.Image.tiffload(
            str(self._path(layer, index)), access=access, revalidate=True, unlimited=True
        )

    def _path(self, layer: str, index: int) -> Path:
        return self.folder / f"{layer}-{index:05d}.tif"
