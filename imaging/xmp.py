"""Another XMP packet for a finished TIFF, or no resolution, without recoding a pixel.

What is new is appended and flushed first; then the few bytes that point to it are changed. A crash in between
leaves the former packet in force. The former bytes stay in the file, unreferenced.
"""

from __future__ import annotations

import os
from pathlib import Path
from struct import pack
from typing import BinaryIO

from imaging.errors import StoredFileError, StoreError
from imaging.tiff import Entry, Layout, Tag, read_directories, read_entries, read_layout

_BYTE = 1
_NO_UNIT = 1
_CLASSIC_LIMIT = 2**32
_DIRECTORY_ROOM = 64 * 1024
_MOST_PAGES = 64


def replace_xmp(path: Path, xmp: bytes) -> None:
    """Replace, or add, the XMP packet (tag 700) of a TIFF's first page, in place.

    Parameters
    ----------
    path
        Classic or BigTIFF, any page structure. Work on a copy of a master.
    xmp
        The packet, UTF-8.

    Raises
    ------
    CorruptScan
        When the file is no TIFF.
    StoreError
        When the disk is full; `StoredFileError` when a classic TIFF would pass 4 GiB.

    Notes
    -----
    XMP specification part 3, §3 (TIFF); TIFF 6.0 §2.
    """
    try:
        with path.open("r+b") as stream:
            layout, pointer = read_layout(path, stream)
            end = stream.seek(0, os.SEEK_END)
            if not layout.big and end + len(xmp) + _DIRECTORY_ROOM > _CLASSIC_LIMIT:
                raise StoredFileError(path, "a classic TIFF ends at 4 GiB", "Write it as BigTIFF.")
            slot, change = _append_packet(stream, layout, pointer, xmp)
            _flush(stream)
            stream.seek(slot)
            stream.write(change)
            _flush(stream)
    except OSError as error:
        raise StoreError(path, error.strerror or str(error), "Free disk space and run it again.") from error


def forget_resolution(path: Path) -> None:
    """Let every page of a TIFF say in place that its resolution is in no unit, which libvips cannot write.

    Raises
    ------
    CorruptScan
        When the file is no TIFF.
    """
    directories = read_directories(path, _MOST_PAGES)
    with path.open("r+b") as stream:
        for directory in directories:
            unit = directory.entries.get(Tag.RESOLUTION_UNIT)
            if unit is not None:
                stream.seek(unit.value_at)
                stream.write(pack(f"{directory.layout.order}H", _NO_UNIT))
        _flush(stream)


def _append_packet(stream: BinaryIO, layout: Layout, pointer: int, xmp: bytes) -> tuple[int, bytes]:
    """Append the packet; return where, and which, bytes put it in force."""
    packet = _entry(layout, len(xmp), _append(stream, xmp))
    stream.seek(pointer)
    at = int.from_bytes(stream.read(layout.offset_size), "little" if layout.order == "<" else "big")
    entries, next_pointer = read_entries(stream, layout, at)
    known = entries.get(Tag.XMP)
    if known is not None:
        return known.slot, packet
    directory = _with_entry(stream, layout, entries, packet)
    stream.seek(next_pointer)
    directory += stream.read(layout.offset_size)
    return pointer, pack(layout.offset_format, _append(stream, directory))


def _with_entry(stream: BinaryIO, layout: Layout, entries: dict[int, Entry], added: bytes) -> bytes:
    raw = {int(Tag.XMP): added}
    for tag, entry in entries.items():
        stream.seek(entry.slot)
        raw[tag] = stream.read(layout.entry_size)
    count = pack(layout.order + ("Q" if layout.big else "H"), len(raw))
    return count + b"".join(raw[tag] for tag in sorted(raw))


def _entry(layout: Layout, length: int, at: int) -> bytes:
    form = "HHQQ" if layout.big else "HHII"
    return pack(layout.order + form, Tag.XMP, _BYTE, length, at)


def _append(stream: BinaryIO, data: bytes) -> int:
    end = stream.seek(0, os.SEEK_END)
    # Offsets in a TIFF are even; BigTIFF asks for multiples of 8.
    stream.write(b"\0" * (-end % 8))
    at = stream.tell()
    stream.write(data)
    return at


def _flush(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())
