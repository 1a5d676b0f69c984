"""JPEG streams that lost data, told apart from those that are merely odd.

libjpeg calls both a warning: it fills what is missing with grey and goes on. Here every warning is fatal, and
the oddities that lose nothing are put right beforehand, in a copy of the header, byte for byte: so one pass
both decodes and checks. They are the revision of JFIF, the transform code of Adobe, scan parameters that
sequential streams do not use, and bytes between segments or scans. ITU-T T.81 annex B; ``JWRN_`` in libjpeg's
`jerror.h`.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyvips

from imaging.decoding import decoding
from imaging.errors import UnsupportedScan

_SOI, _EOI, _SOS, _APP0, _APP14, _TEM = 0xD8, 0xD9, 0xDA, 0xE0, 0xEE, 0x01
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_ARITHMETIC = frozenset(range(0xC9, 0xD0)) - {0xCC}
_FILL = b"\xff"
"""May stand before any marker, as often as one likes (T.81, section B.1.1.2)."""
_WHOLE_SPECTRUM = b"\0\x3f\0"
_YCC_OF = {3: b"\1", 4: b"\2"}
"""By the number of components, the Adobe transform that libjpeg assumes instead of an unknown one."""
_END_OF_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_READ_AHEAD = b"\xfe" * 8
"""libjpeg fetches up to 64 bits before it needs them; of these, hardly a block could be made."""
_MOST_IN_MEMORY = 256 << 20
_MOST_BETWEEN = 1 << 20
"""Bytes. Where more lies between two segments, a segment is missing."""
_MOST_TRIALS = 64
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")


@dataclass
class _Header:
    """What the segments before the first scan say, and the bytes to put right, by their place."""

    patches: dict[int, bytes] = field(default_factory=dict)
    components: int = 0
    sequential: bool = False
    scan_components: int = 0
    adobe_at: int | None = None
    adobe_transform: int = 0
    arithmetic: bool = False
    data_at: int = 0

    @property
    def many_scans(self) -> bool:
        return not self.sequential or self.scan_components < self.components


def load_jpeg(path: Path, *, access: str) -> pyvips.Image:
    """Open a JPEG file; what is lost in it is an error while its pixels stream.

    The file is held in memory as it is, compressed, up to 256 MiB; of a larger one, what the last row of
    blocks lost goes unnoticed, and oddities are refused.

    Parameters
    ----------
    path
        The file.
    access
        As libvips takes it: ``sequential`` or ``random``.

    Raises
    ------
    CorruptScan
        When the header cannot be read, or when a stream of several scans lost data.
    UnsupportedScan
        When the file cannot be read.
    """
    with decoding(path):
        try:
            if path.stat().st_size > _MOST_IN_MEMORY:
                return pyvips.Operation.call(
                    "jpegload", os.fsencode(path), fail_on="warning", revalidate=True, access=access
                )
            data = path.read_bytes()
        except OSError as error:
            raise UnsupportedScan(path, "it cannot be read", "Check the permissions of the file.") from error
        return pyvips.Operation.call("jpegload_buffer", _settled(data), fail_on="warning", access=access)


def check_stream(path: Path, stream: bytes, tables: bytes = b"") -> None:
    """Decode a strip or tile of a TIFF to see whether all of it is there.

    Parameters
    ----------
    path
        The file it is from, for the message.
    stream
        From its start of image to its end of image.
    tables
        What TIFF calls JPEGTables (TIFF technical note 2): an abbreviated stream that `stream` builds on.

    Raises
    ------
    CorruptScan
        When libjpeg would fill in something that is lost.
    """
    with decoding(path):
        if (fault := _fault(_settled(tables[:-2] + stream[2:] if tables else stream))) is not None:
            raise fault


def _settled(data: bytes) -> bytes:
    """Return the stream without what is odd, and so that libvips notices what its last rows lack.

    libvips counts the warnings of a row of blocks when it reads the next one, so those of the last one are
    never seen. That data ends, however, is an error at once, where no end marker makes libjpeg pad it.
    """
    header = _read_header(io.BytesIO(data))
    if header.many_scans:
        return _without_bytes_between_scans(_patched(data, header.patches), header.data_at)
    end = _END_OF_SCAN.search(data, header.data_at)
    whole = _patched(data if end is None else data[: end.start()], header.patches)
    return whole if header.arithmetic else whole + _READ_AHEAD


def _read_header(stream: BinaryIO) -> _Header:
    """Walk the segments up to the first scan (T.81, section B.2)."""
    header = _Header()
    stream.seek(2)
    while (marker := _next_marker(stream, header)) not in (None, _EOI):
        if marker in _RESTARTS or marker in (_TEM, _SOI):
            continue
        length = int.from_bytes(stream.read(2), "big")
        at = stream.tell()
        content = stream.read(min(max(0, length - 2), 512))
        if marker == _SOS:
            _note_scan(header, content, at)
            header.data_at = at + max(0, length - 2)
            break
        _note_segment(header, marker, content, at)
        stream.seek(at + max(0, length - 2))
    if header.adobe_at is not None and header.components in _YCC_OF:
        known = _YCC_OF[header.components]
        if header.adobe_transform not in (0, known[0]):
            header.patches[header.adobe_at] = known
    return header


def _next_marker(stream: BinaryIO, header: _Header) -> int | None:
    """Return the code of the next marker; bytes before it become fill bytes."""
    start = stream.tell()
    window = stream.read(4)
    while (found := re.search(rb"\xff+([^\x00\xff])", window)) is None:
        more = stream.read(65536)
        if not more or len(window) > _MOST_BETWEEN:
            return None
        window += more
    if window[: found.start()].strip(_FILL):
        header.patches[start] = _FILL * found.start()
    stream.seek(start + found.end())
    return found[1][0]


def _note_segment(header: _Header, marker: int | None, content: bytes, at: int) -> None:
    if marker in _FRAMES and len(content) > 5:
        header.sequential, header.components = marker in _SEQUENTIAL, content[5]
        header.arithmetic = marker in _ARITHMETIC
    elif marker == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 12 and content[5] != 1:
        header.patches[at + 5] = b"\1"
    elif marker == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        header.adobe_at, header.adobe_transform = at + 11, content[11]


def _note_scan(header: _Header, content: bytes, at: int) -> None:
    header.scan_components = content[0] if content else 0
    parameters = 1 + 2 * header.scan_components
    if header.sequential and content[parameters : parameters + 3] != _WHOLE_SPECTRUM:
        header.patches[at + parameters] = _WHOLE_SPECTRUM


def _patched(data: bytes, patches: Mapping[int, bytes]) -> bytes:
    whole = bytearray(data)
    for at, patch in patches.items():
        whole[at : at + len(patch)] = patch
    return bytes(whole)


def _fault(data: bytes, *, first_pixel: bool = False) -> pyvips.Error | None:
    try:
        image = pyvips.Operation.call("jpegload_buffer", data, fail_on="warning", access="sequential")
        (image.crop(0, 0, 1, 1) if first_pixel else image).avg()
    except pyvips.Error as error:
        return error
    return None


def _without_bytes_between_scans(data: bytes, start: int) -> bytes:
    """Make fill bytes of what lies between two scans, which only decoding tells from what belongs to one.

    `start` is where the first scan begins.
    """
    # libjpeg reads all scans before it yields the first pixel.
    first = fault = _fault(data, first_pixel=True)
    settled = data
    for _ in range(_MOST_TRIALS):
        found = _EXTRANEOUS.search(str(fault))
        # Before a restart, they are what the interval's blocks should have used: it was damaged.
        if fault is None or found is None or int(found[2], 16) in _RESTARTS:
            break
        length = int(found[1])
        at = data.find(bytes([0xFF, int(found[2], 16)]), start + length)
        if at < 0:
            break
        start = at + 2
        tried = _patched(settled, {at - length: _FILL * length})
        after = _fault(tried, first_pixel=True)
        if after is None or _EXTRANEOUS.search(str(after)):
            settled, fault = tried, after
    if fault is not None:
        raise fault
    # Where a patch fell on something that belonged to a scan, the picture is another one.
    if first is not None and not _same_picture(data, settled):
        raise first
    return settled


def _same_picture(*streams: bytes) -> bool:
    one, other = (pyvips.Operation.call("jpegload_buffer", data, access="sequential") for data in streams)
    return bool((one - other).abs().max() == 0)
