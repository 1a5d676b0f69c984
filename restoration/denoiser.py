"""Reducing noise and grain, by as much as is asked for.

The result of `Denoiser` depends on its tile alone, so tiles can be processed in any order, and again after a
crash. `restoration.noise` measures how much noise there is.
"""

from __future__ import annotations

from copy import deepcopy

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imaging.stage import ModelReference
from restoration.denoising_network import DenoisingNetwork, level_map
from restoration.models import load_once
from restoration.network import half_is_fast
from restoration.noise import INVISIBLE, NoiseReport
from restoration.sampling import Grey, luma


class Denoiser:
    """Reduces the noise in tiles with the shipped network.

    Parameters
    ----------
    noise
        Of the whole photograph, so that tiles agree.
    strength
        0–1: share of the noise that is removed; 0 returns every tile unchanged.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(self, noise: NoiseReport, strength: float, device: str = "cpu") -> None:
        descriptor, shared = load_once("grain", DenoisingNetwork)
        self.model: ModelReference = descriptor.reference
        self.context: int = descriptor.context
        """Pixels around a tile that its result depends on."""
        self.strength = strength
        self._size = descriptor.size
        self._device = torch.device(device)
        half = torch.bfloat16 if half_is_fast(self._device) else torch.float32
        self._network = deepcopy(shared).to(self._device, half).to(memory_format=torch.channels_last)
        visible = np.sqrt(np.maximum(np.square(noise.curve) - INVISIBLE**2, 0))
        self._curve = torch.tensor(visible, dtype=torch.float32, device=self._device)[None]
        self._grain = torch.tensor(noise.grain, dtype=torch.float32, device=self._device).view(1, 1, 1, 1)

    @property
    def idle(self) -> bool:
        """Whether tiles are returned unchanged."""
        return self.strength <= 0 or not bool(self._curve.any())

    def __call__(self, tile: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `tile` (H×W or H×W×B, encoded, 0–1) with less noise, in the same shape.

        The noise is estimated in the luma and subtracted from every band alike: a print's tint is kept.
        """
        if self.idle:
            return tile
        noise = self.strength * self._noise(luma(tile))
        quiet = tile - (noise if tile.ndim == 2 else noise[:, :, None])
        return np.asarray(np.clip(quiet, 0, 1, out=quiet), np.float32)

    def _noise(self, picture: Grey) -> Grey:
        height, width = picture.shape
        below, right = self._size.padding(height, width)
        padded = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT_101)
        with torch.inference_mode():
            batch = torch.from_numpy(padded)[None, None].to(self._device)
            level = level_map(batch, self._curve, self._network.block)
            noise = self._network(batch, level, self._grain)
        return np.asarray(noise[0, 0, :height, :width].cpu().numpy(), np.float32)
