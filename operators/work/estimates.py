"""What a stage needs for one photograph, at most: bytes of disk and seconds, from its pixels alone.

Pictures are counted as uncompressed pyramids, whose levels add a third to the full size (1 + 1/4 + 1/16 + …),
and with three samples, for the catalog does not know how many a scan has. What is really written is mostly
less than half of it. The seconds are those after which work counts as stuck: many times what it takes on a
slow and busy machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.scans import Scan

_SAMPLES = 3
_LEVELS = 4 / 3
_MAP = _LEVELS
"""Bytes per pixel of a mask or a map of confidence."""
_JPEG = 1.0
"""Bytes per pixel of a JPEG, at most."""

LEAST_SECONDS = 1800.0
"""However small the photograph: networks may have to be loaded, and disks wake up."""
_NETWORK_SECONDS = 60.0
"""Per megapixel, where networks look at it; two to twelve on one core."""
_COPY_SECONDS = 15.0
"""Per megapixel, where pixels are only read and written."""
_READ_SECONDS = 5.0
"""Per megabyte of a file that is taken in, perhaps over a slow network."""


@dataclass(frozen=True)
class Estimate:
    """What a stage needs for one photograph, at most: `bytes` of disk, and `seconds`."""

    bytes: int = 0
    seconds: float = LEAST_SECONDS


def ingestion(size: int) -> Estimate:
    """Return what taking in a file of `size` bytes needs."""
    return Estimate(size, LEAST_SECONDS + _READ_SECONDS * size / 1e6)


def restoration(scan: Scan) -> Estimate:
    """Return what restoration needs."""
    # Finished bands lie uncompressed beside the picture until it is written, and a further page is cut out of
    # its file first.
    copies = 2 if scan.page else 1
    return _of(scan, _plain(scan) * (copies + _LEVELS) + _MAP, _NETWORK_SECONDS)


def colorization(scan: Scan, alternatives: int = 0) -> Estimate:
    """Return what colorization needs, with so many alternatives."""
    pictures = 1 + alternatives
    return _of(scan, pictures * _plain(scan) * _LEVELS + _MAP, pictures * _NETWORK_SECONDS)


def tagging(scan: Scan, masters: int, size: int) -> Estimate:
    """Return what tagging needs: so many masters of `size` bytes together, and an access copy of each."""
    copies = _of(scan, masters * _JPEG, masters * _COPY_SECONDS)
    return Estimate(size + copies.bytes, copies.seconds)


def description(scan: Scan) -> Estimate:
    """Return what the copy needs that the image service reads."""
    return _of(scan, _LEVELS * _JPEG, _COPY_SECONDS)


def _of(scan: Scan, bytes_per_pixel: float, seconds_per_megapixel: float) -> Estimate:
    pixels = (scan.width or 0) * (scan.height or 0)
    seconds = LEAST_SECONDS + seconds_per_megapixel * pixels / 1e6
    return Estimate(int(pixels * bytes_per_pixel), seconds)


def _plain(scan: Scan) -> int:
    return _SAMPLES * -(-(scan.bits or 8) // 8)
