"""Chroma of a photograph at working scale: a global prediction first, then overlapping tiles.

Reads L* at working scale, writes checkpoints. A repeat finds every finished tile and computes the missing
ones; a crash loses at most one batch of tiles.

1. The network sees the whole at its preferred size: globally consistent color.
2. At each finer scale it sees overlapping tiles, blended with windows that sum to one, and the two scales are
   mixed. The coarser one counts for more, because up close a network sees textures instead of things;
   but each picture of an album page is colored on its own.

Some models take the color of the coarser scale as an input, through the hint planes with a trust of their own
(`descriptor.Tiling`). Archivists' hints are not used here: `hint_solver` applies them to the result.
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
from colorization.picture_grid import holds_several_pictures
from colorization.working import resized, size_at
from imaging.errors import StoredFileError
from imaging.tiles import Tile, TileGrid

logger = logging.getLogger(__name__)

Array = NDArray[np.float32]
Advance = Callable[[int], None]
"""Called with the number of px colored, after every batch of tiles."""

BYTES_PER_PIXEL = 1100
"""Memory of the network per px of its input while it runs (measured 600–800), bytes."""
SMALLEST_TILE = 128
_WHOLE_WITHIN = 1.5
"""A picture of at most this many tiles per side is predicted whole: cheaper than tiles, and seamless."""
_SCALE_STEP = 4
"""Each scale is at most this many times finer than the one before it."""
_LEAST_STEP = 1.5
"""A scale that is less than this many times finer shows nothing new."""
_FINE_SHARE = 0.3
"""Weight of a finer scale relative to the coarser one. Measured with version 5 on 14 photographs of 1,024 px
of other collections, within 15 units: 0.692 at 0, 0.694 at 0.3, 0.690 at 0.5, 0.671 at 1."""
_PAGE_SHARE = 1.0
"""The same where several pictures share a page, each too small in the whole (within 15 units: 0.56 at 0, 0.60
at 1)."""
_LOG_SECONDS = 30.0


class BatchPrediction(Protocol):
    """A predictor's result for a batch: a*b* N×2×h×w and confidence N×1×h×w (0–1)."""

    @property
    def ab(self) -> Array: ...  # noqa: D102

    @property
    def confidence(self) -> Array: ...  # noqa: D102


class Predictor(Protocol):
    """A color network: L* N×1×h×w (0–100) and hints N×3×h×w (a*, b*, trust) in, colors out."""

    def predict(self, lightness: Array, hints: Array | None = None) -> BatchPrediction:
        """Color a batch at its own size."""
        ...


@dataclass(frozen=True)
class Tiling:
    """How finer scales are tiled.

    Parameters
    ----------
    tile, overlap
        px at working scale.
    batch
        Tiles that the network sees at once.
    conditioned
        Whether tiles get the color of the coarser scale as an input.
    """

    tile: int = 512
    overlap: int = 96
    batch: int = 1
    conditioned: bool = False

    @property
    def most_pixels(self) -> float:
        """Largest input of the network, px: a batch of tiles, or a picture that is predicted whole."""
        return self.tile**2 * max(self.batch, _WHOLE_WITHIN**2)

    def grid(self, width: int, height: int) -> TileGrid:
        """Return the tiles of a picture; a single one where it is hardly larger than a tile."""
        if max(width, height) <= _WHOLE_WITHIN * self.tile:
            return TileGrid(width, height, max(width, height), 0)
        return TileGrid(width, height, self.tile, self.overlap)

    def halved(self) -> Tiling:
        """Return tiles of half the side, one at a time."""
        return Tiling(self.tile // 2, self.overlap // 2, 1, self.conditioned)

    @classmethod
    def within(cls, budget: int, tile: int, overlap: int, batch: int | None) -> Tiling:
        """Return the tiling that keeps the network within `budget` bytes, the requested one if possible."""
        tiling = cls(tile, overlap, batch or 1)
        while tiling.tile > SMALLEST_TILE and tiling.most_pixels * BYTES_PER_PIXEL > budget:
            tiling = tiling.halved() if tiling.batch == 1 else cls(tile, overlap, tiling.batch // 2)
        return tiling


@dataclass(frozen=True)
class ChromaMap:
    """Color at one scale.

    Parameters
    ----------
    chroma
        2×h×w, a*b*.
    confidence
        h×w, 0–1.
    tiling
        The tiling that was used in the end.
    """

    chroma: Array
    confidence: Array
    tiling: Tiling


def scales(width: int, height: int, preferred: int) -> list[tuple[int, int]]:
    """Return the sizes of the network's inputs, from `preferred` px for the whole to working scale."""
    longest = max(width, height)
    sides = [min(preferred, longest)]
    while sides[-1] * _LEAST_STEP < longest:
        following = sides[-1] * _SCALE_STEP
        sides.append(longest if following * 2 > longest * 1.5 else following)
    return [size_at(width, height, side) for side in sides]


def predict_global(predictor: Predictor, lightness: Array, preferred: int) -> ChromaMap:
    """Predict the whole at the network's preferred size; the first step."""
    small = _reduced(lightness, preferred)
    seen = predictor.predict(small[None, None])
    side = max(small.shape)
    return ChromaMap(np.asarray(seen.ab[0]), np.asarray(seen.confidence[0, 0]), Tiling(side, 0, 1))


def refine(
    predictor: Predictor,
    lightness: Array,
    whole: ChromaMap,
    *,
    tiling: Tiling,
    checkpoints: Checkpoints,
    name: str = "color",
    advance: Advance | None = None,
) -> ChromaMap:
    """Predict finer and finer scales in tiles and mix each with the one before; the second step.

    Parameters
    ----------
    predictor
        The network.
    lightness
        h×w, L*, at working scale.
    whole
        From `predict_global` (or an alternative to it).
    tiling
        When memory runs out, the tile is halved, a warning is logged and the result states it.
    checkpoints
        Where finished tiles are kept.
    name
        Distinguishes the checkpoints of several chroma maps.
    advance
        Called with the number of px colored; an exception it raises cancels, and finished tiles are kept.
    """
    height, width = lightness.shape
    share = _PAGE_SHARE if holds_several_pictures(lightness) else _FINE_SHARE
    coarse = whole
    for scale_width, scale_height in scales(width, height, max(whole.chroma.shape[1:]))[1:]:
        light = resized(lightness, scale_width, scale_height)
        scale = f"{name}-{max(light.shape)}"
        while True:
            job = _Scale(predictor, light, coarse.chroma, tiling, checkpoints, scale)
            try:
                coarse = blended(coarse, job.predict(advance or (lambda pixels: None)), share)
                break
            except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or tiling.tile // 2 < SMALLEST_TILE:
                    raise
                tiling = tiling.halved()
                logger.warning("memory ran out; continuing with tiles of %d px", tiling.tile)
    return _enlarged(coarse, width, height)


def _enlarged(chroma_map: ChromaMap, width: int, height: int) -> ChromaMap:
    if chroma_map.confidence.shape == (height, width):
        return chroma_map
    chroma = np.stack([resized(plane, width, height) for plane in chroma_map.chroma])
    return ChromaMap(chroma, resized(chroma_map.confidence, width, height), chroma_map.tiling)


def blended(coarse: ChromaMap, fine: ChromaMap, share: float) -> ChromaMap:
    """Return the mixture of two scales at the size of the finer one, whose weight is `share`."""
    height, width = fine.confidence.shape
    coarse = _enlarged(coarse, width, height)
    chroma = coarse.chroma + share * (fine.chroma - coarse.chroma)
    confidence = coarse.confidence + share * (fine.confidence - coarse.confidence)
    return ChromaMap(chroma, confidence, fine.tiling)


@dataclass(frozen=True)
class _Scale:
    """One scale in progress."""

    predictor: Predictor
    lightness: Array
    coarse: Array
    tiling: Tiling
    checkpoints: Checkpoints
    name: str

    def predict(self, advance: Advance) -> ChromaMap:
        height, width = self.lightness.shape
        grid = self.tiling.grid(width, height)
        conditioning = None
        if self.tiling.conditioned:
            conditioning = np.stack([resized(plane, width, height) for plane in self.coarse])
        began, last_said = time.monotonic(), time.monotonic()
        for batch in self._batches(grid):
            if any(self.checkpoints.load(self._key(tile)) is None for tile in batch):
                self._predict_batch(batch, conditioning)
            advance(sum(tile.width * tile.height for tile in batch))
            if time.monotonic() - last_said > _LOG_SECONDS:
                last_said = time.monotonic()
                done = batch[-1].index + 1
                left = (last_said - began) / done * (len(grid) - done)
                logger.info("%d of %d tiles colored, %.0f s left at this scale", done, len(grid), left)
        return self._blend(grid)

    def _batches(self, grid: TileGrid) -> Iterator[list[Tile]]:
        # Batches depend on tile numbers alone, so a resumed run has the same ones.
        for first in range(0, len(grid), self.tiling.batch):
            yield [grid[i] for i in range(first, min(first + self.tiling.batch, len(grid)))]

    def _predict_batch(self, batch: list[Tile], conditioning: Array | None) -> None:
        lightness = np.stack([self.lightness[tile.slices][None] for tile in batch])
        hints = (
            None
            if conditioning is None
            else np.stack([from_color(conditioning[:, *tile.slices]) for tile in batch])
        )
        seen = self.predictor.predict(lightness, hints)
        for tile, ab, confidence in zip(batch, seen.ab, seen.confidence, strict=True):
            self.checkpoints.save(self._key(tile), np.concatenate([ab, confidence]).astype(np.float32))

    def _blend(self, grid: TileGrid) -> ChromaMap:
        canvas = self.checkpoints.scratch(f"{self.name}-canvas", (3, grid.height, grid.width))
        for tile in grid:
            colored = self.checkpoints.load(self._key(tile))
            if colored is None:
                raise StoredFileError(self.checkpoints.folder, "a finished tile vanished", "Run it again.")
            canvas[:, *tile.slices] += colored * grid.window(tile)
        return ChromaMap(canvas[:2], canvas[2], self.tiling)

    def _key(self, tile: Tile) -> str:
        return f"{self.name}-t{self.tiling.tile}-{tile.index:06d}"


def _reduced(lightness: Array, side: int) -> Array:
    width, height = size_at(lightness.shape[1], lightness.shape[0], side)
    return resized(lightness, width, height)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # PyTorch has no exception type for a failed allocation on the CPU.
    return "allocate memory" in str(error) or "not enough memory" in str(error)
