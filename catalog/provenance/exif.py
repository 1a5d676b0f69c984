"""EXIF in JPEG access copies, written by piexif (Exif 2.32).

EXIF's text is ASCII by the standard; readers take it for UTF-8, and so it is written. What has to survive
exactly is in XMP and in the user comment as well, which declares its encoding.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import piexif
import piexif.helper

from catalog.provenance.record import ProvenanceRecord, timestamp
from catalog.provenance.vocabulary import SOFTWARE
from catalog.provenance.xmp_packet import described
from catalog.vocabulary import NOTICES
from imaging.errors import CorruptScan
from imaging.pyramid import OutputSize
from imaging.stage import OutputFile

_SRGB, _INCH, _CENTERED = 1, 2, 1
_UNKNOWN_RESOLUTION = (72, 1)
"""Exif 2.32 requires a resolution, and 72 dpi where it is unknown; a smaller copy has none of its own."""
_UNIQUE_ID_LENGTH = 32
"""Exif 2.32, ImageUniqueID: a 128-bit number in hexadecimal; the first half of the master's sha256."""


def insert_exif(path: Path, record: ProvenanceRecord, file: OutputFile, size: OutputSize) -> None:
    """Put EXIF into a JPEG of `size` made from the derivative `file`; the picture is not encoded again.

    Raises
    ------
    CorruptScan
        `path` is not a JPEG.
    """
    about = record.description
    last = record.lineage(file.sha256)[-1]
    image = {
        piexif.ImageIFD.ImageDescription: described(record, file.role),
        piexif.ImageIFD.Artist: about.maker,
        piexif.ImageIFD.Copyright: about.rights_statement,
        piexif.ImageIFD.Software: f"{SOFTWARE} {last.software_version}",
        piexif.ImageIFD.DateTime: _exif_time(last.ended),
        piexif.ImageIFD.DocumentName: about.accession_number,
        piexif.ImageIFD.XResolution: _UNKNOWN_RESOLUTION,
        piexif.ImageIFD.YResolution: _UNKNOWN_RESOLUTION,
        piexif.ImageIFD.ResolutionUnit: _INCH,
        piexif.ImageIFD.YCbCrPositioning: _CENTERED,
    }
    exif = {
        piexif.ExifIFD.ExifVersion: b"0232",
        piexif.ExifIFD.FlashpixVersion: b"0100",
        piexif.ExifIFD.ComponentsConfiguration: b"\1\2\3\0",
        piexif.ExifIFD.ColorSpace: _SRGB,
        piexif.ExifIFD.PixelXDimension: size.width,
        piexif.ExifIFD.PixelYDimension: size.height,
        piexif.ExifIFD.ImageUniqueID: file.sha256[:_UNIQUE_ID_LENGTH].encode(),
        piexif.ExifIFD.UserComment: piexif.helper.UserComment.dump(NOTICES.get(file.role, ""), "unicode"),
    }
    encoded = {
        tag: value.encode() if isinstance(value, str) else value for tag, value in image.items() if value
    }
    try:
        piexif.insert(piexif.dump({"0th": encoded, "Exif": exif}), str(path))
    except (piexif.InvalidImageDataError, ValueError) as error:
        raise CorruptScan(path, f"cannot take EXIF ({error})", "Make the access copy again.") from error


def _exif_time(moment: datetime) -> str:
    return timestamp(moment).replace("-", ":").replace("T", " ").rstrip("Z")
