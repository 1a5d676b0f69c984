"""A libvips picture whose rows are computed in Python, top to bottom, as they are needed.

libvips has no door for computed pixels but its file readers. What it reads here is an uncompressed TIFF that
does not exist: header and strip table are made up front, and each strip's bytes are computed when libvips
asks for them. Memory is that of two strips. The picture can be read once, from top to bottom.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from math import ceil
from struct import pack
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

Rows = NDArray[np.unsignedinteger[Any]]

_RGB, _UNCOMPRESSED, _CHUNKY = 2, 1, 1
_SHORT, _LONG, _LONG8 = 3, 4, 16


class ComputedRows:
    """Rows that an iterator yields, readable as a libvips picture.

    Parameters
    ----------
    width, height
        The picture, px.
    bits
        8 or 16 per sample; 3 samples per pixel, sRGB-encoded.
    rows_per_strip
        Rows of each array that `strips` yields; the last may be shorter.
    strips
        C-contiguous arrays rows×width×3, ``uint8`` or ``uint16``, from top to bottom.

    Attributes
    ----------
    image
        The picture; read it once, sequentially, while this object lives.
    failure
        What `strips` raised, if it did; libvips only knows that reading failed.
    """

    def __init__(
        self, width: int, height: int, bits: int, rows_per_strip: int, strips: Iterator[Rows]
    ) -> None:
        self.failure: BaseException | None = None
        self._strips = strips
        self._row_bytes = width * 3 * bits // 8
        self._head = _bigtiff_head(width, height, bits, rows_per_strip)
        self._size = len(self._head) + self._row_bytes * height
        self._at = 0
        self._strip = memoryview(b"")
        self._strip_at = len(self._head)
        self._source = pyvips.SourceCustom()
        self._source.on_read(self._read)
        self._source.on_seek(self._seek)
        self.image: pyvips.Image = pyvips.Image.tiffload_source(
            self._source, access="sequential", fail_on="error"
        ).copy(interpretation="srgb" if bits == 8 else "rgb16")

    def _read(self, length: int) -> bytes | memoryview:
        # Exceptions cannot cross libvips: keep the first, and let reading end early.
        if self.failure is not None:
            return b""
        try:
            data = self._bytes(length)
        except BaseException as error:
            self.failure = error
            return b""
        self._at += len(data)
        return data

    def _bytes(self, length: int) -> bytes | memoryview:
        if self._at < len(self._head):
            return self._head[self._at : self._at + length]
        while self._at >= self._strip_at + len(self._strip):
            following = next(self._strips, None)
            if following is None:
                return b""
            self._strip_at += len(self._strip)
            self._strip = following.data.cast("B")
        start = self._at - self._strip_at
        if start < 0:
            raise io.UnsupportedOperation("computed rows can be read once only, from top to bottom")
        return self._strip[start : start + length]

    def _seek(self, offset: int, whence: int) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at


def _bigtiff_head(width: int, height: int, bits: int, rows_per_strip: int) -> bytes:
    strips = ceil(height / rows_per_strip)
    strip_bytes = width * 3 * (bits // 8) * rows_per_strip
    lengths = np.full(strips, strip_bytes, np.uint64)
    lengths[-1] = width * 3 * (bits // 8) * (height - (strips - 1) * rows_per_strip)
    entries = [
        (256, _LONG, 1, width),
        (257, _LONG, 1, height),
        (258, _SHORT, 3, bits * 0x0001_0001_0001),
        (259, _SHORT, 1, _UNCOMPRESSED),
        (262, _SHORT, 1, _RGB),
        (273, _LONG8, strips, 0),
        (277, _SHORT, 1, 3),
        (278, _LONG, 1, rows_per_strip),
        (279, _LONG8, strips, 0),
        (284, _SHORT, 1, _CHUNKY),
    ]
    tables_at = 16 + 8 + 20 * len(entries) + 8
    data_at = tables_at + 16 * strips
    offsets = data_at + np.arange(strips, dtype=np.uint64) * np.uint64(strip_bytes)
    if strips == 1:
        values = {273: data_at, 279: int(lengths[0])}
    else:
        values = {273: tables_at, 279: tables_at + 8 * strips}
    directory = b"".join(pack("<HHQQ", tag, kind, n, values.get(tag, v)) for tag, kind, n, v in entries)
    head = b"II" + pack("<HHHQ", 43, 8, 0, 16) + pack("<Q", len(entries)) + directory + pack("<Q", 0)
    return head + offsets.astype("<u8").tobytes() + lengths.astype("<u8").tobytes()
