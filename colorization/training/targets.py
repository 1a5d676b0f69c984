"""Targets of the color network: bins, class weights and losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from colorization.chroma import SoftEncoder, bins_from_histogram, histogram
from colorization.network import CHROMA_SCALE, OUTPUT_STRIDE, ColorNetwork
from colorization.training import photometry
from colorization.training.augment import Sample
from colorization.training.critic import Critic, shown
from colorization.training.shards import Dataset

UNIFORM_SHARE = 0.5
"""Share of the uniform distribution mixed into the prior before weights are taken (Zhang 2016: 0.5)."""

REBALANCING = 0.6
"""Exponent on the weights: 0 leaves colors as frequent as they are, 1 is Zhang 2016 in full."""

CLASSIFIED_SHARE = 0.3
"""Share of the cells whose distribution is learned in one step; neighbors are almost equal."""

REGRESSION_WEIGHT = 1.0

RENAMED_WEIGHT = 2.0
"""Weight of the labels relative to the features in the critic's loss."""

CRITICIZED_SHARE = 0.75
"""Share of a batch that the critic sees; it costs as much as the network."""


@dataclass(frozen=True)
class Palette:
    """The bins, how frequent each is, and how much it counts."""

    bins: Tensor
    prior: Tensor

    @property
    def weight(self) -> Tensor:
        """K weights, of mean 1 under the prior."""
        mixed = (1 - UNIFORM_SHARE) * self.prior + UNIFORM_SHARE / len(self.prior)
        weight = mixed**-REBALANCING
        return weight / (self.prior * weight).sum()


def measure_palette(dataset: Dataset, most: int = 4000) -> Palette:
    """Return the palette of a dataset, each photograph counted by its weight, every `n`th of it."""
    counts: Tensor | None = None
    stride = max(1, len(dataset.photographs) // most)
    for picture, weight in zip(dataset.photographs[::stride], dataset.weights[::stride], strict=True):
        pixels = torch.from_numpy(picture[::3, ::3].copy()).permute(2, 0, 1)[None]
        chroma = photometry.chroma(photometry.linear_light(pixels)).permute(0, 2, 3, 1)
        counted = histogram(chroma) * weight
        counts = counted if counts is None else counts + counted
    if counts is None:
        raise ValueError("an empty dataset has no colors")
    return Palette(*bins_from_histogram(counts))


def palette_of(weights: Mapping[str, Tensor]) -> Palette:
    """Return the palette that a network's exported weights were trained with.

    The frequency of each bin follows from the class weights (`Palette.weight` inverted), to half precision.
    """
    bins = weights["bins"].float()
    mixed = torch.exp(-weights["log_weight"].float() / REBALANCING)
    mixed = mixed / mixed.sum()
    prior = (mixed - UNIFORM_SHARE / len(bins)).clamp_min(0)
    return Palette(bins, prior / prior.sum())


class Loss:
    """Weighted cross-entropy of the distribution, Huber loss of the regressed color, a critic's losses.

    Parameters
    ----------
    palette
        Bins and prior.
    critic
        Compares the colors shown with the true ones.
    criticism
        Weight of the critic's losses.
    """

    def __init__(self, palette: Palette, critic: Critic | None = None, criticism: float = 0.0) -> None:
        self._encode = SoftEncoder(palette.bins)
        self._weight = palette.weight
        self._critic, self._criticism = critic, criticism

    def __call__(
        self,
        network: ColorNetwork,
        features: Tensor,
        sample: Sample,
        random: Generator,
        *,
        criticized: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of one batch and its parts; the critic is used where it is `criticized`."""
        true = F.avg_pool2d(sample.chroma, OUTPUT_STRIDE)
        regression = F.smooth_l1_loss(network.regress(features).float(), true / CHROMA_SCALE, beta=0.1)
        rows = features.permute(0, 2, 3, 1).flatten(0, 2)
        named = true.permute(0, 2, 3, 1).reshape(-1, 2)
        picked = torch.randint(
            len(rows), (int(len(rows) * CLASSIFIED_SHARE),), generator=random, device=rows.device
        )
        logits = F.linear(rows[picked], network.classify.weight.flatten(1), network.classify.bias)
        nearest, share = self._encode(named[picked])
        log_probability = F.log_softmax(logits.float(), 1).gather(1, nearest)
        weight = (self._weight[nearest] * share).sum(1)
        classification = -((log_probability * share).sum(1) * weight).mean()
        parts = {"classification": classification.detach(), "regression": regression.detach()}
        loss = classification + REGRESSION_WEIGHT * 4 * regression
        if criticized and self._critic is not None:
            few = slice(0, max(1, round(CRITICIZED_SHARE * len(features))))
            colors = shown(network.classify(features[few]), network.bins)
            criticism = self._critic(sample.lightness[few], colors, true[few])
            loss = loss + self._criticism * (criticism.unlike + RENAMED_WEIGHT * criticism.renamed)
            parts |= {"unlike": criticism.unlike.detach(), "renamed": criticism.renamed.detach()}
        return loss, parts
