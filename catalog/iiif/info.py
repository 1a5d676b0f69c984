"""The image information document, ``info.json``: IIIF Image API 3.0 §5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from catalog.iiif.documents import rights_uri
from catalog.iiif.image_request import SizeLimits

CONTEXT = "http://iiif.io/api/image/3/context.json"
TILE = 512
"""Side of the tiles that viewers are told to ask for, px."""
SMALLEST_SIZE = 128
"""Longer side of the smallest listed size, px, at most twice this."""

_EXTRA_FEATURES = (
    "canonicalLinkHeader",
    "mirroring",
    "profileLinkHeader",
    "rotationArbitrary",
    "sizeUpscaling",
)


def scale_factors(width: int, height: int, tile: int = TILE) -> list[int]:
    """Return the reductions at which tiles are offered, down to the one that fits a single tile."""
    levels = max(0, math.ceil(math.log2(max(width, height) / tile)))
    return [2**level for level in range(levels + 1)]


def sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Return the sizes, px, at which the whole picture is cheap, largest first: each half the one before."""
    levels = max(0, math.ceil(math.log2(max(width, height) / SMALLEST_SIZE / 2)))
    return [(math.ceil(width / 2**level), math.ceil(height / 2**level)) for level in range(levels + 1)]


def image_information(
    address: str,
    width: int,
    height: int,
    *,
    limits: SizeLimits | None,
    rights: str | None = None,
    tile: int = TILE,
    whole_sizes: Sequence[tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Return the document for a picture of `width`×`height` px at `address`.

    Parameters
    ----------
    limits
        Of the service, which then is of level 2; ``None`` for a static site, which is of level 0.
    rights
        Rights statement; left out when it is no registered URI.
    tile
        Side of the tiles, px.
    whole_sizes
        Sizes at which the whole picture is offered; by default halves.
    """
    admitted = [size for size in whole_sizes or sizes(width, height) if limits is None or limits.admit(*size)]
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level0" if limits is None else "level2",
        "width": width,
        "height": height,
    }
    if limits is not None:
        document |= {
            "maxWidth": limits.max_width,
            "maxHeight": limits.max_height,
            "maxArea": limits.max_area,
        }
    document |= {
        "sizes": [{"width": across, "height": down} for across, down in sorted(admitted)],
        "tiles": [{"width": tile, "height": tile, "scaleFactors": scale_factors(width, height, tile)}],
    }
    if uri := rights_uri(rights):
        document["rights"] = uri
    if limits is not None:
        document |= {
            "extraFormats": ["webp", "tif"],
            "extraQualities": ["color", "gray", "bitonal"],
            "extraFeatures": list(_EXTRA_FEATURES),
        }
    return document
