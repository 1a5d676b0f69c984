"""Color of a whole photograph at working scale: the whole first, then overlapping tiles that agree with it.

Reads L* at working scale, writes checkpoints. A repeat finds every finished tile and computes the missing
ones; a crash loses at most one batch of tiles.

1. The network sees the whole at the size it likes best: global, consistent color.
2. At each finer scale it sees overlapping tiles, blended with windows that sum to one, and the two scales are
   mixed. The coarser one counts for more, because from near by a network sees textures instead of things;
   but the pictures of an album page are colored each by itself.

Some models like to be told the color of the coarser scale, through the hint input with a trust of its own
(`descriptor.Tiling`). A person's hints have no part in this: `hint_solver` carries them through the result.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from colorization.checkpoint import Checkpoints
from colorization.hints import from_color
from colorization.picture_grid import holds_several
from colorization.working import resized, size_at
from imaging.errors import StoredFileError
from imaging.tiles import Tile, TileGrid

logger = logging.getLogger(__name__)

Array = NDArray[np.float32]
Advance = Callable[[int], None]
"""Told how many px the network has colored, as often as a batch of tiles is done."""

BYTES_PER_PIXEL = 1100
"""What the network holds per px of its input while it runs (measured 600–800), bytes."""
SMALLEST_TILE = 128
_WHOLE_WITHIN = 1.5
"""A picture whose sides are within so many tiles is seen whole: cheaper than tiles, and seamless."""
_SCALE_STEP = 4
"""Each scale is at most this many times finer than the one before it."""
_LEAST_STEP = 1.5
"""A scale that is less than so many times finer shows nothing new."""
_FINE_SHARE = 0.3
"""How much a finer scale counts beside the coarser one. Measured with version 5 on 14 photographs of 1,024 px
of other collections, within 15 units: 0.692 at 0, 0.694 at 0.3, 0.690 at 0.5, 0.671 at 1."""
_PAGE_SHARE = 1.0
"""The same where several pictures share a page: of the whole each is seen too small (within 15 units: 0.56 at
0, 0.60 at 1)."""
_LOG_SECONDS = 30.0


class Seen(Protocol):
    """What a predictor says of a batch: a*b* N×2×h×w and confidence N×1×h×w (0–1)."""

    @property
    def ab(self) -> Array: ...  # noqa: D102

    @property
    def confidence(self) -> Array: ...  # noqa: D102


class Predictor(Protocol):
    """A color network: L* N×1×h×w (0–100) and hints N×3×h×w (a*, b*, trust) in, colors out."""

    def predict(self, lightness: Array, hints: Array | None = None) -> Seen:
        """Color a batch at its own size."""
        ...


@dataclass(frozen=True)
class Tiling:
    """How finer scales are cut.

    Parameters
    ----------
    tile, overlap
        px at working scale.
    batch
        Tiles that the network sees at once.
    conditioned
        Whether tiles are told the color of the coarser scale.
    """

    tile: int = 512
    overlap: int = 96
    batch: int = 1
    conditioned: bool = False

    @property
    def most_pixels(self) -> float:
        """What the network sees at once at most, px: a batch of tiles, or a picture that is seen whole."""
        return self.tile**2 * max(self.batch, _WHOLE_WITHIN**2)

    def grid(self, width: int, height: int) -> TileGrid:
        """Return the tiles of a picture; one, where it is hardly larger than a tile."""
        if max(width, height) <= _WHOLE_WITHIN * self.tile:
            return TileGrid(width, height, max(width, height), 0)
        return TileGrid(width, height, self.tile, self.overlap)

    def halved(self) -> Tiling:
        """Return tiles of half the side, one at a time."""
        return Tiling(self.tile // 2, self.overlap // 2, 1, self.conditioned)

    @classmethod
    def within(cls, budget: int, tile: int, overlap: int, batch: int | None) -> Tiling:
        """Return the tiling that keeps the network within `budget` bytes, as asked for if it can be."""
        tiling = cls(tile, overlap, batch or 1)
        while tiling.tile > SMALLEST_TILE and tiling.most_pixels * BYTES_PER_PIXEL > budget:
            tiling = tiling.halved() if tiling.batch == 1 else cls(tile, overlap, tiling.batch // 2)
        return tiling


@dataclass(frozen=True)
class Painting:
    """Color at one scale.

    Parameters
    ----------
    chroma
        2×h×w, a*b*.
    confidence
        h×w, 0–1.
    tiling
        With which it was computed in the end.
    """

    chroma: Array
    confidence: Array
    tiling: Tiling


def scales(width: int, height: int, preferred: int) -> list[tuple[int, int]]:
    """Return the sizes at which the network looks, from `preferred` px for the whole to working scale."""
    longest = max(width, height)
    sides = [min(preferred, longest)]
    while sides[-1] * _LEAST_STEP < longest:
        following = sides[-1] * _SCALE_STEP
        sides.append(longest if following * 2 > longest * 1.5 else following)
    return [size_at(width, height, side) for side in sides]


def paint_whole(predictor: Predictor, lightness: Array, preferred: int) -> Painting:
    """Color the whole at the network's preferred size; the first step."""
    small = _reduced(lightness, preferred)
    seen = predictor.predict(small[None, None])
    side = max(small.shape)
    return Painting(np.asarray(seen.ab[0]), np.asarray(seen.confidence[0, 0]), Tiling(side, 0, 1))


def paint_finer(
    predictor: Predictor,
    lightness: Array,
    whole: Painting,
    *,
    tiling: Tiling,
    checkpoints: Checkpoints,
    name: str = "color",
    advance: Advance | None = None,
) -> Painting:
    """Color ever finer scales in tiles and mix each with the one before; the second step.

    Parameters
    ----------
    predictor
        The network.
    lightness
        h×w, L*, at working scale.
    whole
        From `paint_whole` (or an alternative to it).
    tiling
        How to cut; when memory runs out the tile is halved, a warning is logged and the result says so.
    checkpoints
        Where finished tiles are kept.
    name
        Tells the checkpoints of several paintings apart.
    advance
        Told the colored px; an exception it raises cancels, and what was finished is kept.
    """
    height, width = lightness.shape
    share = _PAGE_SHARE if holds_several(lightness) else _FINE_SHARE
    coarse = whole
    for scale_width, scale_height in scales(width, height, max(whole.chroma.shape[1:]))[1:]:
        light = resized(lightness, scale_width, scale_height)
        scale = f"{name}-{max(light.shape)}"
        while True:
            job = _Scale(predictor, light, coarse.chroma, tiling, checkpoints, scale)
            try:
                coarse = blended(coarse, job.paint(advance or (lambda pixels: None)), share)
                break
            except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or tiling.tile // 2 < SMALLEST_TILE:
                    raise
                tiling = tiling.halved()
                logger.warning("memory ran out; going on with tiles of %d px", tiling.tile)
    return _enlarged(coarse, width, height)


def _enlarged(painting: Painting, width: int, height: int) -> Painting:
    if painting.confidence.shape == (height, width):
        return painting
    chroma = np.stack([resized(plane, width, height) for plane in painting.chroma])
    return Painting(chroma, resized(painting.confidence, width, height), painting.tiling)


def blended(coarse: Painting, fine: Painting, share: float) -> Painting:
    """Return the mixture of two scales, `share` of it fine, at the size of the fine one."""
    height, width = fine.confidence.shape
    coarse = _enlarged(coarse, width, height)
    chroma = coarse.chroma + share * (fine.chroma - coarse.chroma)
    confidence = coarse.confidence + share * (fine.confidence - coarse.confidence)
    return Painting(chroma, confidence, fine.tiling)


@dataclass(frozen=True)
class _Scale:
    """One scale being painted."""

    predictor: Predictor
    lightness: Array
    coarse: Array
    tiling: Tiling
    checkpoints: Checkpoints
    name: str

    def paint(self, advance: Advance) -> Painting:
        height, width = self.lightness.shape
        grid = self.tiling.grid(width, height)
        told = None
        if self.tiling.conditioned:
            told = np.stack([resized(plane, width, height) for plane in self.coarse])
        began, last_said = time.monotonic(), time.monotonic()
        for batch in self._batches(grid):
            if any(self.checkpoints.load(self._key(tile)) is None for tile in batch):
                self._predict(batch, told)
            advance(sum(tile.width * tile.height for tile in batch))
            if time.monotonic() - last_said > _LOG_SECONDS:
                last_said = time.monotonic()
                done = batch[-1].index + 1
                left = (last_said - began) / done * (len(grid) - done)
                logger.info("%d of %d tiles colored, %.0f s left at this scale", done, len(grid), left)
        return self._blend(grid)

    def _batches(self, grid: TileGrid) -> Iterator[list[Tile]]:
        # Batches are cut by tile number alone, so a resumed run sees the very same ones.
        for first in range(0, len(grid), self.tiling.batch):
            yield [grid[i] for i in range(first, min(first + self.tiling.batch, len(grid)))]

    def _predict(self, batch: list[Tile], told: Array | None) -> None:
        lightness = np.stack([self.lightness[tile.slices][None] for tile in batch])
        hints = None if told is None else np.stack([from_color(told[:, *tile.slices]) for tile in batch])
        seen = self.predictor.predict(lightness, hints)
        for tile, ab, confidence in zip(batch, seen.ab, seen.confidence, strict=True):
            self.checkpoints.save(self._key(tile), np.concatenate([ab, confidence]).astype(np.float32))

    def _blend(self, grid: TileGrid) -> Painting:
        canvas = self.checkpoints.scratch(f"{self.name}-canvas", (3, grid.height, grid.width))
        for tile in grid:
            colored = self.checkpoints.load(self._key(tile))
            if colored is None:
                raise StoredFileError(self.checkpoints.folder, "a finished tile vanished", "Run it again.")
            canvas[:, *tile.slices] += colored * grid.window(tile)
        return Painting(canvas[:2], canvas[2], self.tiling)

    def _key(self, tile: Tile) -> str:
        return f"{self.name}-t{self.tiling.tile}-{tile.index:06d}"


def _reduced(lightness: Array, side: int) -> Array:
    width, height = size_at(lightness.shape[1], lightness.shape[0], side)
    return resized(lightness, width, height)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # torch has no type for a refused allocation on the CPU.
    return "allocate memory" in str(error) or "not enough memory" in str(error)
