"""Temperatures and shares of the decoding, fitted on validation photographs.

The confidence's temperature is the one under which the true colors are likeliest on photographs that the
network does not know. The decoding is the one of least error among those that are colorful enough or, when
none is, the most colorful one; it is chosen on photographs like those that the network was taught with,
because how colorful a collection is, is that collection's own affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorization.chroma import Decoding, SoftEncoder, decode
from colorization.network import OUTPUT_STRIDE, ColorNetwork
from colorization.training import photometry
from colorization.training.measure import fit
from colorization.training.shards import Picture
from colorization.training.targets import Palette

CELLS = 400
"""Cells taken from each photograph."""

COLORFUL = 0.75
"""Share of the truth's spread of a*b* that a decoding should reach; the plain mean is duller, and more makes
dark neutral things red."""

TEMPERATURES = (0.2, 0.3)
"""Warmer means have less error yet, but wash one tone over the whole picture: the Fréchet distance of the
critic's features, on training photographs, rises from 0.40 of grey's at 0.3 to 0.50 at 0.8."""
PRIORS = (*(round(-0.05 * step, 2) for step in range(15, -1, -1)), 0.5)


@dataclass(frozen=True)
class _Cells:
    """P photographs with C cells each: logits P×K×C×1, regressed and true a*b* P×2×C×1."""

    logits: Tensor
    regressed: Tensor
    true: Tensor


def calibrate(
    network: ColorNetwork, palette: Palette, unknown: Sequence[Picture], usual: Sequence[Picture]
) -> Decoding:
    """Return the decoding that suits `network`.

    Parameters
    ----------
    network, palette
        What was trained.
    unknown
        Photographs that it was not trained on, for the confidence.
    usual
        Photographs like those that it was trained on, for the color.
    """
    bins, log_weight = palette.bins.cpu(), palette.weight.log().cpu()
    temperature = _confidence_temperature(_collect(network, unknown), bins, log_weight)
    fitted = Decoding(confidence_temperature=temperature)
    cells = _collect(network, usual)
    asked = COLORFUL * spread(cells.true)
    best, least = fitted, (float("inf"), float("inf"))
    for temperature, prior in product(TEMPERATURES, PRIORS):
        tried = replace(fitted, temperature=temperature, restore_prior=prior)
        shown = decode(cells.logits, cells.regressed, bins, log_weight, tried)
        merit = (
            max(0.0, asked - spread(shown)),
            float((shown - cells.true).square().sum(1).mean()),
        )
        if merit < least:
            best, least = tried, merit
    return best


def spread(chroma: Tensor) -> float:
    """Return how colorful photographs (P×2×C×1) are: spread plus 0.3 of the mean, as Hasler–Süsstrunk."""
    deviation = chroma.var(2).sum(1).sqrt()
    mean = chroma.mean(2).norm(dim=1)
    return float((deviation + 0.3 * mean).mean())


def _confidence_temperature(cells: _Cells, bins: Tensor, log_weight: Tensor) -> float:
    nearest, share = SoftEncoder(bins)(cells.true.permute(0, 2, 3, 1).reshape(-1, 2))
    logits = (cells.logits - log_weight[:, None, None]).permute(0, 2, 3, 1).reshape(-1, len(bins))
    temperatures = np.geomspace(0.6, 2.5, 25)

    def surprise(temperature: float) -> float:
        likely = F.log_softmax(logits / temperature, 1).gather(1, nearest)
        return float(-(likely * share).sum(1).mean())

    return float(min(temperatures, key=surprise))


@torch.no_grad()
def _collect(network: ColorNetwork, photographs: Sequence[Picture]) -> _Cells:
    network.eval()
    device = network.bins.device
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for i, photograph in enumerate(photographs):
        linear = photometry.linear_light(fit(photograph).to(device))
        true = F.avg_pool2d(photometry.chroma(linear), OUTPUT_STRIDE)
        output = network(photometry.lightness(photometry.luminance(linear)))
        spots = np.random.default_rng(i).choice(true[0, 0].numel(), CELLS, replace=False)
        picked = [
            x[0].flatten(1)[:, torch.from_numpy(spots)].cpu() for x in (output.logits, output.chroma, true)
        ]
        rows.append((picked[0], picked[1], picked[2]))
    return _Cells(*(torch.stack(column)[..., None] for column in zip(*rows, strict=True)))
