"""XMP in TIFF masters, without touching a pixel, and the digest that proves it.

A gigapixel master must not be encoded again for the sake of a few kilobytes of metadata: `embed_xmp` appends
the packet and turns a pointer (`imaging.xmp`). Works on classic TIFF and BigTIFF in both byte orders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imaging.errors import CorruptScan, OptionsError
from imaging.tiff import Directory, Entry, Tag, read_directories, size_of_type
from imaging.xmp import replace_xmp

MAX_PAGES = 4096
MAX_PACKET = 64 << 20
"""Bytes of the longest packet that is read."""
_JPEG_TABLES = 347
_CHUNK = 1 << 20


def embed_xmp(path: Path, packet: bytes) -> None:
    """Put an XMP packet into a TIFF in place, whether it carries one or not; pixels and pages stay.

    Raises
    ------
    CorruptScan
        The file is not a TIFF, or its directories lie.
    StoreError
        The disk is full, or a classic TIFF would grow past 4 GiB.
    OptionsError
        The packet is no packet.
    """
    if b"rdf:RDF" not in packet:
        raise OptionsError(path, "the packet to write is not XMP", "Build it with catalog.provenance.xmp.")
    read_directories(path, MAX_PAGES)
    replace_xmp(path, packet)


def read_xmp(path: Path) -> bytes | None:
    """Return the XMP packet of a TIFF's first page, or ``None`` when it carries none.

    Raises
    ------
    CorruptScan
        The file is not a TIFF, or its directories lie.
    """
    entry = read_directories(path, MAX_PAGES)[0].entries.get(Tag.XMP)
    if entry is None:
        return None
    with path.open("rb") as stream:
        return _value(path, stream, entry).rstrip(b"\0")


def image_data_sha256(path: Path) -> str:
    """Return the hex sha256 of the encoded picture: every page's tiles or strips, in order.

    Metadata and content credentials leave it as it is; any changed pixel changes it.

    Raises
    ------
    CorruptScan
        The file is not a TIFF, its directories lie, or it is cut off.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for directory in read_directories(path, MAX_PAGES):
            if tables := directory.entries.get(_JPEG_TABLES):
                digest.update(_value(path, stream, tables))
            for offset, length in _segments(directory):
                for start in range(offset, offset + length, _CHUNK):
                    digest.update(_read(path, stream, start, min(_CHUNK, offset + length - start)))
    return digest.hexdigest()


def _segments(directory: Directory) -> Iterator[tuple[int, int]]:
    for offsets, lengths in (
        (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS),
        (Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS),
    ):
        if offsets in directory.values and lengths in directory.values:
            where, how_long = directory.values[offsets].tolist(), directory.values[lengths].tolist()
            yield from zip(where, how_long, strict=False)


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
        path, "its header promises more data than the file holds", "Restore it from its backup."
    )
