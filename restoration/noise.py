"""How strong a photograph's noise is at each luminance, and how coarse its grain.

Nothing here reads or writes files: `measure_noise` looks at a sample of a photograph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.stage import Scalar
from restoration.sampling import Grey, sample_squares

LUMINANCES = np.linspace(0, 1, 9)
"""Where the strength of the noise is stated."""

INVISIBLE = 1 / 255
"""Noise weaker than this is left alone, and stronger noise counts as that much weaker: a clean photograph's
finest texture looks like noise of this strength."""

COARSEST = 2.2
"""Grain size, px, up to which the network learned; coarser structure is usually part of the picture."""


@dataclass(frozen=True)
class NoiseReport:
    """What was measured of a photograph's noise.

    Parameters
    ----------
    strength
        Standard deviation over the photograph, of a range of 0–1: root mean square over its pixels.
    curve
        Standard deviation at each of `LUMINANCES`.
    correlation
        Between neighboring pixels, mean of across and down: 0 for white noise.
    grain
        px; the standard deviation of the Gaussian blur that would make white noise as coarse.
    flat
        Share of the sample that is flat enough to measure noise in, 0–1. Where it is small, the rest is
        extrapolated.
    """

    strength: float
    curve: tuple[float, ...]
    correlation: float
    grain: float
    flat: float

    def figures(self, when: str) -> dict[str, Scalar]:
        """Return what a reviewer reads.

        ``noise_WHEN`` (of 255 grey levels), ``grain_WHEN`` (px) and ``flat_WHEN``, the share measured in.
        """
        return {
            f"noise_{when}": round(self.strength * 255, 3),
            f"grain_{when}": round(self.grain, 2),
            f"flat_{when}": round(self.flat, 4),
        }


SILENT = NoiseReport(0.0, (0.0,) * len(LUMINANCES), 0.0, 0.0, 0.0)
"""No noise at all."""


def measure_noise(image: pyvips.Image, *, samples: int = 64, side: int = 256) -> NoiseReport:
    """Measure the noise of `image` (8 or 16 bit, grey or RGB) in `samples` squares spread over it.

    The cost does not depend on the image's size, if it can be read at random.
    """
    return estimate_noise(sample_squares(image, samples, side))


def estimate_noise(squares: Iterable[Grey]) -> NoiseReport:
    """Estimate strength and coarseness of the noise from parts of one photograph.

    The parts are cut into blocks, a plane is taken out of each, and what remains is noise and texture. Blocks
    with noise alone share one variance, within a spread that follows from their size and the noise's
    correlation; they are found from the quietest block upward. One curve over luminance is drawn through what
    they say.
    """
    blocks = _without_blanks(_Blocks.concatenate([_cut(square) for square in squares]))
    if len(blocks.variance) < _FEWEST:
        return SILENT
    correlation, grain, spread = _coarseness(blocks)
    overall, flat = _flat_strength(blocks.variance, spread)
    estimates = [_strength_near(blocks, luminance, spread) for luminance in LUMINANCES]
    counts = np.array([count for _, count in estimates], float)
    raw = np.minimum([strength for strength, _ in estimates], _STEEPEST * overall)
    curve = _smooth_curve(raw, counts, overall) / np.sqrt(1 - _lost_to_planes(grain))
    squared = np.interp(blocks.mean, LUMINANCES, curve) ** 2
    return NoiseReport(
        strength=float(np.sqrt(squared.mean())),
        curve=tuple(float(value) for value in curve),
        correlation=correlation,
        grain=grain,
        flat=flat / len(blocks.variance),
    )


_BLOCK = 16
_FEWEST = 24
"""Blocks that an estimate needs."""
_STEEPEST = 2.5
"""How many times the quietest luminance's noise another's can be: beyond that it is texture."""
_BLANK = 0.1 / 255
"""Standard deviation that no scan stays below."""
_CLIPPED = 0.1
"""Share of black or white pixels above which a block is not used."""


@dataclass(frozen=True)
class _Blocks:
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]
    neighbors: NDArray[np.float32]
    """Covariance of neighboring pixels, mean of across and down."""

    @classmethod
    def concatenate(cls, parts: list[_Blocks]) -> _Blocks:
        joined = [
            np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0, np.float32)])
            for name in ("mean", "variance", "neighbors")
        ]
        return cls(*joined)

    def select(self, which: NDArray[np.bool_]) -> _Blocks:
        return _Blocks(self.mean[which], self.variance[which], self.neighbors[which])


def _without_blanks(blocks: _Blocks) -> _Blocks:
    """Leave out blocks without any variation: a digital border, not the photograph; unless most are so."""
    blank = blocks.variance < _BLANK**2
    return blocks if blank.sum() * 2 > len(blank) else blocks.select(~blank)


def _cut(square: Grey) -> _Blocks:
    rows, columns = square.shape[0] // _BLOCK, square.shape[1] // _BLOCK
    trimmed = square[: rows * _BLOCK, : columns * _BLOCK]
    blocks = trimmed.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
    mean = blocks.mean((1, 2))
    clipped = ((blocks <= 0) | (blocks >= 1)).mean((1, 2)) > _CLIPPED
    ramp = np.linspace(-1, 1, _BLOCK, dtype=np.float32)
    ramp /= np.sqrt(_BLOCK * (ramp**2).sum())
    down = np.einsum("nyx,y->n", blocks, ramp)
    across = np.einsum("nyx,x->n", blocks, ramp)
    rest = blocks - mean[:, None, None] - down[:, None, None] * ramp[:, None] - across[:, None, None] * ramp
    variance = (rest**2).sum((1, 2)) / (_BLOCK**2 - 3)
    pairs = _BLOCK * (_BLOCK - 1)
    neighbors = (
        (rest[:, 1:] * rest[:, :-1]).sum((1, 2)) + (rest[:, :, 1:] * rest[:, :, :-1]).sum((1, 2))
    ) / (2 * pairs)
    return _Blocks(mean, variance, neighbors).select(~clipped)


def _coarseness(blocks: _Blocks) -> tuple[float, float, float]:
    """Return the correlation of neighbors, the grain size in px, the relative spread of block strengths."""
    correlation, grain, spread = 0.0, 0.0, _spread(0.0)
    for _ in range(12):
        strength, _count = _flat_strength(blocks.variance, spread)
        flat = _within(blocks.variance, strength, spread)
        total = float(blocks.variance[flat].sum())
        measured = float(blocks.neighbors[flat].sum()) / total if total > 0 else 0.0
        lost = _lost_to_planes(grain)
        correlation = min(max(measured * (1 - lost) + lost, 0.0), 0.99)
        # Gaussian-blurred white noise is correlated as exp(−d²/4g²) at a distance of d px.
        grain = min(COARSEST, 0.5 / np.sqrt(-np.log(correlation))) if correlation > 0.02 else 0.0
        spread = _spread(grain)
    return correlation, float(grain), spread


def _lost_to_planes(grain: float) -> float:
    """Return the share of the noise's variance that is removed with the planes; coarse noise has slopes."""
    return 2 * 4 * np.pi * grain**2 / _BLOCK**2


def _spread(grain: float) -> float:
    independent = _BLOCK**2 / max(1.0, 2 * np.pi * grain**2)
    return float(1 / np.sqrt(2 * independent))


def _within(variance: NDArray[np.float32], strength: float, spread: float) -> NDArray[np.bool_]:
    low, high = strength * max(0.0, 1 - 2.5 * spread), strength * (1 + 2.5 * spread)
    return (variance >= low**2) & (variance <= high**2)


def _flat_strength(variance: NDArray[np.float32], spread: float) -> tuple[float, int]:
    """Return the standard deviation that the quietest blocks share, and how many they are.

    The quietest hundredth gives the value for blocks that are noise alone. The mean of the blocks that agree
    with it is more precise, but rises where the picture is texture everywhere: its correction is limited.
    """
    quietest = float(np.sqrt(np.quantile(variance, 0.01))) * (1 + 2.33 * spread)
    strength = quietest
    for _ in range(6):
        flat = _within(variance, strength, spread)
        if not flat.any():
            break
        strength = min(float(np.sqrt(variance[flat].mean())), (1 + 2 * spread) * quietest)
    return strength, int(_within(variance, strength, spread).sum())


def _strength_near(blocks: _Blocks, luminance: float, spread: float) -> tuple[float, int]:
    near = np.abs(blocks.mean - luminance) <= 1 / (len(LUMINANCES) - 1)
    if near.sum() < _FEWEST:
        return 0.0, 0
    return _flat_strength(blocks.variance[near], spread)


def _smooth_curve(
    raw: NDArray[np.float64], counts: NDArray[np.float64], overall: float
) -> NDArray[np.float64]:
    """Fill luminances that the photograph lacks from their neighbors; `overall` weighs 20 blocks."""
    if not counts.any():
        return np.full_like(raw, overall)
    distance = np.abs(np.subtract.outer(np.arange(len(raw)), np.arange(len(raw))))
    weights = counts * np.exp(-0.5 * (distance / 0.6) ** 2)
    curve = (weights @ raw + 20 * overall) / (weights.sum(1) + 20)
    return np.asarray(curve, np.float64)
