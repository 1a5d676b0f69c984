"""XMP in TIFF masters, without touching a pixel.

A gigapixel master must not be encoded again for the sake of a few kilobytes of metadata: `embed_xmp` appends
the packet and redirects a pointer (`imaging.xmp`). Works on classic TIFF and BigTIFF in both byte orders.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from imaging.errors import CorruptScan, OptionsError
from imaging.tiff import Entry, Tag, read_directories, size_of_type
from imaging.xmp import replace_xmp

MAX_PAGES = 4096
MAX_PACKET = 64 << 20
"""Bytes of the longest packet that is read."""


def embed_xmp(path: Path, packet: bytes) -> None:
    """Put an XMP packet into a TIFF in place, whether it carries one or not; pixels and pages stay.

    Raises
    ------
    CorruptScan
        The file is not a TIFF, or its directories are wrong.
    StoreError
        The disk is full, or a classic TIFF would grow past 4 GiB.
    OptionsError
        The packet is not XMP.
    """
    if b"rdf:RDF" not in packet:
        raise OptionsError(
            path, "the packet to write is not XMP", "Build it with catalog.provenance.xmp_packet."
        )
    read_directories(path, MAX_PAGES)
    replace_xmp(path, packet)


def read_xmp(path: Path) -> bytes | None:
    """Return the XMP packet of a TIFF's first page, or ``None`` when it carries none.

    Raises
    ------
    CorruptScan
        The file is not a TIFF, or its directories are wrong.
    """
    entry = read_directories(path, MAX_PAGES)[0].entries.get(Tag.XMP)
    if entry is None:
        return None
    with path.open("rb") as stream:
        return _value(path, stream, entry).rstrip(b"\0")


def _value(path: Path, stream: BinaryIO, entry: Entry) -> bytes:
    length = entry.count * size_of_type(entry.type)
    if length > MAX_PACKET:
        raise _cut_off(path)
    return _read(path, stream, entry.value_at, length)


def _read(path: Path, stream: BinaryIO, at: int, length: int) -> bytes:
    stream.seek(max(0, at))
    data = stream.read(length)
    if len(data) != length:
        raise _cut_off(path)
    return data


def _cut_off(path: Path) -> CorruptScan:
    return CorruptScan(
        path, "its header declares more data than the file holds", "Restore it from its backup."
    )
