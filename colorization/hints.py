"""Color hints: what an archivist knows about a place in a photograph, and how the network takes it.

The network's hint input has three planes: a*, b* (CIE units, D65) and trust. Trust is `EXACT_TRUST` where
a person gave the color, `COARSE_TRUST` where a coarser pass over the whole photograph predicted it (which
conditions tiles on the whole), and 0 where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imaging.determinants import NOT_DETERMINING
from imaging.errors import OptionsError

EXACT_TRUST = 1.0
COARSE_TRUST = 0.5

_CHROMA_LIMIT = 128.0


@dataclass(frozen=True)
class Hint:
    """The color of one place.

    Parameters
    ----------
    x, y
        Place, as shares of the photograph's width and height, 0–1 from its upright top left corner.
    radius
        Of the disc that certainly has the color, as a share of the longer side, above 0 to 0.5.
    a, b
        The color, a*b* (CIE units, D65), −128 to 128.
    source
        The source of the knowledge, in the archivist's words.

    Raises
    ------
    OptionsError
        A value outside its range.
    """

    x: float
    y: float
    radius: float
    a: float
    b: float
    source: str = field(default="", metadata=NOT_DETERMINING)

    def __post_init__(self) -> None:
        bounds = {
            "x": (0.0, 1.0),
            "y": (0.0, 1.0),
            "radius": (1e-6, 0.5),
            "a": (-_CHROMA_LIMIT, _CHROMA_LIMIT),
            "b": (-_CHROMA_LIMIT, _CHROMA_LIMIT),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise OptionsError(
                    f"hint {name}={value}", f"it must lie in {low:g}…{high:g}", "Correct the hint."
                )


def rasterize(hints: Iterable[Hint], height: int, width: int) -> NDArray[np.float32]:
    """Draw hints as discs of at least one pixel; return 3×h×w planes a*, b*, trust.

    A later hint covers an earlier one.
    """
    planes = np.zeros((3, height, width), np.float32)
    y, x = np.ogrid[:height, :width]
    for hint in hints:
        column = min(int(hint.x * width), width - 1)
        row = min(int(hint.y * height), height - 1)
        radius = hint.radius * max(height, width)
        inside = (x - column) ** 2 + (y - row) ** 2 <= max(radius, 0.5) ** 2
        for plane, value in zip(planes, (hint.a, hint.b, EXACT_TRUST), strict=True):
            plane[inside] = value
    return planes


def from_color(chroma: NDArray[np.float32], trust: float = COARSE_TRUST) -> NDArray[np.float32]:
    """Return hint planes (3×h×w) of a color (2×h×w, a*b*) with the same trust everywhere."""
    return np.concatenate([chroma, np.full_like(chroma[:1], trust)]).astype(np.float32, copy=False)
