"""Color as a distribution: quantized a*b* bins, soft encoding, the annealed mean, and confidence.

After Zhang, Isola & Efros 2016 (https://arxiv.org/abs/1603.08511). All a*b* values are CIE units, D65.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from colorization.edge_aware import smoothed

GRID = 10.0
"""Distance of neighboring bins, a*b* units."""

REACH = 110.0
"""The bins lie within ± this, a*b* units; sRGB reaches −86…98 and −108…95."""

NEIGHBORS = 5
"""Bins among which one color is distributed."""

SPREAD = 5.0
"""Standard deviation of that spread, a*b* units."""

NEAR = 15.0
"""Confidence is the chance that the true color lies within this distance of the one shown, a*b* units."""


EDGE = 4.0
"""L* units between cells from which they hardly belong to one region."""


def histogram(chroma: Tensor) -> Tensor:
    """Count colors (…×2) on the square grid of all conceivable bins, side `2 * REACH / GRID + 1`."""
    side = int(2 * REACH / GRID) + 1
    cells = ((chroma.reshape(-1, 2) + REACH) / GRID).round().long().clamp_(0, side - 1)
    return torch.bincount(cells[:, 0] * side + cells[:, 1], minlength=side * side).view(side, side).float()


def bins_from_histogram(counts: Tensor, least_share: float = 2e-6) -> tuple[Tensor, Tensor]:
    """Return the bins that occur (K×2 a*b*) and their shares (K, sum 1)."""
    share = counts / counts.sum()
    rows, columns = torch.nonzero(share > least_share, as_tuple=True)
    bins = torch.stack([rows, columns], 1).float() * GRID - REACH
    kept = share[rows, columns]
    return bins, kept / kept.sum()


class SoftEncoder:
    """Spreads a color over its nearest bins by a table with one entry per whole a*b* unit.

    Parameters
    ----------
    bins
        K×2 a*b* centers.
    """

    def __init__(self, bins: Tensor) -> None:
        self._side = int(2 * REACH) + 1
        axis = torch.arange(self._side, device=bins.device, dtype=bins.dtype) - REACH
        colors = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)
        distance, self._nearest = torch.cdist(colors, bins).topk(NEIGHBORS, largest=False)
        weight = torch.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * SPREAD**2))
        self._weight = weight / weight.sum(1, keepdim=True)

    def __call__(self, chroma: Tensor) -> tuple[Tensor, Tensor]:
        """Return indices and weights, each P×`NEIGHBORS`, of `chroma` (P×2)."""
        cell = (chroma + REACH).round().long().clamp_(0, self._side - 1)
        entry = cell[:, 0] * self._side + cell[:, 1]
        return self._nearest[entry], self._weight[entry]


@dataclass(frozen=True)
class Decoding:
    """How a distribution becomes one color and one confidence.

    Parameters
    ----------
    temperature
        Of the annealed mean: 1 is the plain mean (dull), towards 0 the mode (vivid, patchy).
    restore_prior
        Share of the class rebalancing undone before the annealed mean; below 0 strengthens it: more vivid.
    regression
        Share of the regressed color in the result, 0–1.
    vividness
        Factor on the resulting chroma; compensates for averaging.
    restraint
        How far uncertain color is drawn towards neutral, 0–1: 1 shows the mean of the distribution, which is
        nearly grey where every color is possible.
    pooling
        How much the logits of neighboring cells are smoothed within the edges of L*, λ of
        `edge_aware.smoothed`; 0 leaves each cell as it is.
    confidence_temperature
        Of the distribution that confidence is read from.
    calibration
        Pairs of the probability of the color shown and how often it was true, 0–1, both increasing;
        interpolated linearly. Empty leaves probabilities as they are.
    """

    temperature: float = 0.4
    restore_prior: float = 0.0
    regression: float = 0.0
    vividness: float = 1.0
    restraint: float = 0.0
    pooling: float = 0.0
    confidence_temperature: float = 1.0
    calibration: tuple[tuple[float, float], ...] = ()


def decode(logits: Tensor, regressed: Tensor, bins: Tensor, log_weight: Tensor, how: Decoding) -> Tensor:
    """Return one color per cell of `regressed`, N×2×h'×w'.

    Parameters
    ----------
    logits
        N×K×h×w.
    regressed
        N×2×h'×w', the regression head's a*b*; some networks regress at a finer scale.
    bins
        K×2.
    log_weight
        K, logarithm of the class weights that training used.
    how
        Temperatures and shares.
    """
    unbiased = logits - how.restore_prior * log_weight[:, None, None]
    probability = torch.softmax(unbiased / how.temperature, 1)
    annealed = torch.einsum("nkhw,kc->nchw", probability, bins)
    if annealed.shape != regressed.shape:
        annealed = F.interpolate(annealed, size=regressed.shape[-2:], mode="bilinear", align_corners=False)
    vivid = how.vividness * torch.lerp(annealed, regressed, how.regression)
    if how.restraint == 0:
        return vivid
    mean = torch.einsum("nkhw,kc->nchw", torch.softmax(logits - log_weight[:, None, None], 1), bins)
    if mean.shape != vivid.shape:
        mean = F.interpolate(mean, size=vivid.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(vivid, mean, how.restraint)


def pooled(logits: Tensor, lightness: Tensor, smoothness: float) -> Tensor:
    """Smooth logits within regions before a color is chosen.

    Parameters
    ----------
    logits
        N×K×h×w.
    lightness
        N×1×H×W, L* 0–100, at a multiple of the logits' size.
    smoothness
        λ of `edge_aware.smoothed`; 0 changes nothing.
    """
    if smoothness == 0:
        return logits
    height, width = logits.shape[-2:]
    light = F.adaptive_avg_pool2d(lightness, (height, width)).cpu().numpy()[:, 0]
    planes = logits.cpu().numpy()
    agreed = [smoothed(p, at, smoothness=smoothness, edge=EDGE) for p, at in zip(planes, light, strict=True)]
    return torch.from_numpy(np.stack(agreed)).to(logits.device)


def calibrated(mass: NDArray[np.float32], how: Decoding) -> NDArray[np.float32]:
    """Return how often a color of this probability was true, 0–1."""
    if not how.calibration:
        return mass
    stated, true = zip(*how.calibration, strict=True)
    return np.asarray(np.interp(mass, stated, true), np.float32)


def likelihood(logits: Tensor, log_weight: Tensor, how: Decoding) -> Tensor:
    """Return the probability of each bin with rebalancing undone and the fitted temperature, N×K×h×w."""
    return torch.softmax((logits - log_weight[:, None, None]) / how.confidence_temperature, 1)


def confidence(probability: Tensor, chroma: Tensor, bins: Tensor) -> Tensor:
    """Return the chance that the true color lies near the one shown, N×1×h×w in 0–1.

    The boundary of nearness is soft (a logistic of width 3 around `NEAR`), so that the map has no steps.
    """
    distance = (
        (
            chroma.square().sum(1, keepdim=True)
            + bins.square().sum(1)[:, None, None]
            - 2 * torch.einsum("nchw,kc->nkhw", chroma, bins)
        )
        .clamp_min(0)
        .sqrt()
    )
    return (probability * torch.sigmoid((NEAR - distance) / 3)).sum(1, keepdim=True)
