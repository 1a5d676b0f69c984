"""A TIFF writer for tests: any photometric interpretation, planes, tiles, depth and compression.

No library writes all that TIFF 6.0 allows, and what is to be read rightly must not be written by the reader.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack

import numpy as np
from PIL import Image

from imaging.tiff import Tag, read_directories

Samples = np.ndarray[tuple[int, ...], np.dtype[np.unsignedinteger]]
Tags = Mapping[int, Sequence[int]]

_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_TILE = 16
_ROWS = 16


@dataclass(frozen=True)
class Tiff:
    """How samples (rows × columns × samples, unsigned) are laid out; `tags` are added or replace others."""

    photometric: int = 1
    bits: int = 8
    planar: bool = False
    tiled: bool = False
    compression: int = 1
    predictor: int = 1
    order: str = "<"
    subsampling: int = 0
    """Of JPEG, as Pillow counts."""
    tags: Tags = field(default_factory=dict)

    def write(self, path: Path, samples: Samples) -> Path:
        """Write one page and return its path."""
        path.write_bytes(assemble([self.page(samples)], self.order))
        return path

    def page(self, samples: Samples) -> Page:
        """Encode one page."""
        height, width, count = samples.shape
        blocks = [
            _COMPRESSORS[self.compression](self, block)
            for plane in (np.split(samples, count, axis=2) if self.planar else [samples])
            for block in self._blocks(plane)
        ]
        tags: dict[int, Sequence[int]] = {
            256: [width],
            257: [height],
            258: [self.bits] * count,
            259: [self.compression],
            262: [self.photometric],
            277: [count],
            284: [2 if self.planar else 1],
            317: [self.predictor],
        }
        tags |= {322: [_TILE], 323: [_TILE]} if self.tiled else {278: [_ROWS]}
        return Page({**tags, **self.tags}, blocks, self.tiled)

    def _blocks(self, plane: Samples) -> Iterator[Samples]:
        height, width, _ = plane.shape
        if not self.tiled:
            yield from (plane[top : top + _ROWS] for top in range(0, height, _ROWS))
            return
        padded = np.pad(plane, ((0, -height % _TILE), (0, -width % _TILE), (0, 0)), mode="edge")
        for top in range(0, height, _TILE):
            for left in range(0, width, _TILE):
                yield padded[top : top + _TILE, left : left + _TILE]

    def packed(self, block: Samples) -> bytes:
        """Return the bytes of a block before compression; rows start at whole bytes."""
        rows = block.reshape(len(block), -1)
        if self.predictor == 2:
            before = np.zeros_like(block)
            before[:, 1:] = block[:, :-1]
            rows = (block - before).reshape(len(block), -1)
        if self.bits >= 8:
            return rows.astype(f"{self.order}u{self.bits // 8}").tobytes()
        places = np.arange(self.bits - 1, -1, -1)
        bits = (rows[..., None] >> places & 1).reshape(len(rows), -1)
        return np.packbits(bits.astype(np.uint8), axis=1).tobytes()


@dataclass(frozen=True)
class Page:
    """One directory: its tags without the table of blocks, its blocks, and pages in SubIFDs below it."""

    tags: Tags
    blocks: Sequence[bytes]
    tiled: bool = False
    below: Sequence[Page] = ()
    data: Mapping[int, bytes] = field(default_factory=dict)
    """Tags whose values are bytes."""


def assemble(pages: Sequence[Page], order: str = "<") -> bytes:
    """Return a classic TIFF file of several pages."""
    body = bytearray((b"II" if order == "<" else b"MM") + pack(f"{order}HI", 42, 0))
    link = 4
    for page in pages:
        at, link_of_next = _directory(body, page, order)
        body[link : link + 4] = pack(f"{order}I", at)
        link = link_of_next
    return bytes(body)


def _directory(body: bytearray, page: Page, order: str) -> tuple[int, int]:
    below = [_directory(body, other, order)[0] for other in page.below]
    where = [_put(body, block) for block in page.blocks]
    offsets, counts = (324, 325) if page.tiled else (273, 279)
    tags = {**page.tags, offsets: where, counts: [len(block) for block in page.blocks]}
    if below:
        tags[330] = below
    entries = []
    for tag, values in tags.items():
        kind = _RATIONAL if tag in (282, 283) else _LONG if tag in (273, 279, 324, 325, 330) else _SHORT
        form = {_RATIONAL: "II", _LONG: "I", _SHORT: "H"}[kind]
        count = len(values) // len(form)
        entries.append((tag, kind, count, pack(f"{order}{count * form}", *values)))
    entries += [(tag, _UNDEFINED, len(value), value) for tag, value in page.data.items()]
    table = pack(f"{order}H", len(entries))
    for tag, kind, count, raw in sorted(entries):
        inline = raw.ljust(4, b"\0") if len(raw) <= 4 else pack(f"{order}I", _put(body, raw))
        table += pack(f"{order}HHI", tag, kind, count) + inline
    at = _put(body, table + bytes(4))
    return at, at + len(table)


def _put(body: bytearray, data: bytes) -> int:
    body += bytes(len(body) % 2)
    body += data
    return len(body) - len(data)


def lzw(data: bytes, *, end: bool = True) -> bytes:
    """Pack without any repetition: clear codes come before the codes would grow (TIFF 6.0, section 13)."""
    codes = [256]
    for start in range(0, len(data), 250):
        codes += [*data[start : start + 250], 256]
    codes = [*codes[:-1], 257] if end else codes[:-1]
    bits = "".join(f"{code:09b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def packbits(data: bytes) -> bytes:
    """Pack as literal runs (TIFF 6.0, section 9)."""
    runs = (data[start : start + 128] for start in range(0, len(data), 128))
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def jpeg(samples: Samples, photometric: int, subsampling: int = 0) -> bytes:
    """Pack a block as one JPEG stream of its own tables (TIFF Technical Note 2)."""
    stream = io.BytesIO()
    picture = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    picture.save(stream, "JPEG", quality=95, subsampling=subsampling, keep_rgb=photometric == 2)
    return stream.getvalue()


_COMPRESSORS: Mapping[int, Callable[[Tiff, Samples], bytes]] = {
    1: Tiff.packed,
    5: lambda tiff, block: lzw(tiff.packed(block)),
    7: lambda tiff, block: jpeg(block, tiff.photometric, tiff.subsampling),
    8: lambda tiff, block: zlib.compress(tiff.packed(block)),
    32946: lambda tiff, block: zlib.compress(tiff.packed(block)),
    32773: lambda tiff, block: packbits(tiff.packed(block)),
}


def patch_value(path: Path, tag: Tag, value: int) -> None:
    """Overwrite the inline value of a tag of the first page of a classic little-endian TIFF."""
    entry = read_directories(path, 9)[0].entries[tag]
    data = bytearray(path.read_bytes())
    data[entry.value_at : entry.value_at + 4] = pack("<I", value)
    path.write_bytes(data)


def write_tiff(
    path: Path, *, width: int, height: int, data: bytes, bits: int = 8, compression: int = 1
) -> None:
    """Write a classic little-endian grey TIFF of one strip."""
    entries = [(256, width), (257, height), (258, bits), (259, compression), (262, 1), (273, 8), (277, 1)]
    entries += [(278, height), (279, len(data))]
    directory = b"".join(pack("<HHII", tag, 4, 1, value) for tag, value in entries) + b"\0" * 4
    path.write_bytes(b"II*\0" + pack("<I", 8 + len(data)) + data + pack("<H", len(entries)) + directory)
