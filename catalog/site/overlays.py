"""What the staff's viewer draws over a photograph: damage, confidence, and the colors that people gave."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from catalog.given_hints import GivenHint
from catalog.iiif.presentation import ShownScan, shown_color
from catalog.site.html_pages import still
from catalog.site.site import Site
from imaging.stage import Role

_MAP_SIDE = 1024
"""Of the confidence that is drawn, px: it is smooth, and the picture below has the detail."""


def overlay_values(site: Site, shown: ShownScan, hints: Iterable[GivenHint]) -> dict[str, Any]:
    """Return the overlays of a scan, JSON-able.

    ``width`` and ``height`` are of the picture (px); ``regions`` have polygons in its pixels, ``hints`` their
    place and radius as shares (`catalog.given_hints.Hint`); ``confidence`` is the path of a grey picture, 0
    for a guess and 255 for sure, drawn in ``colors``, one for each of its 256 values.
    """
    first = shown.files[0]
    confidence = next((file for file in shown.files if file.role is Role.CONFIDENCE), None)
    return {
        "width": first.width,
        "height": first.height,
        "regions": [
            {
                "kind": str(region["kind"]),
                "mended": bool(region.get("mended", True)),
                "polygon": region["polygon"],
            }
            for version in shown.lineage
            for region in version.regions
        ],
        "hints": [
            {
                "x": hint.x,
                "y": hint.y,
                "radius": hint.radius,
                "color": shown_color(hint),
                "source": hint.source,
            }
            for hint in hints
        ],
        "confidence": still(site.addresses, confidence, _MAP_SIDE) if confidence else None,
        "colors": _colors() if confidence else [],
    }


@cache
def _colors() -> list[str]:
    # OpenCV comes with it, which a process that shows no photograph does without.
    from imaging.false_color import colors

    return colors()
