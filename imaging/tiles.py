"""Overlapping tiles with smooth windows that sum to one at every pixel.

The tiles of one axis are spread evenly, so each overlaps its neighbors by at least the requested width and
the last one is not a sliver. Each window rises and falls as a squared sine over its actual overlap; dividing
by the sum along the axis makes a partition of unity, and the product of two such axes is one again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from imaging.errors import OptionsError


@dataclass(frozen=True)
class Tile:
    """One tile of a grid: its number in reading order and its rectangle, px."""

    index: int
    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, for indexing an H×W array."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


class TileGrid:
    """Tiles of one size that cover a picture.

    Parameters
    ----------
    width, height
        The picture, px.
    tile
        Side of a tile, px; where the picture is smaller, the tile is as small as the picture.
    overlap
        How many px neighboring tiles share at least, below `tile`.

    Examples
    --------
    >>> grid = TileGrid(10, 4, tile=6, overlap=2)
    >>> [(t.left, t.top, t.width, t.height) for t in grid]
    [(0, 0, 6, 4), (4, 0, 6, 4)]
    >>> canvas = np.zeros((4, 10), np.float32)
    >>> for t in grid:
    ...     canvas[t.slices] += grid.window(t)
    >>> bool(np.allclose(canvas, 1))
    True
    """

    def __init__(self, width: int, height: int, tile: int, overlap: int) -> None:
        if width < 1 or height < 1:
            raise OptionsError(
                "tile grid", f"a picture of {width}×{height} px has no tiles", "Give a size ≥ 1."
            )
        if not 0 <= overlap < tile:
            raise OptionsError(
                "tile overlap", f"{overlap} px do not fit a tile of {tile} px", "Choose 0 ≤ overlap < tile."
            )
        self.width, self.height, self.tile, self.overlap = width, height, tile, overlap
        self._columns = _Axis(width, tile, overlap)
        self._rows = _Axis(height, tile, overlap)

    def __len__(self) -> int:
        return len(self._rows.starts) * len(self._columns.starts)

    def __getitem__(self, index: int) -> Tile:
        if not 0 <= index < len(self):
            raise IndexError(index)
        row, column = divmod(index, len(self._columns.starts))
        return Tile(
            index,
            self._columns.starts[column],
            self._rows.starts[row],
            self._columns.length,
            self._rows.length,
        )

    def __iter__(self) -> Iterator[Tile]:
        return (self[index] for index in range(len(self)))

    def window(self, tile: Tile) -> NDArray[np.float32]:
        """Return the h×w blending weights of a tile, in (0, 1]; over the tiles they sum to 1."""
        row, column = divmod(tile.index, len(self._columns.starts))
        return np.outer(self._rows.window(row), self._columns.window(column)).astype(np.float32)


class _Axis:
    """Where the tiles of one axis start, and the weights of each."""

    def __init__(self, size: int, tile: int, overlap: int) -> None:
        self.length = min(size, tile)
        count = max(1, ceil((size - overlap) / (tile - overlap)))
        self.starts = [round(i * (size - self.length) / max(1, count - 1)) for i in range(count)]

    def window(self, number: int) -> NDArray[np.float64]:
        start = self.starts[number]
        total = np.zeros(self.length)
        for other in self._touching(number):
            shift = self.starts[other] - start
            ramp = self._ramps(other)
            here = slice(max(0, shift), min(self.length, self.length + shift))
            there = slice(max(0, -shift), min(self.length, self.length - shift))
            total[here] += ramp[there]
        share: NDArray[np.float64] = self._ramps(number) / total
        return share

    def _touching(self, number: int) -> list[int]:
        first = last = number
        while first > 0 and self.starts[first - 1] + self.length > self.starts[number]:
            first -= 1
        while last + 1 < len(self.starts) and self.starts[last + 1] < self.starts[number] + self.length:
            last += 1
        return list(range(first, last + 1))

    def _ramps(self, number: int) -> NDArray[np.float64]:
        weights = np.ones(self.length)
        if number > 0:
            weights *= self._rise(self.starts[number - 1] + self.length - self.starts[number])
        if number + 1 < len(self.starts):
            weights *= self._rise(self.starts[number] + self.length - self.starts[number + 1])[::-1]
        return weights

    def _rise(self, shared: int) -> NDArray[np.float64]:
        weights = np.ones(self.length)
        if shared > 0:
            weights[:shared] = np.sin(0.5 * np.pi * (np.arange(shared) + 0.5) / shared) ** 2
        return weights
