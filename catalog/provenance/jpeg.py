"""Metadata segments of JPEG files, read and inserted without decoding the picture.

See ISO/IEC 10918-1, annex B, and for XMP in APP1 the XMP specification, part 3.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import CorruptScan

APP0, APP1, APP13 = 0xE0, 0xE1, 0xED
LONGEST_SEGMENT = 65_533
"""Bytes that a segment's 16-bit length leaves for its content."""
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_SOI = b"\xff\xd8"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


@dataclass(frozen=True)
class Segment:
    """One marker segment before the picture's data: marker, content, and the file offset behind it."""

    marker: int
    content: bytes
    end: int


def read_xmp(path: Path) -> bytes | None:
    """Return the XMP packet of a JPEG (its main one), or ``None`` when it carries none.

    Raises
    ------
    CorruptScan
        The file is not a JPEG, or is cut off within its metadata.
    """
    found = (s for s in segments(path) if s.marker == APP1 and s.content.startswith(_XMP))
    segment = next(found, None)
    return None if segment is None else segment.content[len(_XMP) :]


def insert_segment(path: Path, target: Path, marker: int, content: bytes) -> None:
    """Write the JPEG `path` to `target` with one more segment, behind APP0 and all APP1.

    Raises
    ------
    CorruptScan
        The file is not a JPEG, or is cut off within its metadata.
    """
    if len(content) > LONGEST_SEGMENT:
        raise ValueError(f"a segment holds {LONGEST_SEGMENT} bytes, not {len(content)}")
    at = len(_SOI)
    for segment in segments(path):
        if segment.marker not in {APP0, APP1}:
            break
        at = segment.end
    data = path.read_bytes()
    target.write_bytes(data[:at] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + data[at:])


def segments(path: Path) -> Iterator[Segment]:
    """Yield the segments before the picture's data, in order."""
    with path.open("rb") as stream:
        if stream.read(2) != _SOI:
            raise CorruptScan(path, "not a JPEG", "Make the access copy again.")
        while True:
            head = stream.read(2)
            while head == b"\xff\xff":
                head = b"\xff" + stream.read(1)
            if len(head) < 2 or head[0] != 0xFF:
                raise _cut_off(path)
            if head[1] in {_START_OF_SCAN, _END_OF_IMAGE}:
                return
            raw = stream.read(2)
            length = struct.unpack(">H", raw)[0] - 2 if len(raw) == 2 else -1
            content = stream.read(max(0, length))
            if length < 0 or len(content) != length:
                raise _cut_off(path)
            yield Segment(head[1], content, stream.seek(0, os.SEEK_CUR))


def _cut_off(path: Path) -> CorruptScan:
    return CorruptScan(path, "it is cut off within its metadata", "Make the access copy again.")
