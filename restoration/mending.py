"""Inpainting: masked pixels are filled from their surroundings; every other pixel keeps its value.

A hole is first filled smoothly, from its rim inwards; the network then continues the lines, edges and tones
that run into it; last, grain is added, for a fill without grain shows as a smooth patch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from imaging.stage import ModelReference
from restoration.models import WEIGHTS, load_once
from restoration.network import CompactUNet, TileRunner
from restoration.noise import INVISIBLE, LUMINANCES, NoiseReport
from restoration.sampling import luma

Picture = npt.NDArray[np.float32]
"""H×W×B encoded values in [0, 1]."""
Grey = npt.NDArray[np.float32]
"""H×W."""
Mask = npt.NDArray[np.bool_]
"""H×W, true where the photograph is damaged."""

MENDER = "mender"
"""Name of the mender's weights."""
Slices = tuple[slice, slice]


class Mender:
    """Mends tiles of one photograph.

    Parameters
    ----------
    noise
        Of the photograph; fills get grain of the same strength and coarseness.
    coarse_fill
        The tone in holes too large for a tile, ``None`` where one tile holds the whole photograph.
    device
        ``cpu`` or ``cuda``.
    folder
        Where the weights are.
    """

    def __init__(
        self,
        noise: NoiseReport,
        coarse_fill: CoarseFill | None = None,
        *,
        device: str = "cpu",
        folder: Path = WEIGHTS,
    ) -> None:
        descriptor, network = load_once(MENDER, CompactUNet, folder)
        self.model: ModelReference | None = descriptor.reference
        self.context: int = descriptor.context
        """Pixels around a hole that its fill depends on, beyond which only the tone counts."""
        self._runner = TileRunner(network, descriptor.size, device)
        self._grain = GrainSynthesizer(noise)
        self.coarse_fill = coarse_fill

    def __call__(
        self, tile: Picture, mask: Mask, left: int, top: int, damaged: Mask | None = None
    ) -> Picture:
        """Fill the masked pixels of a tile from their surroundings.

        Parameters
        ----------
        tile
            H×W×B encoded values in [0, 1].
        mask
            H×W, true where the photograph is to be mended.
        damaged
            H×W, true where it is damaged, mended or not: never a source of fills. By default `mask`.
        left, top
            Where the tile lies in the photograph, px: the grain depends on the place, not on the tile.

        Returns
        -------
        H×W×B; equal to `tile` outside the mask.
        """
        damaged = mask if damaged is None else damaged
        has_source = self.coarse_fill is not None or not damaged.all()
        if not mask.any() or not has_source:
            return tile
        filled = self._filled(tile, damaged, left, top)
        mended = filled.copy()
        for core, reach, inner in _patches(mask, self.context):
            holes = np.broadcast_to(damaged[reach].astype(np.float32), filled[(..., *reach)].shape)
            detail = self._runner(np.stack((2 * filled[(..., *reach)] - np.float32(1), holes), axis=1))[:, 0]
            mended[(..., *core)] += detail[(..., *inner)]
        return np.where(mask[:, :, None], self._grain.add(mended.transpose(1, 2, 0), left, top), tile)

    def _filled(self, tile: Picture, mask: Mask, left: int, top: int) -> Picture:
        """Return B×H×W with smooth fills."""
        if self.coarse_fill is None:
            return np.stack([fill_smoothly(band, mask) for band in np.moveaxis(tile, 2, 0)])
        tone = np.moveaxis(self.coarse_fill.enlarged(tile.shape, left, top), 2, 0)
        rest = np.moveaxis(tile, 2, 0) - tone
        return tone + np.stack([fill_smoothly(band, mask, self.coarse_fill.step) for band in rest])


_PATCH = 192
"""Side of the squares in which the network works, px, so that it works only where there is damage."""


def _patches(mask: Mask, context: int) -> Iterator[tuple[Slices, Slices, Slices]]:
    """Yield the squares with damage: each itself, with its context, and itself within its context."""
    height, width = mask.shape
    for top, left in product(range(0, height, _PATCH), range(0, width, _PATCH)):
        bottom, right = min(height, top + _PATCH), min(width, left + _PATCH)
        if mask[top:bottom, left:right].any():
            above, before = max(0, top - context), max(0, left - context)
            reach = slice(above, bottom + context), slice(before, right + context)
            inner = slice(top - above, bottom - above), slice(left - before, right - before)
            yield (slice(top, bottom), slice(left, right)), reach, inner


class GrainSynthesizer:
    """Makes grain that depends on the place in the photograph alone, so that fills agree from tile to tile.

    Parameters
    ----------
    noise
        Strength at each luminance, and coarseness, of the grain to make.
    """

    def __init__(self, noise: NoiseReport) -> None:
        white = np.random.default_rng(_GRAIN_SEED).standard_normal((_GRAIN_SIDE, _GRAIN_SIDE), np.float32)
        if noise.grain > 0:
            wrapped = np.pad(white, _GRAIN_RIM, mode="wrap")
            blurred = cv2.GaussianBlur(wrapped, (0, 0), noise.grain)
            white = np.asarray(blurred[_GRAIN_RIM:-_GRAIN_RIM, _GRAIN_RIM:-_GRAIN_RIM], np.float32)
        self._unit = white / np.float32(white.std())
        self._curve = np.sqrt(np.maximum(np.square(noise.curve) - INVISIBLE**2, 0))

    def add(self, tile: Picture, left: int, top: int) -> Picture:
        """Return H×W×B with grain, the same in each band, clipped to [0, 1]."""
        height, width = tile.shape[:2]
        rows, columns = (np.arange(n) % _GRAIN_SIDE for n in (height, width))
        unit = self._unit[np.ix_((rows + top) % _GRAIN_SIDE, (columns + left) % _GRAIN_SIDE)]
        strength = np.interp(luma(tile), LUMINANCES, self._curve).astype(np.float32)
        return np.asarray((tile + (strength * unit)[:, :, None]).clip(0, 1), np.float32)


_GRAIN_SEED = 1839
_GRAIN_SIDE = 512
"""Period of the grain, px: the repetition shows only in wider holes."""
_GRAIN_RIM = 16


@dataclass(frozen=True)
class CoarseFill:
    """The photograph at low resolution, holes filled: the tone of a hole whose rim lies outside a tile.

    Parameters
    ----------
    picture
        h×w×B.
    step
        Pixels of the photograph to a pixel of `picture`.
    """

    picture: Picture
    step: int

    @classmethod
    def of(cls, image: pyvips.Image, damaged: pyvips.Image, tile: int) -> CoarseFill | None:
        """Return the coarse fill of `image` without the `damaged` (non-zero) pixels.

        ``None`` where a `tile` of this many px covers the whole image.
        """
        if max(image.width, image.height) <= tile:
            return None
        step = 1
        while max(image.width, image.height) > step * _COARSE_SIDE:
            step *= 2
        sound = (damaged == 0) / 255
        top = 65535 if image.format == "ushort" else 255
        sums = (image * sound / top).bandjoin(sound).shrink(step, step, ceil=True).numpy().astype(np.float32)
        weight = sums[:, :, -1]
        known = weight > _LEAST_SOUND
        tone = sums[:, :, :-1] / np.maximum(weight, np.float32(_LEAST_SOUND))[:, :, None]
        return cls(np.stack([fill_smoothly(band, ~known) for band in np.moveaxis(tone, 2, 0)], 2), step)

    def enlarged(self, shape: tuple[int, ...], left: int, top: int) -> Picture:
        """Return H×W×B, the tone at full resolution for the tile of `shape` (H×W×B) at `left`, `top`."""
        offset = [(place + 0.5) / self.step - 0.5 for place in (left, top)]
        place = np.array([[1 / self.step, 0, offset[0]], [0, 1 / self.step, offset[1]]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        tone = cv2.warpAffine(
            self.picture, place, (shape[1], shape[0]), flags=how, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(tone, np.float32).reshape(shape)


_COARSE_SIDE = 512
"""The coarse fill is at most this large, px: a few megabytes for a photograph of any size."""
_LEAST_SOUND = 0.1
"""Share of sound pixels from which a pixel of the coarse fill is known."""


def fill_smoothly(picture: Grey, mask: Mask, reach: float | None = None) -> Grey:
    """Fill holes with the tone of a coarser picture, the coarser the farther from the rim.

    Parameters
    ----------
    picture
        H×W, any range.
    mask
        H×W, true where `picture` is not to be trusted.
    reach
        Distance from the rim, px, from which the fill is zero; ``None`` for never.

    Returns
    -------
    H×W; equal to `picture` outside the mask.

    Notes
    -----
    Pull-push: each level halves the picture and its weights; on the way back holes take the coarser level's
    values. Gortler et al., The Lumigraph (1996), section 3.4.
    """
    weight = np.where(mask, np.float32(0 if reach is None else reach**-2), np.float32(1))
    picture = np.where(mask, np.float32(0), picture)
    return _pull_push(np.asarray(picture * weight, np.float32), weight)


def _pull_push(weighted: Grey, weight: Grey) -> Grey:
    if weight.all() or min(weight.shape) == 1:
        mean = weighted.sum() / max(np.float32(1e-6), weight.sum())
        filled = np.where(weight > 0, weighted / np.maximum(weight, np.float32(1e-6)), mean)
        return np.asarray(filled, np.float32)
    height, width = weight.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    # A Gaussian rather than a box: boxes would leave blocks in large holes.
    coarse_sum, coarse_weight = (
        np.asarray(cv2.pyrDown(part, dstsize=half), np.float32) for part in (weighted, weight)
    )
    trust = np.asarray((4 * coarse_weight).clip(0, 1), np.float32)
    scale = trust / np.maximum(coarse_weight, np.float32(1e-6))
    coarse = _pull_push(np.asarray(coarse_sum * scale, np.float32), trust)
    up = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(weighted + (1 - weight) * up, np.float32)
