"""The directories of a TIFF file, read before anything is decoded.

Only what libtiff does not guarantee: the position of every value in a header, and what it states about the
picture. A false count costs nothing: of each tag one value is read, and of the tables of strips and tiles,
which many directories may share, no more than a page's size needs, on first use. TIFF 6.0 §2, the
BigTIFF extension (8-byte offsets, version 43) and SubIFDs (TIFF Technical Note 1).
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
    """The tags that this package reads (TIFF 6.0 appendix A)."""

    NEW_SUBFILE_TYPE = 254
    SUBFILE_TYPE = 255
    WIDTH = 256
    HEIGHT = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES_PER_PIXEL = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTE_COUNTS = 279
    X_RESOLUTION = 282
    Y_RESOLUTION = 283
    PLANAR_CONFIGURATION = 284
    T4_OPTIONS = 292
    T6_OPTIONS = 293
    RESOLUTION_UNIT = 296
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    SUB_IFDS = 330
    INK_SET = 332
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    JPEG_TABLES = 347
    YCBCR_COEFFICIENTS = 529
    YCBCR_SUBSAMPLING = 530
    YCBCR_POSITIONING = 531
    REFERENCE_BLACK_WHITE = 532
    XMP = 700
    ICC_PROFILE = 34675


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
_MOST_VALUES = 4096
_REDUCED_OR_MASK = 0b101
_OLD_REDUCED = 2
_SEPARATE_PLANES = 2
_NOT_DECODED = (Tag.XMP, Tag.ICC_PROFILE)
"""Where these lie outside the file, the picture is whole nevertheless."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory entry: its type code, count, and where its value and the entry itself lie in the file."""

    type: int
    count: int
    value_at: int
    slot: int


@dataclass(frozen=True)
class Layout:
    """Byte layout of a TIFF file: byte order and the width of its offsets."""

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
    """One image file directory, with the first integer value of each tag in `Tag` already read.

    `index` is its place in the chain, or that of the directory whose SubIFD it is; `at` its offset, bytes.
    """

    path: Path
    layout: Layout
    index: int
    at: int
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

    def all(self, tag: Tag) -> tuple[int, ...]:
        """Return the integer values of a tag, at most 4096; none when it is absent."""
        if tag not in self.firsts:
            return ()
        with self.path.open("rb") as stream, _reading(self.path):
            return tuple(_read_values(stream, self.layout, self.entries[tag], _MOST_VALUES).tolist())

    @property
    def pixels(self) -> int:
        """Width × height."""
        return self.first(Tag.WIDTH, 0) * self.first(Tag.HEIGHT, 0)

    @property
    def segments(self) -> int:
        """How many strips or tiles the page's size needs."""
        return _segments_needed(self, Tag.TILE_OFFSETS if self.is_tiled else Tag.STRIP_OFFSETS)

    @property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Where the strips or tiles lie and, where that is stated, how many bytes they have."""
        offsets, counts = (
            (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS)
            if self.is_tiled
            else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS)
        )
        return self.values.get(offsets, np.empty(0, np.int64)), self.values.get(counts)

    @property
    def is_tiled(self) -> bool:
        """Whether it is cut into tiles."""
        return Tag.TILE_OFFSETS in self.entries

    @property
    def is_page(self) -> bool:
        """Whether this is a picture of its own: no reduced copy, mask or container of content credentials."""
        # C2PA keeps its manifest in a directory of its own, which has no size.
        if Tag.WIDTH not in self.firsts:
            return False
        if Tag.NEW_SUBFILE_TYPE not in self.firsts:
            return self.first(Tag.SUBFILE_TYPE, 0) != _OLD_REDUCED
        return not self.first(Tag.NEW_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK


def read_layout(path: Path, stream: BinaryIO) -> tuple[Layout, int]:
    """Return the byte layout and the file offset that holds the offset of the first directory."""
    head = stream.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise CorruptScan(path, "it is not a TIFF file", "Scan or export it again.")
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
            directories.append(Directory(path, layout, len(directories), at, entries, firsts))
    if not directories:
        raise CorruptScan(path, "it holds no page", "Scan or export it again.")
    return directories


def read_subdirectories(directory: Directory, max_directories: int) -> list[Directory]:
    """Read the directories that a directory's SubIFDs tag names; those below them are not looked for.

    Raises
    ------
    CorruptScan
        When one leaves the file.
    ScanTooLarge
        When there are more than `max_directories`.
    """
    places = directory.all(Tag.SUB_IFDS)
    path, layout = directory.path, directory.layout
    if len(places) > max_directories:
        raise ScanTooLarge(path, f"more than {max_directories} pages", "Split the file.")
    size = path.stat().st_size
    below: list[Directory] = []
    with path.open("rb") as stream, _reading(path):
        for at in places:
            entries, _ = read_entries(stream, layout, at)
            firsts = _read_firsts(path, stream, layout, entries, size)
            below.append(Directory(path, layout, directory.index, at, entries, firsts))
    return below


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


def _segments_needed(directory: Directory, table: Tag) -> int:
    width, height = directory.first(Tag.WIDTH, 0), directory.first(Tag.HEIGHT, 0)
    planes = 1
    if directory.first(Tag.PLANAR_CONFIGURATION, 1) == _SEPARATE_PLANES:
        planes = directory.first(Tag.SAMPLES_PER_PIXEL, 1)
    if table in (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS):
        across = ceil(width / max(1, directory.first(Tag.TILE_WIDTH, width)))
        return planes * across * ceil(height / max(1, directory.first(Tag.TILE_HEIGHT, height)))
    return planes * ceil(height / max(1, directory.first(Tag.ROWS_PER_STRIP, height)))


def _read_offset(stream: BinaryIO, layout: Layout, at: int) -> int:
    stream.seek(at)
    return int(unpack(layout.offset_format, stream.read(layout.offset_size))[0])


def _read_firsts(
    path: Path, stream: BinaryIO, layout: Layout, entries: Mapping[int, Entry], file_size: int
) -> dict[int, int]:
    firsts: dict[int, int] = {}
    for tag in Tag:
        entry = entries.get(tag)
        if entry is None or entry.type not in _TYPES or tag in _NOT_DECODED:
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
        # ValueError: offsets from 2⁶³ on. IndexError: a file that is being truncated.
        raise CorruptScan(path, "its page directory is cut off", "Copy or scan it again.") from error
