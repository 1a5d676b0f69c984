"""Files of moving pictures before anything decodes them: which container it is, whether all of it is there.

What a file is called says nothing; its first bytes decide which one demuxer is asked. A container whose own
sizes reach beyond the end of the file was cut off, and is refused before a decoder sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imaging.errors import CorruptScan, UnfinishedScan, UnsupportedScan

SEQUENCE_CODECS = {".dpx": "dpx", ".tif": "tiff", ".tiff": "tiff", ".png": "png"}
"""Suffixes of image sequences and the decoder of each."""

_READ = "Matroska, QuickTime or MP4, MXF, AVI, and folders of numbered DPX, TIFF or PNG files"
_CONVERT = f"Wrap it in one of the containers that are read: {_READ}."
_COPY = "Copy the file again from its source."
_MXF_KEY = bytes.fromhex("060e2b34020501010d010201")
_MXF_RUN_IN = 65536
"""Bytes that may stand before an MXF header (SMPTE ST 377-1 §6.5)."""
_ATOMS = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_ENCRYPTED_ENTRIES = {b"encv", b"enca"}
"""Sample entries of Common Encryption (ISO/IEC 23001-7 §4)."""
_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_NUMBERED = re.compile(r"^(.*?)(\d+)$")


@dataclass(frozen=True)
class Source:
    """What a demuxer is asked to open.

    Parameters
    ----------
    path
        The file or the folder.
    demuxer
        FFmpeg's name of the demuxer.
    address
        What it is told: the file, or the pattern of a sequence.
    first
        Number of a sequence's first image; ``None`` for files.
    images
        The files of a sequence in order.
    """

    path: Path
    demuxer: str
    address: str
    first: int | None = None
    images: tuple[Path, ...] = ()

    @property
    def is_sequence(self) -> bool:
        """Whether each frame is a file of its own."""
        return self.first is not None

    @property
    def bytes(self) -> int:
        """Size of all files, bytes."""
        return sum(path.stat().st_size for path in self.images or (self.path,))


def recognize(path: Path) -> Source:
    """Return what to open `path` with.

    Raises
    ------
    UnsupportedScan
        It is none of the containers that are read, or is encrypted.
    CorruptScan
        It ends before the end that it states, or a sequence lacks an image.
    UnfinishedScan
        It is empty.
    """
    if path.is_dir():
        return _sequence(path)
    size = path.stat().st_size
    if size == 0:
        raise UnfinishedScan(path, "it is empty", "Wait until it is written, or copy it again.")
    with path.open("rb") as stream:
        head = stream.read(_MXF_RUN_IN + len(_MXF_KEY))
        address = str(path.resolve())
        if head.startswith(_EBML.to_bytes(4, "big")):
            _check_matroska(path, stream, size)
            return Source(path, "matroska", address)
        if head[4:8] in _ATOMS:
            _check_atoms(path, stream, size)
            return Source(path, "mov", address)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            _check_reach(path, 8 + int.from_bytes(head[4:8], "little"), size)
            return Source(path, "avi", address)
        if _MXF_KEY in head:
            return Source(path, "mxf", address)
    raise UnsupportedScan(path, "it is no container of moving pictures that is read", _CONVERT)


def _check_reach(path: Path, end: int, size: int) -> None:
    if end > size:
        raise CorruptScan(path, f"it is cut off: {size} of the {end} bytes that it states are there", _COPY)


def _check_matroska(path: Path, stream: BinaryIO, size: int) -> None:
    """Follow RFC 8794 §17 to the end of the segment; a live recording's is unknown."""
    stream.seek(0)
    _, header_size = _ebml_number(stream, keep_marker=True), _ebml_number(stream)
    if header_size is None:
        raise CorruptScan(path, "its EBML header has no size", _COPY)
    stream.seek(header_size, 1)
    identifier, length = _ebml_number(stream, keep_marker=True), _ebml_number(stream)
    if identifier != _SEGMENT:
        raise CorruptScan(path, "no Matroska segment follows its header", _COPY)
    if length is not None:
        _check_reach(path, stream.tell() + length, size)


def _ebml_number(stream: BinaryIO, keep_marker: bool = False) -> int | None:
    """Read a variable-size integer (RFC 8794 §4); ``None`` when it is cut off or says "unknown"."""
    first = stream.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    data = first + stream.read(extra)
    if len(data) <= extra:
        return None
    value = int.from_bytes(data, "big")
    if keep_marker:
        return value
    mask = (1 << (7 * (extra + 1))) - 1
    return None if value & mask == mask else value & mask


def _check_atoms(path: Path, stream: BinaryIO, size: int) -> None:
    """Walk the boxes (ISO/IEC 14496-12 §4.2): all of them must be there and none of them be encrypted."""
    kinds = set()
    for kind, start, end in _atoms(stream, 0, size):
        _check_reach(path, end, size)
        kinds.add(kind)
        if kind == b"moov" and _is_encrypted(stream, start, end):
            raise UnsupportedScan(path, "it is encrypted", "Bring a copy without encryption.")
    if b"moov" not in kinds:
        raise CorruptScan(path, "it has no index (moov): its recording was not finished", _COPY)


def _atoms(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and end of each box between two places, bytes."""
    while start + 8 <= end:
        stream.seek(start)
        head = stream.read(16)
        length, content = int.from_bytes(head[:4], "big"), start + 8
        if length == 1:
            length, content = int.from_bytes(head[8:16], "big"), start + 16
        elif length == 0:
            length = end - start
        if length < content - start:
            return
        yield head[4:8], content, start + length
        start += length


def _is_encrypted(stream: BinaryIO, start: int, end: int) -> bool:
    for kind, inner, last in _atoms(stream, start, end):
        if kind in _NESTED and _is_encrypted(stream, inner, last):
            return True
        if kind == b"stsd":
            entries = _atoms(stream, inner + 8, last)
            if any(entry in _ENCRYPTED_ENTRIES for entry, _, _ in entries):
                return True
    return False


def _sequence(folder: Path) -> Source:
    """Return the numbered images of a folder, which must be of one kind and without a gap."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SEQUENCE_CODECS and p.is_file())
    if not found:
        raise UnsupportedScan(folder, "it holds no DPX, TIFF or PNG images", "Name a folder of frames.")
    numbered: dict[int, Path] = {}
    shapes = set()
    for path in found:
        match = _NUMBERED.match(path.stem)
        if match is None:
            raise UnsupportedScan(path, "its name ends in no number", "Number all frames, or move it away.")
        shapes.add((match[1], len(match[2]) if match[2].startswith("0") else 0, path.suffix))
        numbered[int(match[2])] = path
    padded = {width for _, width, _ in shapes if width}
    if len({(name, suffix) for name, _, suffix in shapes}) > 1 or len(padded) > 1:
        raise UnsupportedScan(
            folder, "it holds images of several sequences", "Put each sequence into a folder of its own."
        )
    first, last = min(numbered), max(numbered)
    if len(numbered) <= last - first:
        gap = next(number for number in range(first, last) if number not in numbered)
        raise CorruptScan(folder, f"frame {gap} is missing from it", "Scan or copy the frame again.")
    name, suffix = next((name, suffix) for name, _, suffix in shapes)
    digits = f"%0{padded.pop()}d" if padded else "%d"
    base = str(folder.resolve() / name).replace("%", "%%")
    images = tuple(numbered[number] for number in range(first, last + 1))
    return Source(folder, "image2", f"{base}{digits}{suffix}", first, images)
