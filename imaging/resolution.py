"""How many dots per inch a file states: nothing where it states none, or none in a unit of length.

libvips tells neither: it takes 72 dpi, or 1 px/mm, for what is not stated, and numbers without a unit as
px/mm.
PNG specification §11.3.4.3 (pHYs), JFIF 1.02 (density), Exif 2.32 §4.6.5 (XResolution).
"""

from __future__ import annotations

import struct
from pathlib import Path

import piexif
import pyvips

UNSTATED_DPI = 26
"""libvips writes and reports 1 px/mm (25.4 dpi) for pictures of no stated resolution."""
_MM_PER_INCH = 25.4
_CM_PER_INCH = 2.54
_PNG_SIGNATURE = 8
_PER_METER = 1
_JFIF_INCH, _JFIF_CM = 1, 2
_EXIF_INCH, _EXIF_CM = 2, 3


def stated_dpi(path: Path, media_type: str, image: pyvips.Image) -> float | None:
    """Return the horizontal resolution that a PNG, JPEG, WebP or JPEG 2000 states, dots per inch.

    Parameters
    ----------
    path
        The file.
    media_type
        What it is, by its first bytes.
    image
        As libvips opened it.
    """
    if media_type == "image/png":
        return _png(path)
    if media_type == "image/jpeg":
        return _jfif(path) or _exif(image)
    if media_type == "image/webp":
        return _exif(image)
    return float(image.xres) * _MM_PER_INCH


def _png(path: Path) -> float | None:
    with path.open("rb") as stream:
        stream.seek(_PNG_SIGNATURE)
        while len(head := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"IDAT":
                return None
            if kind == b"pHYs" and length == 9:
                density, _, unit = struct.unpack(">IIB", stream.read(9).ljust(9, b"\0"))
                return density * _MM_PER_INCH / 1000 if unit == _PER_METER and density else None
            stream.seek(length + 4, 1)
    return None


def _jfif(path: Path) -> float | None:
    with path.open("rb") as stream:
        head = stream.read(18)
    if head[2:4] != b"\xff\xe0" or head[6:11] != b"JFIF\0" or len(head) < 18:
        return None
    unit, density = head[13], int.from_bytes(head[14:16], "big")
    per_inch = {_JFIF_INCH: 1.0, _JFIF_CM: _CM_PER_INCH}.get(unit)
    return density * per_inch if per_inch and density else None


def _exif(image: pyvips.Image) -> float | None:
    if image.get_typeof("exif-data") == 0:
        return None
    data = image.get("exif-data")
    try:
        first = piexif.load(data if data.startswith(b"Exif\0\0") else b"Exif\0\0" + data)["0th"]
        above, below = first[piexif.ImageIFD.XResolution]
    except Exception:  # piexif raises arbitrary exceptions on damaged blocks
        return None
    per_inch = {_EXIF_INCH: 1.0, _EXIF_CM: _CM_PER_INCH}.get(first.get(piexif.ImageIFD.ResolutionUnit, 2))
    return above / below * per_inch if per_inch and above and below else None
