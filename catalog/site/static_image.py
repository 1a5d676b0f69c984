"""One picture as a static image service of level 0: every file that its ``info.json`` promises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.iiif.documents import serialize
from catalog.iiif.image_request import SizeLimits, parse
from catalog.iiif.info import image_information, sizes
from catalog.iiif.manifest import THUMBNAIL_SIDE, fit

if TYPE_CHECKING:
    from catalog.iiif.rendering import Picture

TILE = 512
PAGE_SIDE = 1024
"""Longer side of the picture that a page shows to browsers without scripts, px."""
LIMITS = SizeLimits(
    max_width=16_384,
    max_height=16_384,
    max_area=100_000_000,
    # A static service is asked for nothing of the kind; another word here would have all sites rendered anew.
    refuse_small_confined=True,
)
"""Of ``full/max``: larger pictures are offered whole only in reductions."""
RENDERING = f"1 {TILE} {LIMITS}"
"""How files are made; another word makes them anew."""


def write_static_image(picture: Picture, folder: Path) -> None:
    """Write tiles and whole sizes of `picture` into the new folder `folder`; `information` goes beside them.

    Raises
    ------
    StoreError
        When the picture cannot be read, or the disk is full.
    """
    from catalog.iiif.rendering import save_tiles

    save_tiles(picture, folder, TILE)
    (folder / "info.json").unlink()
    for width, height in whole_sizes(picture.width, picture.height):
        _write_whole(picture, folder, f"{width},{height}")
    _write_whole(picture, folder, "max")


def information(address: str, width: int, height: int, rights: str | None) -> bytes:
    """Return the ``info.json`` of the picture that stands at `address`."""
    document: dict[str, Any] = image_information(
        address,
        width,
        height,
        limits=None,
        rights=rights,
        tile=TILE,
        whole_sizes=whole_sizes(width, height),
    )
    if not LIMITS.admit(width, height):
        largest = LIMITS.largest(width, height)
        document |= {"maxWidth": largest[0], "maxHeight": largest[1]}
    return serialize(document)


def whole_sizes(width: int, height: int) -> Sequence[tuple[int, int]]:
    """Return the sizes, px, in which the whole picture lies ready."""
    listed = {*sizes(width, height), fit(width, height, THUMBNAIL_SIDE), fit(width, height, PAGE_SIDE)}
    return sorted(size for size in listed if LIMITS.admit(*size))


def _write_whole(picture: Picture, folder: Path, size: str) -> None:
    plan = parse("full", size, "0", "default.jpg").plan(
        picture.width, picture.height, LIMITS, native=picture.native
    )
    path = folder / "full" / size / "0" / "default.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture.render(plan))
