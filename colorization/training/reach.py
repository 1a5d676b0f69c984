"""``python -m colorization.training.reach --photos DIR``: fit how far hints reach.

It is fitted to regions of one true color, grown in photographs by their true L*a*b*; what is judged by
(`hint_reach.cues`) knows only L* and what the network predicts. Photographs are some of the first shard of
the training set, where the network is at home, and the half of other collections that choices are made by.
The loss is what a hint should do: the share of its region that is left behind, plus `OUTSIDE` for each a*b*
unit by which the rest would change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from colorization.hint_reach import CUES, HIDDEN, WEIGHTS, Scene, cues, within
from colorization.hints import Hint
from colorization.models import DEFAULT, ColorModel, load
from colorization.training.shards import choosing_half, load_other
from colorization.working import resized, size_at
from imaging import lab
from imaging.networks.training.shards import Picture, read_shard, training_shards

OUTSIDE = 0.065
"""Share of a region that is as bad to miss as one a*b* unit of change elsewhere."""

CHANGE = 38.0
"""a*b* units by which a hint of another color changes a region, the mean of the benchmark's."""

SIDE = 256
SHARES = ((0.03, 0.3), (0.03, 0.3), (0.004, 0.03), (0.3, 0.8))
"""Least and most share of the photograph of the regions sought in each: coats, buttons and ribbons, skies."""

PLACES = 160
"""Cells taken inside of each region, and thrice as many outside."""

RADIUS = 3.5
"""Of the simulated hints, px at `SIDE`."""

MARGIN = 9
"""Around a region neither its color nor another is asked for, px at `SIDE`."""

_EPOCHS, _BATCH, _RATE, _DECAY = 60, 96, 0.01, 3e-4
_TRIES = 20
_TOLERANCE = (14, 9, 9)

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """Cues of R regions: inside R×P×C, outside R×3P×C."""

    inside: Tensor
    outside: Tensor


def main(
    *,
    photos: Annotated[Path, typer.Option(help="Folder of tar shards and index.tsv.")],
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = WEIGHTS,
    model: str = DEFAULT,
    usual: Annotated[int, typer.Option(help="Photographs of the training set.")] = 200,
) -> None:
    """Fit the reach of hints, write its weights."""
    pictures = [picture for half in choosing_half(load_other(photos)).values() for picture in half]
    pictures += [picture for _, picture in islice(read_shard(training_shards(photos)[0]), usual)]
    network = load(model)
    weights = fit(gather(network, pictures))
    save_file(weights, out)
    typer.echo(out)


def gather(model: ColorModel, pictures: Sequence[Picture]) -> Samples:
    """Return samples from the regions of photographs, as `model` sees these in grey."""
    inside, outside = [], []
    for number, picture in enumerate(pictures):
        random = np.random.default_rng(number)
        for inner, outer in _of_photograph(model, picture, random):
            inside.append(random.choice(inner, PLACES))
            outside.append(random.choice(outer, 3 * PLACES))
    return Samples(torch.from_numpy(np.stack(inside)), torch.from_numpy(np.stack(outside)))


def fit(samples: Samples, seed: int = 0) -> dict[str, Tensor]:
    """Return the weights of `hint_reach` that lose least on `samples`."""
    torch.manual_seed(seed)
    mean = samples.outside.mean((0, 1))
    spread = samples.outside.std((0, 1)) + 1e-6
    inside, outside = (samples.inside - mean) / spread, (samples.outside - mean) / spread
    first, last = nn.Linear(CUES, HIDDEN), nn.Linear(HIDDEN, 1)
    network = nn.Sequential(first, nn.ReLU(), last)
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS)
    for _ in range(_EPOCHS):
        order = torch.randperm(len(inside))
        for some in (order[start : start + _BATCH] for start in range(0, len(order), _BATCH)):
            optimizer.zero_grad()
            missed = 1 - network(inside[some]).sigmoid().mean()
            changed = CHANGE * network(outside[some]).sigmoid().mean()
            size = torch.stack([weight.square().sum() for weight in network.parameters()]).sum()
            (missed + OUTSIDE * changed + _DECAY * size).backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        hidden = first.weight / spread
        return {
            "hidden": hidden.T.contiguous(),
            "hidden_bias": first.bias - hidden @ mean,
            "out": last.weight[0].clone(),
            "out_bias": last.bias.clone(),
        }


def even_region(
    lightness: Array, chroma: Array, random: np.random.Generator, least: float, most: float
) -> tuple[Mask, tuple[int, int]] | None:
    """Return a connected region of one L* (h×w) and one true a*b* (2×h×w), and the place it grew from.

    `None` when `_TRIES` places give none whose share of the photograph lies within `least` and `most`.
    """
    height, width = lightness.shape
    picture = cv2.GaussianBlur(np.stack([lightness, *chroma], -1), (0, 0), 1)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    for _ in range(_TRIES):
        row, column = int(random.integers(height)), int(random.integers(width))
        mask = np.zeros((height + 2, width + 2), np.uint8)
        cv2.floodFill(picture, mask, (column, row), 0, _TOLERANCE, _TOLERANCE, flags)
        region = mask[1:-1, 1:-1].astype(bool)
        if least <= region.mean() <= most:
            return region, (row, column)
    return None


def _of_photograph(
    model: ColorModel, picture: Picture, random: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Yield the cues inside and outside of each region found, cells×C."""
    width, height = size_at(picture.shape[1], picture.shape[0], SIDE)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    rgb = np.asarray(small / 255, np.float32)
    true = np.ascontiguousarray(lab.srgb_to_lab(rgb).transpose(2, 0, 1))
    said = model.predict(true[None, :1])
    scene = Scene.of(true[0], said.ab[0], within(said.probabilities[0], height, width))
    size = scene.lightness.shape[::-1]
    for least, most in SHARES:
        found = even_region(true[0], true[1:], random, least, most)
        if found is None:
            continue
        region, (row, column) = found
        radius = RADIUS / max(height, width)
        hint = Hint((column + 0.5) / width, (row + 0.5) / height, radius, *_mean(true[1:], region))
        seen = cues(scene, hint)
        near = cv2.dilate(region.astype(np.uint8), np.ones((MARGIN, MARGIN), np.uint8))
        inner = seen[resized(region.astype(np.float32), *size) > 0.5]
        outer = seen[resized(near.astype(np.float32), *size) == 0]
        if len(inner) and len(outer):
            yield inner, outer


def _mean(chroma: Array, region: Mask) -> tuple[float, float]:
    return float(chroma[0, region].mean()), float(chroma[1, region].mean())


if __name__ == "__main__":
    typer.run(main)
