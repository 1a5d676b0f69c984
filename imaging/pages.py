"""Cutting one page out of a file that has several: upright, grey or sRGB, packed without further loss."""

from __future__ import annotations

from pathlib import Path

from imaging.disk import keep_apart
from imaging.fixity import describe_output
from imaging.pyramid import write_pyramid
from imaging.scan import decoding, inspect_scan, open_scan
from imaging.stage import OutputFile, Role


def cut_out_page(scan: Path, page: int, target: Path) -> OutputFile:
    """Write a page of `scan`, counted from 0, as a pyramid of its own; return what was written.

    Its pixels are those that `open_scan` returns.

    Raises
    ------
    ScanError
        The scan has no such page, or it cannot be read.
    OptionsError
        The page would replace the scan.
    """
    keep_apart(scan, (target,))
    with decoding(scan):
        image = open_scan(scan, page=page)
        write_pyramid(image, target, dpi=inspect_scan(scan, page=page).dpi)
    bits = 16 if image.format == "ushort" else 8
    return describe_output(
        target, target.parent, Role.ORIGINAL, width=image.width, height=image.height, bits=bits
    )
