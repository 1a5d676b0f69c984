"""The decoding that suits a network, and a confidence that tells the truth, both chosen on other collections.

The decoding is the one of least error among those that are colorful enough or, when none is, the most
colorful one. The confidence is made true in two steps: the temperature of the distribution is the one under
which the true colors are likeliest; then what the written files say is held against how often it was true
(isotonic regression, Zadrozny & Elkan 2002, https://doi.org/10.1145/775047.775151), because files are what
archivists see.

``python -m colorization.training.calibrate --photos DIR --model DESCRIPTOR`` does both for weights that are
there already and writes their descriptor anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from torch import Tensor
from torch.nn import functional as F

from colorization.chroma import NEAR, Decoding, SoftEncoder, decode, pooled
from colorization.descriptor import ColorDescriptor
from colorization.models import ColorModel, load_described
from colorization.network import OUTPUT_STRIDE, ColorNetwork
from colorization.training import photometry
from colorization.training.measure import fit
from colorization.training.shards import choosing_half, load_other, load_training
from colorization.training.targets import Palette, palette_of
from colorization.training.written import written
from imaging.lab import srgb_to_lab
from imaging.networks.descriptor import read_descriptor
from imaging.networks.models import fill, read_weights
from imaging.networks.training.shards import Picture

CELLS = 400
"""Cells taken from each photograph."""

COLORFUL = 0.6
"""Share of the truth's spread of a*b* that a decoding should reach on other collections."""

TEMPERATURES = (0.3, 0.45)
"""Warmer means have as little error, but wash one tone over the whole picture: on other collections version 5
has a Fréchet distance of the critic's features of 0.66 of grey's at 0.45 and of 0.71 from 0.7 on, at the same
PSNR."""
PRIORS = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
VIVIDNESS = (1.0, 1.15, 1.3, 1.45)
POOLING = 60.0
"""Chosen on other collections with version 4: 0.2 dB better and a third less blotched than none; from there
on the figures change little."""

KNOTS = 12
"""Points of the line that makes confidence true."""


@dataclass(frozen=True)
class _Cells:
    """P photographs with C cells each: logits P×K×C×1, regressed and true a*b* P×2×C×1."""

    logits: Tensor
    regressed: Tensor
    true: Tensor


def calibrate(network: ColorNetwork, palette: Palette, unknown: Sequence[Picture]) -> Decoding:
    """Return the decoding that suits `network`, its confidence not yet held against files.

    Parameters
    ----------
    network, palette
        What was trained.
    unknown
        Photographs of collections that it was not trained on.
    """
    bins, log_weight = palette.bins.cpu(), palette.weight.log().cpu()
    cells = _collect(network, unknown)
    fitted = Decoding(
        pooling=POOLING, confidence_temperature=_confidence_temperature(cells, bins, log_weight)
    )
    asked = COLORFUL * spread(cells.true)
    best, least = fitted, (float("inf"), float("inf"))
    for temperature, prior, vividness in product(TEMPERATURES, PRIORS, VIVIDNESS):
        tried = replace(fitted, temperature=temperature, restore_prior=prior, vividness=vividness)
        shown = decode(cells.logits, cells.regressed, bins, log_weight, tried)
        merit = (
            max(0.0, asked - spread(shown)),
            float((shown - cells.true).square().sum(1).mean()),
        )
        if merit < least:
            best, least = tried, merit
    return best


def true_confidence(
    said: NDArray[np.float32], near: NDArray[np.bool_], knots: int = KNOTS
) -> tuple[tuple[float, float], ...]:
    """Return pairs of what was said and how often it was true, for `Decoding.calibration`.

    Parameters
    ----------
    said
        N, 0–1: the probability that the network gave to what it showed.
    near
        N: whether the true color lay within `NEAR` of what was shown.
    knots
        Points of the line.
    """
    order = np.argsort(said, kind="stable")
    rising = isotonic_regression(near[order].astype(float)).x
    parts = np.array_split(np.arange(len(said)), knots)
    pairs = [(float(said[order][part].mean()), float(rising[part].mean())) for part in parts]
    ends = [(0.0, pairs[0][1]), *pairs, (1.0, pairs[-1][1])]
    line: list[tuple[float, float]] = []
    for x, y in ((round(x, 4), round(y, 4)) for x, y in ends):
        if not line or x > line[-1][0] + 1e-3:
            line.append((x, y))
    return tuple(line)


def said_by_files(
    model: ColorModel, photographs: Sequence[Picture]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return what the whole stage's files say of `CELLS` places in each photograph, and what was true."""
    said, near = [], []
    for i, photograph in enumerate(photographs):
        found = written(photograph, model)
        truth = srgb_to_lab((photograph / 255).astype(np.float32))[..., 1:]
        spots = np.random.default_rng(i).integers(found.confidence.size, size=CELLS)
        distance = np.linalg.norm(found.ab - truth, axis=-1).ravel()[spots]
        said.append(found.confidence.ravel()[spots])
        near.append(distance <= NEAR)
    return np.concatenate(said), np.concatenate(near)


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
        light = photometry.lightness(photometry.luminance(linear))
        output = network(light)
        spots = np.random.default_rng(i).choice(true[0, 0].numel(), CELLS, replace=False)
        logits = pooled(output.logits, light, POOLING)
        picked = [x[0].flatten(1)[:, torch.from_numpy(spots)].cpu() for x in (logits, output.chroma, true)]
        rows.append((picked[0], picked[1], picked[2]))
    return _Cells(*(torch.stack(column)[..., None] for column in zip(*rows, strict=True)))


def main(
    *,
    photos: Annotated[Path, typer.Option(help="Folder of tar shards and index.tsv.")],
    model: Annotated[Path, typer.Option(help="Descriptor of the weights.")],
    familiar: Annotated[int, typer.Option(help="Training photographs beside the other collections.")] = 0,
) -> None:
    """Choose decoding and confidence on half of the other collections; write the descriptor anew."""
    described = read_descriptor(model, ColorDescriptor)
    weights = read_weights(model, described)
    palette = palette_of(weights)
    network = ColorNetwork(palette.bins, described.width)
    fill(network, described, {name: value for name, value in weights.items() if name != "log_weight"})
    unknown = [p for pictures in choosing_half(load_other(photos)).values() for p in pictures]
    if familiar:
        known = load_training(photos).photographs
        unknown += known[:: len(known) // familiar]
    decoding = calibrate(network, palette, unknown)
    plain = replace(described, decoding=decoding)
    model.write_text(plain.to_json())
    said, near = said_by_files(load_described(model), unknown)
    line = true_confidence(said, near)
    model.write_text(replace(plain, decoding=replace(decoding, calibration=line)).to_json())
    typer.echo(f"{decoding}\nconfidence {line}")


if __name__ == "__main__":
    typer.run(main)
