"""IPTC-IIM in JPEG access copies: the captions that older picture desks and archives read.

A Photoshop image resource block (APP13, resource 0x0404) with IIM 4.2 datasets in UTF-8, inserted before the
picture's data without encoding it again. The same facts stand in XMP, which newer software prefers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from catalog.provenance.jpeg import APP13, insert_segment
from catalog.provenance.record import ProvenanceRecord
from catalog.provenance.vocabulary import SOFTWARE
from catalog.provenance.xmp_packet import described
from catalog.vocabulary import NOTICES
from imaging.fixity import atomic_path
from imaging.stage import OutputFile

_SIGNATURE = b"Photoshop 3.0\0"
_UTF8 = b"\x1b%G"

_LIMITS = {
    (2, 5): 64,  # ObjectName
    (2, 40): 256,  # SpecialInstructions
    (2, 65): 32,  # OriginatingProgram
    (2, 80): 32,  # By-line
    (2, 103): 32,  # OriginalTransmissionReference
    (2, 110): 32,  # Credit
    (2, 115): 32,  # Source
    (2, 116): 128,  # CopyrightNotice
    (2, 120): 2000,  # Caption
}
"""IIM 4.2: the most bytes that each dataset may hold."""


def insert_iptc(path: Path, record: ProvenanceRecord, file: OutputFile) -> None:
    """Put IPTC-IIM captions into a JPEG made from the derivative `file`.

    Raises
    ------
    CorruptScan
        `path` is not a JPEG.
    """
    segment = _SIGNATURE + _resource(0x0404, b"".join(_datasets(record, file)))
    with atomic_path(path) as partial:
        insert_segment(path, partial, APP13, segment)


def _datasets(record: ProvenanceRecord, file: OutputFile) -> Iterator[bytes]:
    about = record.description
    yield struct.pack(">BBBH", 0x1C, 1, 90, len(_UTF8)) + _UTF8
    yield struct.pack(">BBBHH", 0x1C, 2, 0, 2, 4)
    values = {
        (2, 5): about.title,
        (2, 40): NOTICES.get(file.role, ""),
        (2, 65): SOFTWARE,
        (2, 80): about.maker,
        (2, 103): about.accession_number,
        (2, 110): about.credit,
        (2, 115): about.source,
        (2, 116): about.rights_statement,
        (2, 120): described(record, file.role),
    }
    for (group, number), text in values.items():
        if encoded := _cut(text, _LIMITS[group, number]):
            yield struct.pack(">BBBH", 0x1C, group, number, len(encoded)) + encoded


def _cut(text: str, limit: int) -> bytes:
    return text.encode()[:limit].decode(errors="ignore").encode()


def _resource(identifier: int, data: bytes) -> bytes:
    block = b"8BIM" + struct.pack(">H", identifier) + b"\0\0" + struct.pack(">I", len(data)) + data
    return block + b"\0" * (len(data) % 2)
