"""Whether all strips or tiles of a TIFF directory are present, checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imaging.errors import CorruptScan
from imaging.jpeg import check_stream
from imaging.tiff import Directory, Tag

_UNCOMPRESSED = 1
_JPEG = 7
_SEPARATE_PLANES = 2


def check_segments(directory: Directory) -> None:
    """Check that the strips or tiles of a page are as many as its size needs and lie inside the file.

    Raises
    ------
    CorruptScan
        When the header promises data that the file does not hold.
    """
    path = directory.path
    offsets, counts = directory.places
    if not len(offsets):
        raise CorruptScan(path, "its header names no image data", "Scan or export it again.")
    if len(offsets) < directory.segments:
        raise CorruptScan(path, "its header names too few strips for its size", "Scan or export it again.")
    lengths = counts if counts is not None and len(counts) == len(offsets) else offsets.clip(1, 1)
    if (offsets <= 0).any() or (lengths <= 0).any():
        raise CorruptScan(path, "parts of its image data are missing", "Copy or scan it again.")
    if (offsets > path.stat().st_size - lengths).any():
        raise CorruptScan(path, "its header promises more data than the file holds", "Copy or scan it again.")
    if counts is not None and (lengths < _least_bytes(directory)).any():
        raise CorruptScan(path, "its image data is too short for its size", "Copy or scan it again.")


def check_streams(directory: Directory) -> None:
    """Check that nothing is lost in a page that is packed as JPEG, which libtiff would fill with grey.

    Raises
    ------
    CorruptScan
        When a strip or tile is damaged.
    """
    if directory.first(Tag.COMPRESSION, _UNCOMPRESSED) == _JPEG:
        status = directory.path.stat()
        state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        _check_streams(_Checked(directory, (str(directory.path), directory.at, *state)))


@dataclass(frozen=True)
class _Checked:
    directory: Directory = field(compare=False)
    state: tuple[str | int, ...]
    """Of the file, so that one that stages open again and again is checked once."""


@lru_cache(maxsize=64)
def _check_streams(checked: _Checked) -> None:
    directory = checked.directory
    offsets, counts = directory.places
    size = directory.path.stat().st_size
    # Where lengths are not stated, a stream ends with its own end marker.
    lengths = counts if counts is not None and len(counts) == len(offsets) else size - offsets
    tables = directory.entries.get(Tag.JPEG_TABLES)
    with directory.path.open("rb") as stream:
        shared = b""
        if tables is not None:
            stream.seek(tables.value_at)
            shared = stream.read(tables.count)
        for start, length in zip(offsets.tolist(), lengths.tolist(), strict=True):
            stream.seek(start)
            check_stream(directory.path, stream.read(length), shared)


def _least_bytes(directory: Directory) -> NDArray[np.int64]:
    """Return the bytes that each strip or tile needs; libtiff would read missing ones from what follows."""
    needed = np.ones(directory.segments, np.int64)
    if directory.first(Tag.COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED:
        return needed
    samples = directory.first(Tag.SAMPLES_PER_PIXEL, 1)
    in_planes = directory.first(Tag.PLANAR_CONFIGURATION, 1) == _SEPARATE_PLANES
    bits = directory.first(Tag.BITS_PER_SAMPLE, 1) * (1 if in_planes else samples)
    width, height = directory.first(Tag.WIDTH, 0), directory.first(Tag.HEIGHT, 0)
    if directory.is_tiled:
        width, rows = directory.first(Tag.TILE_WIDTH, width), directory.first(Tag.TILE_HEIGHT, height)
        return needed * (rows * (-(-width * bits // 8)))
    rows = max(1, min(height, directory.first(Tag.ROWS_PER_STRIP, height)))
    per_plane = -(-height // rows)
    heights = np.minimum(rows, height - rows * (np.arange(directory.segments) % per_plane))
    return heights * (-(-width * bits // 8))
