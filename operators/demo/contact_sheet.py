"""A contact sheet: one picture that shows what became of many photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyvips

from imaging.fixity import atomic_path
from imaging.scan import open_scan

CELL = 240
"""Side of the square that each thumbnail is fitted into, px."""
GAP = 6
CAPTION_HEIGHT = 22
GROUND = [250, 249, 246]


@dataclass(frozen=True)
class SheetEntry:
    """One photograph on the sheet: a caption and its pictures from left to right; ``None`` leaves a gap."""

    caption: str
    pictures: tuple[Path | None, ...]


def write_contact_sheet(
    entries: Sequence[SheetEntry], headings: Sequence[str], target: Path, across: int = 2
) -> Path:
    """Write a PNG that shows every entry, `across` of them beside each other.

    Parameters
    ----------
    entries
        The photographs, each with as many pictures as there are headings.
    headings
        What each column of an entry shows.
    target
        The PNG to write; replaced when it exists.
    across
        Entries side by side.
    """
    across = min(across, max(len(entries), 1))
    heading = pyvips.Image.arrayjoin(
        [_text(h, CELL + GAP) for h in headings] * across, across=across * len(headings)
    )
    blocks = [_block(entry) for entry in entries]
    sheet = heading
    if blocks:
        body = pyvips.Image.arrayjoin(blocks, across=across, background=GROUND)
        sheet = heading.join(body, "vertical", expand=True, background=GROUND)
    with atomic_path(target) as partial:
        # Rendered into memory first: a sheet is small and PNG is written line by line.
        partial.write_bytes(sheet.pngsave_buffer(compression=6))
    return target


def _block(entry: SheetEntry) -> pyvips.Image:
    row = pyvips.Image.arrayjoin([_cell(p) for p in entry.pictures], across=len(entry.pictures))
    return _text(entry.caption, row.width).join(row, "vertical")


def _cell(picture: Path | None) -> pyvips.Image:
    side = CELL + GAP
    if picture is None:
        return _ground(side, side)
    image = open_scan(picture).thumbnail_image(CELL, height=CELL)
    if image.format == "ushort":
        image = (image >> 8).cast("uchar")
    if image.bands == 1:
        image = image.bandjoin([image, image])
    return image.copy(interpretation="srgb").gravity(
        "centre", side, side, extend="background", background=GROUND
    )


def _text(text: str, width: int) -> pyvips.Image:
    # Captions are data: Pango reads markup, so its signs are escaped.
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") or " "
    ink = pyvips.Image.text(escaped, font="sans 9", dpi=96)
    ink = ink.crop(0, 0, min(ink.width, width), min(ink.height, CAPTION_HEIGHT))
    ink = ink.embed(4, 4, width, CAPTION_HEIGHT)
    return (ink.invert() * [g / 255 for g in GROUND]).cast("uchar").copy(interpretation="srgb")


def _ground(width: int, height: int) -> pyvips.Image:
    return (pyvips.Image.black(width, height, bands=3) + GROUND).cast("uchar").copy(interpretation="srgb")
