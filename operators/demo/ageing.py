"""Turn a clean picture into the scan of an old print, reproducibly from a seed.

The print is modelled in density, as photographic paper is: fading takes away a share of the density, stains
add a little of it at low frequency, grain modulates it. Damage then sits on top of the paper: dust and a tear
show the white base, scratches lift the emulsion.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from imaging.lab import decode_srgb, encode_srgb

Picture = npt.NDArray[np.float32]

MAXIMUM_DENSITY = 1.6
"""Density of the deepest black of a matt print; lower than glossy paper's 2.1, as old prints are."""


@dataclass(frozen=True)
class Ageing:
    """How a print has aged.

    Parameters
    ----------
    fading
        Share of the density that light has taken, 0–1.
    stain
        Standard deviation of the low-frequency stain, density units.
    grain
        Standard deviation of the grain at mid density, density units.
    dust
        Specks of dust per megapixel.
    scratches
        Scratches across the print, count.
    tear
        Whether a tear runs in from an edge.
    paper
        Linear reflectance of the paper base in red, green and blue, 0–1; equal values give a grey print.
    border
        White margin around the picture as a share of its shorter side.
    """

    fading: float = 0.2
    stain: float = 0.03
    grain: float = 0.02
    dust: int = 150
    scratches: int = 4
    tear: bool = True
    paper: tuple[float, float, float] = (0.92, 0.84, 0.68)
    border: float = 0.04


def age(grey: Picture, ageing: Ageing, seed: int) -> Picture:
    """Return the scan of an aged print of `grey`.

    Parameters
    ----------
    grey
        H×W, sRGB-encoded, 0–1.
    ageing
        What the years did.
    seed
        The same seed ages the same picture the same way.

    Returns
    -------
    H'×W'×3 float32, sRGB-encoded, 0–1, larger than the input by the paper's margin.
    """
    rng = np.random.default_rng(seed)
    density = _expose(_with_margin(grey, ageing.border))
    density = density * (1 - ageing.fading) + _stain(density.shape, ageing.stain, rng)
    density += _grain(density, ageing.grain, rng)
    density = _abrade(density, ageing, rng)
    reflectance = np.power(10.0, -np.maximum(density, 0))[..., None] * np.asarray(ageing.paper, np.float32)
    return np.clip(encode_srgb(reflectance), 0, 1)


def _with_margin(grey: Picture, share: float) -> Picture:
    margin = round(share * min(grey.shape))
    return np.pad(grey, margin, constant_values=1.0)


def _expose(grey: Picture) -> Picture:
    return np.minimum(-np.log10(np.maximum(decode_srgb(grey), 1e-4)), MAXIMUM_DENSITY).astype(np.float32)


def _stain(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> Picture:
    coarse = rng.normal(0, 1, (6, 6)).astype(np.float32)
    field = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.maximum(field, -0.5) * strength, np.float32)


def _grain(density: Picture, strength: float, rng: np.random.Generator) -> Picture:
    noise = rng.normal(0, 1, density.shape).astype(np.float32)
    clumped = cv2.GaussianBlur(noise, (0, 0), 0.7)
    # Granularity grows with the square root of density (Selwyn 1935).
    return np.asarray(clumped / clumped.std() * strength * np.sqrt(density + 0.1), np.float32)


def _abrade(density: Picture, ageing: Ageing, rng: np.random.Generator) -> Picture:
    height, width = density.shape
    lifted = np.zeros((height, width), np.float32)
    for _ in range(round(ageing.dust * height * width / 1e6)):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(1, 4)), int(rng.integers(1, 3)))
        cv2.ellipse(lifted, center, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.6, 1)), -1)
    for _ in range(ageing.scratches):
        cv2.polylines(
            lifted, [_wander(width, height, rng)], False, float(rng.uniform(0.5, 1)), 1, cv2.LINE_AA
        )
    if ageing.tear:
        cv2.polylines(lifted, [_tear(width, height, rng)], False, 1.0, 3, cv2.LINE_AA)
    softened = cv2.GaussianBlur(lifted, (0, 0), 0.5)
    return np.asarray(density * (1 - softened), np.float32)


def _wander(width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    steps = 24
    along = np.linspace(0, rng.uniform(0.3, 1.0), steps) * height
    across = rng.uniform(0, width) + np.cumsum(rng.normal(0, width * 0.004, steps))
    return np.stack([across, along + rng.uniform(0, 0.4) * height], 1).astype(np.int32)


def _tear(width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    steps = 16
    along = np.linspace(0, rng.uniform(0.12, 0.28), steps) * width
    across = rng.uniform(0.2, 0.8) * height + np.cumsum(rng.normal(0, height * 0.008, steps))
    return np.stack([along, across], 1).astype(np.int32)
