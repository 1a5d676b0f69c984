"""A contact sheet: one picture that shows what became of many photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyvips

from imaging import false_color
from imaging.fixity import atomic_path
from imaging.scan import open_scan

CELL = 240
"""Side of the square that each thumbnail is fitted into, px."""
GAP = 6
CAPTION_HEIGHT = 22
LEGEND_WIDTH, LEGEND_HEIGHT = 120, 8
GROUND = [250, 249, 246]


@dataclass(frozen=True)
class SheetEntry:
    """One photograph on the sheet.

    Parameters
    ----------
    caption
        What it is.
    pictures
        Its pictures from left to right; ``None`` leaves a gap.
    confidence
        How sure its colors are (8 bits, white: sure), drawn over the last of the pictures as one more.
    """

    caption: str
    pictures: tuple[Path | None, ...]
    confidence: Path | None = None


def write_contact_sheet(
    entries: Sequence[SheetEntry], headings: Sequence[str], target: Path, across: int = 2
) -> Path:
    """Write a PNG that shows every entry, `across` of them beside each other.

    Parameters
    ----------
    entries
        The photographs, each with one picture fewer than there are headings.
    headings
        What each column of an entry shows, that of the confidence last.
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
    cells = [*(_cell(p) for p in entry.pictures), _confidence_cell(entry)]
    row = pyvips.Image.arrayjoin(cells, across=len(cells))
    return _text(entry.caption, row.width).join(row, "vertical")


def _cell(picture: Path | None) -> pyvips.Image:
    return _framed(None if picture is None else _thumbnail(picture))


def _confidence_cell(entry: SheetEntry) -> pyvips.Image:
    photograph = entry.pictures[-1]
    if entry.confidence is None or photograph is None:
        return _framed(None)
    share = _thumbnail(entry.confidence)[0]
    drawn = false_color.overlay(share, _thumbnail(photograph))
    scale = false_color.legend(LEGEND_WIDTH, LEGEND_HEIGHT)
    words = [_text(word, LEGEND_WIDTH // 3) for word in ("guess", "…", "sure")]
    key = pyvips.Image.arrayjoin(words, across=len(words)).join(scale, "vertical", expand=True)
    return _framed(drawn.insert(key, 4, max(0, drawn.height - key.height - 4)))


def _thumbnail(picture: Path) -> pyvips.Image:
    """Return a picture within a cell, sRGB, 8 bits."""
    image = open_scan(picture).thumbnail_image(CELL, height=CELL)
    if image.format == "ushort":
        image = (image >> 8).cast("uchar")
    if image.bands == 1:
        image = image.bandjoin([image, image])
    return image.copy(interpretation="srgb")


def _framed(image: pyvips.Image | None) -> pyvips.Image:
    side = CELL + GAP
    if image is None:
        return _ground(side, side)
    return image.gravity("centre", side, side, extend="background", background=GROUND)


def _text(text: str, width: int) -> pyvips.Image:
    # Captions are data: Pango reads markup, so its signs are escaped.
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") or " "
    ink = pyvips.Image.text(escaped, font="sans 9", dpi=96)
    ink = ink.crop(0, 0, min(ink.width, width), min(ink.height, CAPTION_HEIGHT))
    ink = ink.embed(4, 4, width, CAPTION_HEIGHT)
    return (ink.invert() * [g / 255 for g in GROUND]).cast("uchar").copy(interpretation="srgb")


def _ground(width: int, height: int) -> pyvips.Image:
    return (pyvips.Image.black(width, height, bands=3) + GROUND).cast("uchar").copy(interpretation="srgb")
