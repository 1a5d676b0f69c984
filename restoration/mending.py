"""Mending: what is masked is filled from what surrounds it; every other pixel keeps its value.

A hole is first filled smoothly, from its rim inwards; the network then continues the lines, edges and tones
that run into it; last, the grain is given back, for a mend without grain shows as a smooth patch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from imaging.stage import ModelReference
from restoration.grain import INVISIBLE, LUMINANCES, NoiseReport, luma
from restoration.models import WEIGHTS, load_once
from restoration.network import CompactUNet, TileRunner

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
        Of the photograph; mends get grain as strong and as coarse.
    device
        ``cpu`` or ``cuda``.
    folder
        Where the weights are.
    """

    def __init__(self, noise: NoiseReport, device: str = "cpu", folder: Path = WEIGHTS) -> None:
        descriptor, network = load_once(MENDER, CompactUNet, folder)
        self.model: ModelReference | None = descriptor.reference
        self.context: int = descriptor.context
        """Pixels around a hole that its mend depends on, beyond which only the tone is taken."""
        self._runner = TileRunner(network, descriptor.multiple, device)
        self._grain = Grain(noise)

    def __call__(self, tile: Picture, mask: Mask, left: int, top: int) -> Picture:
        """Fill the masked pixels of a tile from their surroundings.

        Parameters
        ----------
        tile
            H×W×B encoded values in [0, 1].
        mask
            H×W, true where the photograph is damaged.
        left, top
            Where the tile lies in the photograph, px: the grain depends on the place, not on the tile.

        Returns
        -------
        H×W×B; equal to `tile` outside the mask.
        """
        if not mask.any():
            return tile
        filled = np.stack([fill_smoothly(tile[:, :, band], mask) for band in range(tile.shape[2])])
        mended = filled.copy()
        for core, reach, inner in _patches(mask, self.context):
            holes = np.broadcast_to(mask[reach].astype(np.float32), filled[(..., *reach)].shape)
            detail = self._runner(np.stack((filled[(..., *reach)] - np.float32(0.5), holes), axis=1))[:, 0]
            mended[(..., *core)] += detail[(..., *inner)]
        return np.where(mask[:, :, None], self._grain.add(mended.transpose(1, 2, 0), left, top), tile)


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


class Grain:
    """Grain that depends on the place in the photograph alone, so that mends agree from tile to tile.

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
"""The grain repeats after so many px, which shows only in holes wider than that."""
_GRAIN_RIM = 16


def fill_smoothly(picture: Grey, mask: Mask) -> Grey:
    """Fill holes with what a coarser picture shows there, coarser the farther from the rim.

    Parameters
    ----------
    picture
        H×W, any range.
    mask
        H×W, true where `picture` is not to be trusted.

    Returns
    -------
    H×W; equal to `picture` outside the mask.

    Notes
    -----
    Pull-push: each level halves the picture and its weights; on the way back holes take the coarser level's
    values. Gortler et al., The Lumigraph (1996), section 3.4.
    """
    weight = (~mask).astype(np.float32)
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
