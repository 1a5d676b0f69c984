"""A TIFF page as libtiff is shown it: in a directory of ours, whose values are all those of the standard.

libtiff gives a file up for one odd value beside the picture (Orientation 0), and says no more than a warning
where it lost pixels, as it does for a text without its end. So it reads a view of the file, at whose end
stands a directory with the same tables of strips or tiles, with the standard's default wherever the file's
own value makes no sense, and with nothing else: what libtiff still warns of is lost. Nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import pack, unpack
from typing import BinaryIO

import pyvips

from imaging.tiff import Directory, Layout, Tag, size_of_type
from imaging.tiff_pages import TiffPage
from imaging.tiff_support import Packing, colors_of

_SHORT, _RATIONAL = 3, 5
_MEANINGS: Mapping[Tag, tuple[range, int, str]] = {
    Tag.ORIENTATION: (range(1, 9), 1, "taken as upright"),
    Tag.RESOLUTION_UNIT: (range(1, 4), 1, "its resolution taken as not stated"),
    Tag.FILL_ORDER: (range(1, 3), 1, "taken as 1"),
    Tag.PLANAR_CONFIGURATION: (range(1, 3), 1, "taken as interleaved"),
    Tag.SAMPLE_FORMAT: (range(1, 7), 1, "taken as unsigned"),
    Tag.PREDICTOR: (range(1, 3), 1, "taken as none"),
}
"""The values that TIFF 6.0 defines, its default, and what taking that means."""
_AS_THEY_ARE = (
    Tag.WIDTH,
    Tag.HEIGHT,
    Tag.COMPRESSION,
    Tag.PHOTOMETRIC,
    Tag.SAMPLES_PER_PIXEL,
    Tag.ROWS_PER_STRIP,
    Tag.STRIP_OFFSETS,
    Tag.STRIP_BYTE_COUNTS,
    Tag.X_RESOLUTION,
    Tag.Y_RESOLUTION,
    Tag.T4_OPTIONS,
    Tag.T6_OPTIONS,
    Tag.COLOR_MAP,
    Tag.TILE_WIDTH,
    Tag.TILE_HEIGHT,
    Tag.TILE_OFFSETS,
    Tag.TILE_BYTE_COUNTS,
    Tag.JPEG_TABLES,
    Tag.YCBCR_COEFFICIENTS,
    Tag.YCBCR_SUBSAMPLING,
    Tag.YCBCR_POSITIONING,
    Tag.REFERENCE_BLACK_WHITE,
    Tag.XMP,
    Tag.ICC_PROFILE,
)
_MOST_AT_ONCE = 1 << 20
"""Bytes; libtiff asks for whole strips, and libvips for the rest."""
_COREL_ALPHA = 999
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2
_CM_PER_INCH = 2.54
_UNIT_INCH, _UNIT_CM = 2, 3


def load_page(page: TiffPage, *, access: str) -> pyvips.Image:
    """Open a page that is supported, so that what is lost in it is an error while its pixels stream.

    Parameters
    ----------
    page
        Which.
    access
        As libvips takes it: ``sequential`` or ``random``.

    Raises
    ------
    pyvips.Error
        When libtiff cannot read it; see `imaging.decoding`.
    """
    directory = page.directory
    source = _source(directory)
    # What libtiff fills in is a warning, and libvips takes its errors within tiles for no more than that. Of
    # JPEG streams, though, libtiff warns without need; `check_streams` looks at those.
    is_jpeg = directory.first(Tag.COMPRESSION, Packing.NONE) == Packing.JPEG
    # libtiff refuses strips above 50 MB unless told otherwise; the limits are checked before.
    image = pyvips.Operation.call(
        "tiffload_source", source, fail_on="error" if is_jpeg else "warning", unlimited=True, access=access
    )
    # As pyvips does for sources that it recognizes itself: whatever is made of the picture calls Python back.
    image._references.append(source)
    return image


def remarks_on(page: TiffPage) -> tuple[str, ...]:
    """Return what the header says that the standard does not know, and how it is taken."""
    said = [
        f"its {_spoken(tag)} is {page.first(tag, 0)}, which TIFF does not define: {meaning}"
        for tag, (known, default, meaning) in _MEANINGS.items()
        if page.first(tag, default) not in known
    ]
    size = page.directory.path.stat().st_size
    said += [
        f"its {_spoken(tag)} lies outside the file: left out"
        for tag in (Tag.XMP, Tag.ICC_PROFILE)
        if tag in page.directory.entries and not _is_inside(page.directory, tag, size)
    ]
    return tuple(said)


def orientation_of(page: TiffPage) -> int:
    """Return the orientation, 1–8, of the picture or of the directory above it."""
    return _known(Tag.ORIENTATION, page.first(Tag.ORIENTATION, 1))


def dots_per_inch(page: TiffPage) -> float | None:
    """Return the horizontal resolution; ``None`` when it is not stated, or in no unit (TIFF 6.0 §8)."""
    unit = _known(Tag.RESOLUTION_UNIT, page.first(Tag.RESOLUTION_UNIT, _UNIT_INCH))
    directory = page.directory if Tag.X_RESOLUTION in page.directory.entries else page.main
    entry = directory.entries.get(Tag.X_RESOLUTION)
    if entry is None or entry.type != _RATIONAL or unit not in (_UNIT_INCH, _UNIT_CM):
        return None
    with directory.path.open("rb") as stream:
        stream.seek(entry.value_at)
        raw = stream.read(8)
    above, below = unpack(f"{directory.layout.order}II", raw.ljust(8, b"\0"))
    if not above or not below:
        return None
    return float(above / below * (_CM_PER_INCH if unit == _UNIT_CM else 1))


def is_opaque(directory: Directory) -> bool:
    """Whether the sample after the colors, if there is one, is no opacity (ExtraSamples, TIFF 6.0 §18)."""
    return _extra_samples(directory)[:1] not in ((_ASSOCIATED,), (_UNASSOCIATED,))


@dataclass(frozen=True)
class _View:
    """A file with another first directory: `head` instead of its first bytes, `tail` after its last."""

    head: bytes
    size: int
    tail: bytes

    @classmethod
    def of(cls, directory: Directory) -> _View:
        size = directory.path.stat().st_size
        with directory.path.open("rb") as stream:
            entries = _entries(stream, directory, size)
            stream.seek(0)
            head = stream.read(8 if directory.layout.big else 4)
        start = -(-size // 8) * 8
        layout = directory.layout
        count = pack(layout.order + ("Q" if layout.big else "H"), len(entries))
        table_size = len(count) + len(entries) * layout.entry_size + layout.offset_size
        table, values = b"", b""
        for _, raw, value in sorted(entries):
            if value is not None and len(value) > layout.offset_size:
                at = start + table_size + len(values)
                table += raw + pack(layout.offset_format, at)
                values += value + bytes(-len(value) % 8)
            else:
                table += raw if value is None else raw + value.ljust(layout.offset_size, b"\0")
        tail = bytes(start - size) + count + table + bytes(layout.offset_size) + values
        return cls(head + pack(layout.offset_format, start), size, tail)


def _entries(stream: BinaryIO, directory: Directory, size: int) -> list[tuple[int, bytes, bytes | None]]:
    """Return for each entry its tag, its bytes, and its value where that is ours rather than the file's."""
    entries: list[tuple[int, bytes, bytes | None]] = []
    for tag in _AS_THEY_ARE:
        if tag in directory.entries and _is_inside(directory, tag, size):
            stream.seek(directory.entries[tag].slot)
            entries.append((tag, stream.read(directory.layout.entry_size), None))
    samples = directory.first(Tag.SAMPLES_PER_PIXEL, 1)
    ours = {tag: [_known(tag, directory.first(tag, default))] for tag, (_, default, _) in _MEANINGS.items()}
    if samples == 1:
        # The same samples in the same order, but libvips scrambles rows of parts of bytes in planes.
        ours[Tag.PLANAR_CONFIGURATION] = [1]
    ours[Tag.SAMPLE_FORMAT] *= samples
    ours[Tag.BITS_PER_SAMPLE] = [directory.first(Tag.BITS_PER_SAMPLE, 1)] * samples
    if extra := _extra_samples(directory):
        ours[Tag.EXTRA_SAMPLES] = list(extra)
    return entries + [_ours(directory.layout, tag, values) for tag, values in ours.items()]


def _ours(layout: Layout, tag: Tag, values: list[int]) -> tuple[int, bytes, bytes | None]:
    head = pack(layout.order + ("HHQ" if layout.big else "HHI"), tag, _SHORT, len(values))
    return tag, head, pack(f"{layout.order}{len(values)}H", *values)


def _extra_samples(directory: Directory) -> tuple[int, ...]:
    further = max(0, directory.first(Tag.SAMPLES_PER_PIXEL, 1) - colors_of(directory))
    said = [_UNASSOCIATED if each == _COREL_ALPHA else each for each in directory.all(Tag.EXTRA_SAMPLES)]
    said = [each if each in (_ASSOCIATED, _UNASSOCIATED) else _UNSPECIFIED for each in said]
    return tuple([*said, *[_UNSPECIFIED] * further][:further])


def _is_inside(directory: Directory, tag: int, size: int) -> bool:
    entry = directory.entries[tag]
    return entry.value_at + entry.count * size_of_type(entry.type) <= size


def _known(tag: Tag, value: int) -> int:
    known, default, _ = _MEANINGS[tag]
    return value if value in known else default


def _spoken(tag: Tag) -> str:
    return "".join(part.capitalize() for part in tag.name.split("_"))


def _source(directory: Directory) -> pyvips.SourceCustom:
    reader = _Reader(directory.path, _View.of(directory))
    source = pyvips.SourceCustom()
    source.on_read(reader.read)
    source.on_seek(reader.seek)
    return source


class _Reader:
    """A view as a stream; its file is open as long as a picture needs it."""

    def __init__(self, path: Path, view: _View) -> None:
        self._view = view
        self._at = 0
        self._file = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self._file)

    def read(self, length: int) -> bytes:
        """Return at most `length` bytes from where the stream stands."""
        view, at = self._view, self._at
        if at < len(view.head):
            data = view.head[at : at + length]
        elif at < view.size:
            data = os.pread(self._file, min(length, view.size - at, _MOST_AT_ONCE), at)
        else:
            data = view.tail[at - view.size : at - view.size + length]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int) -> int:
        """Move, and return the new place."""
        end = self._view.size + len(self._view.tail)
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: end}[whence]
        self._at = max(0, base + offset)
        return self._at
