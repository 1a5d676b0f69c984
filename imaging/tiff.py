"""The directories of a TIFF file, read before anything is decoded.

Only what libtiff does not promise: that every strip and tile a header speaks of lies inside the file, and
which directories are pages of their own rather than smaller copies. A lying count costs nothing: of each tag
one value is read, and of the tables of strips and tiles, which many directories may share, no more than a
page's size needs, once somebody asks. TIFF 6.0 §2 and the BigTIFF extension (8-byte offsets, version 43).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from math import ceil
from pathlib import Path
from struct import error as StructError
from struct import unpack
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from imaging.errors import CorruptScan, ScanTooLarge


class Tag(IntEnum):
    """The tags that this package looks at (TIFF 6.0 appendix A)."""

    NEW_SUBFILE_TYPE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    STRIP_OFFSETS = 273
    SAMPLES_PER_PIXEL = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTE_COUNTS = 279
    PLANAR_CONFIGURATION = 284
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    XMP = 700


_TABLES = (Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS, Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS)
_TYPES = {
    1: "u1",
    2: "u1",
    3: "u2",
    4: "u4",
    6: "i1",
    7: "u1",
    8: "i2",
    9: "i4",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
_OTHER_SIZES = {5: 8, 10: 8, 11: 4, 12: 8}
_MOST_ENTRIES = 512
"""There are fewer tags than that; overlapping directories would multiply more."""
_REDUCED_OR_MASK = 0b101
_UNCOMPRESSED = 1
_SEPARATE_PLANES = 2
_YCBCR = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory entry: its type code, count, and where its value and the entry itself lie in the file."""

    type: int
    count: int
    value_at: int
    slot: int


@dataclass(frozen=True)
class Layout:
    """How a TIFF file counts: byte order and the width of its offsets."""

    order: str
    big: bool

    @property
    def entry_size(self) -> int:
        """Bytes of one directory entry."""
        return 20 if self.big else 12

    @property
    def offset_format(self) -> str:
        """`struct` format of an offset."""
        return f"{self.order}{'Q' if self.big else 'I'}"

    @property
    def offset_size(self) -> int:
        """Bytes of an offset."""
        return 8 if self.big else 4


@dataclass(frozen=True)
class Directory:
    """One image file directory, with the first integer value of each tag in `Tag` already read."""

    path: Path
    layout: Layout
    index: int
    entries: Mapping[int, Entry]
    firsts: Mapping[int, int]

    def first(self, tag: Tag, default: int) -> int:
        """Return the first value of a tag."""
        return self.firsts.get(tag, default)

    @cached_property
    def values(self) -> Mapping[int, NDArray[np.int64]]:
        """The tables of where strips or tiles lie and how long they are, as far as the page's size needs."""
        with self.path.open("rb") as stream, _reading(self.path):
            return {
                tag: _read_values(stream, self.layout, self.entries[tag], _segments_needed(self, tag))
                for tag in _TABLES
                if tag in self.firsts
            }

    @property
    def is_page(self) -> bool:
        """Whether this is a picture of its own: no reduced copy, mask or container of content credentials."""
        # C2PA keeps its manifest in a directory of its own, which has no size.
        return Tag.WIDTH in self.firsts and not self.first(Tag.NEW_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK


def read_layout(path: Path, stream: BinaryIO) -> tuple[Layout, int]:
    """Return the byte layout and the file offset that holds the offset of the first directory."""
    head = stream.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise CorruptScan(path, "it is no TIFF file", "Scan or export it again.")
    big = unpack(f"{order}H", head[2:4])[0] == 43
    return Layout(order, big), 8 if big else 4


def read_directories(path: Path, max_directories: int) -> list[Directory]:
    """Read the chain of directories of a TIFF file.

    Raises
    ------
    CorruptScan
        When the chain leaves the file, loops or a value lies outside the file.
    ScanTooLarge
        When there are more than `max_directories`.
    """
    size = path.stat().st_size
    directories: list[Directory] = []
    seen: set[int] = set()
    with path.open("rb") as stream, _reading(path):
        layout, pointer = read_layout(path, stream)
        while (at := _read_offset(stream, layout, pointer)) != 0:
            if at in seen:
                raise CorruptScan(path, "its pages form a loop", "Scan or export it again.")
            if len(directories) == max_directories:
                raise ScanTooLarge(path, f"more than {max_directories} pages", "Split the file.")
            seen.add(at)
            entries, pointer = read_entries(stream, layout, at)
            firsts = _read_firsts(path, stream, layout, entries, size)
            directories.append(Directory(path, layout, len(directories), entries, firsts))
    if not directories:
        raise CorruptScan(path, "it holds no page", "Scan or export it again.")
    return directories


def read_entries(stream: BinaryIO, layout: Layout, at: int) -> tuple[dict[int, Entry], int]:
    """Read the directory at file offset `at`: its entries, and where the offset of the next one lies."""
    stream.seek(at)
    head, form = (8, "Q") if layout.big else (2, "H")
    (count,) = unpack(layout.order + form, stream.read(head))
    if count > _MOST_ENTRIES:
        raise OverflowError(count)
    form = f"{layout.order}HH{'Q' if layout.big else 'I'}"
    raw = stream.read(count * layout.entry_size)
    entries: dict[int, Entry] = {}
    for i in range(count):
        start = i * layout.entry_size
        tag, kind, number = unpack(form, raw[start : start + layout.entry_size - layout.offset_size])
        slot = at + head + start
        inline_at = slot + layout.entry_size - layout.offset_size
        value_at = inline_at
        if number * size_of_type(kind) > layout.offset_size:
            value_at = unpack(
                layout.offset_format, raw[inline_at - slot + start : start + layout.entry_size]
            )[0]
        entries.setdefault(tag, Entry(kind, number, value_at, slot))
    return entries, at + head + count * layout.entry_size


def size_of_type(kind: int) -> int:
    """Return the bytes of one value of a TIFF field type; 1 for types unknown."""
    return np.dtype(_TYPES[kind]).itemsize if kind in _TYPES else _OTHER_SIZES.get(kind, 1)


def check_segments(path: Path, directory: Directory) -> None:
    """Check that the strips or tiles of a page are as many as its size needs and lie inside the file.

    Raises
    ------
    CorruptScan
        When the header promises data that the file does not hold.
    """
    tiled = Tag.TILE_OFFSETS in directory.entries
    table = Tag.TILE_OFFSETS if tiled else Tag.STRIP_OFFSETS
    offsets = directory.values.get(table)
    counts = directory.values.get(Tag.TILE_BYTE_COUNTS if tiled else Tag.STRIP_BYTE_COUNTS)
    if offsets is None:
        raise CorruptScan(path, "its header names no image data", "Scan or export it again.")
    if len(offsets) < _segments_needed(directory, table):
        raise CorruptScan(path, "its header names too few strips for its size", "Scan or export it again.")
    lengths = counts if counts is not None and len(counts) == len(offsets) else np.ones_like(offsets)
    if (offsets <= 0).any() or (lengths <= 0).any():
        raise CorruptScan(path, "parts of its image data are missing", "Copy or scan it again.")
    if (offsets > path.stat().st_size - lengths).any():
        raise CorruptScan(path, "its header promises more data than the file holds", "Copy or scan it again.")
    if counts is not None and int(lengths.sum()) < _least_bytes(directory):
        raise CorruptScan(path, "its image data is too short for its size", "Copy or scan it again.")


def _segments_needed(directory: Directory, table: Tag) -> int:
    width, height = directory.first(Tag.WIDTH, 0), directory.first(Tag.HEIGHT, 0)
    planes = 1
    if directory.first(Tag.PLANAR_CONFIGURATION, 1) == _SEPARATE_PLANES:
        planes = directory.first(Tag.SAMPLES_PER_PIXEL, 1)
    if table in (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS):
        across = ceil(width / max(1, directory.first(Tag.TILE_WIDTH, width)))
        return planes * across * ceil(height / max(1, directory.first(Tag.TILE_HEIGHT, height)))
    return planes * ceil(height / max(1, directory.first(Tag.ROWS_PER_STRIP, height)))


def _least_bytes(directory: Directory) -> int:
    subsampled = directory.first(Tag.PHOTOMETRIC, 1) == _YCBCR
    if directory.first(Tag.COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED or subsampled:
        return 1
    bits = directory.first(Tag.BITS_PER_SAMPLE, 1) * directory.first(Tag.SAMPLES_PER_PIXEL, 1)
    return directory.first(Tag.HEIGHT, 0) * (directory.first(Tag.WIDTH, 0) * bits // 8)


def _read_offset(stream: BinaryIO, layout: Layout, at: int) -> int:
    stream.seek(at)
    return int(unpack(layout.offset_format, stream.read(layout.offset_size))[0])


def _read_firsts(
    path: Path, stream: BinaryIO, layout: Layout, entries: Mapping[int, Entry], file_size: int
) -> dict[int, int]:
    firsts: dict[int, int] = {}
    for tag in Tag:
        entry = entries.get(tag)
        if entry is None or entry.type not in _TYPES or tag is Tag.XMP:
            continue
        if entry.value_at + entry.count * size_of_type(entry.type) > file_size:
            raise CorruptScan(
                path, f"the value of its {tag.name} tag lies outside it", "Copy or scan it again."
            )
        if entry.count:
            firsts[tag] = int(_read_values(stream, layout, entry, 1)[0])
    return firsts


def _read_values(stream: BinaryIO, layout: Layout, entry: Entry, most: int) -> NDArray[np.int64]:
    dtype = np.dtype(layout.order + _TYPES[entry.type])
    stream.seek(entry.value_at)
    raw = np.frombuffer(stream.read(max(0, min(entry.count, most)) * dtype.itemsize), dtype)
    # Offsets above 2⁶³ wrap to negative numbers, which every check refuses.
    return raw.astype(np.int64)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (StructError, OSError, IndexError, OverflowError, ValueError) as error:
        # ValueError: offsets from 2⁶³ on. IndexError: a file that somebody shortens meanwhile.
        raise CorruptScan(path, "its page directory is cut off", "Copy or scan it again.") from error
