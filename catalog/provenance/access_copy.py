"""Access copies: small JPEGs whose XMP, EXIF and IPTC state what they are copies of."""

from __future__ import annotations

import os
from pathlib import Path

import pyvips

from catalog.provenance.exif import insert_exif
from catalog.provenance.iptc import insert_iptc
from catalog.provenance.record import ProvenanceRecord
from catalog.provenance.tiff_xmp import MAX_PAGES
from catalog.provenance.xmp_packet import build_packet
from imaging.pyramid import OutputSize, write_jpeg
from imaging.scan import decoding
from imaging.stage import OutputFile
from imaging.tiff import Tag, read_directories


def write_access_copy(
    record: ProvenanceRecord, master: OutputFile, source: Path, target: Path, *, side: int, quality: int
) -> OutputSize:
    """Write a JPEG of a master, its metadata included, to `target`; return its size.

    Parameters
    ----------
    record, master
        The photograph's record, and the master as its stage wrote it.
    source
        Path of the master: a TIFF, of whose pyramid the nearest larger level is read.
    side
        The copy's longer side, px; a smaller master is not enlarged.
    quality
        JPEG quality, 1–100.

    Raises
    ------
    CorruptScan
        The master cannot be decoded.
    StoreError
        The disk is full.
    """
    packet = build_packet(record, master, variant=f"access copy {side} px")
    with decoding(source):
        size = write_jpeg(_level(source, side), target, quality=quality, xmp=packet, max_side=side)
    insert_exif(target, record, master, size)
    insert_iptc(target, record, master)
    return size


def _level(path: Path, side: int) -> pyvips.Image:
    """Open the smallest level of a master's pyramid that is still at least `side` px long."""
    first, *others = read_directories(path, MAX_PAGES)
    levels = [first, *(level for level in others if not level.is_page)]
    sides = {level.index: max(level.first(Tag.WIDTH, 0), level.first(Tag.HEIGHT, 0)) for level in levels}
    index = min((i for i in sides if sides[i] >= side), key=sides.__getitem__, default=0)
    # A master of our own, so not through the door for scans, which shows no level but the first. libvips only
    # warns where a tile is damaged, and would remember a master that has been replaced since.
    return pyvips.Image.tiffload(
        os.fspath(path), page=index, access="sequential", fail_on="warning", revalidate=True, unlimited=True
    )
