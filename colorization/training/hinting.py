"""Simulated hints: from none to all of the true colors, at random places, in patches of several sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from colorization.hints import COARSE_TRUST, EXACT_TRUST

NONE_SHARE = 0.58
COARSE_SHARE = 0.12
FULL_SHARE = 0.02
"""Shares of samples without hints, with a coarse guess for the whole, and with every color; the rest have
sparse hints, and some of those with a guess have sparse hints, too."""

Guess = Callable[[Tensor, Generator], Tensor]
"""The prediction of a coarser pass (N×2×h×w a*b*) for L* (N×1×h×w)."""

PATCHES = (1, 3, 5, 7, 9, 21)
"""Sides of a hint's patch, px."""

GEOMETRIC = 1 / 8
"""Of the number of sparse hints (Zhang 2017)."""

MANY_SHARE = 0.15
"""Share of the sparse samples that have up to `MOST` hints."""

MOST = 150

RECOLOR_SHARE = 0.25
"""Share of the well-hinted samples whose colors are changed: hints are to be obeyed, not judged."""

REGION_SHARE = 0.5
"""Share of the sparsely hinted samples in which one region has a color of its own."""

ALONE_SHARE = 0.6
"""Share of those in which the region's hint is the only one."""


def recolor(chroma: Tensor, counts: Tensor, random: Generator) -> Tensor:
    """Rotate the hue and scale the chroma of some samples with enough hints to show it."""
    n = len(chroma)
    angle = torch.rand(n, generator=random, device=random.device) * 2 * math.pi
    scale = torch.rand(n, generator=random, device=random.device) * 0.9 + 0.3
    chosen = torch.rand(n, generator=random, device=random.device) < RECOLOR_SHARE
    chosen &= counts >= 20
    cosine, sine = (angle.cos() * scale).view(-1, 1, 1), (angle.sin() * scale).view(-1, 1, 1)
    turned = torch.stack(
        [cosine * chroma[:, 0] - sine * chroma[:, 1], sine * chroma[:, 0] + cosine * chroma[:, 1]], 1
    )
    return torch.where(chosen.view(-1, 1, 1, 1), turned, chroma)


def recolor_region(
    chroma: Tensor, lightness: Tensor, spot: Tensor, chosen: Tensor, random: Generator
) -> Tensor:
    """Give the region around `spot` (N, flat index) of the `chosen` samples another color.

    The region is what is near and similar in L*a*b*. With one hint in it, the network learns that a hint
    colors its own region and says nothing about the rest.
    """
    n, _, height, width = chroma.shape
    lab = torch.cat([lightness, chroma], 1)
    here = lab.flatten(2).gather(2, spot.view(n, 1, 1).expand(-1, 3, -1)).view(n, 3, 1, 1)
    row, column = (spot // width).view(n, 1, 1, 1), (spot % width).view(n, 1, 1, 1)
    y = torch.arange(height, device=random.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=random.device).view(1, 1, 1, -1)
    reach = (torch.rand(n, 1, 1, 1, generator=random, device=random.device) * 0.5 + 0.15) * height
    near = ((y - row) ** 2 + (x - column) ** 2) / (2 * reach**2)
    scale = lab.new_tensor([12.0, 9.0, 9.0]).view(1, 3, 1, 1)
    unlike = ((lab - here) / scale).square().sum(1, keepdim=True) / 2
    region = (2 * _box(torch.exp(-near - unlike), 3)).clamp_max(1)
    angle = torch.rand(n, generator=random, device=random.device) * 2 * math.pi
    radius = torch.rand(n, generator=random, device=random.device) * 45 + 15
    color = torch.stack([angle.cos() * radius, angle.sin() * radius], 1).view(n, 2, 1, 1)
    return torch.where(chosen.view(n, 1, 1, 1), chroma + region * (color - here[:, 1:]), chroma)


def simulate(
    chroma: Tensor, lightness: Tensor, random: Generator, guess: Guess | None = None
) -> tuple[Tensor, Tensor]:
    """Return hint planes (N×3×h×w) for the true colors (N×2×h×w), and the target colors for them.

    `guess` is the network itself on a coarser scale, so that it learns to correct its own coarse predictions
    and to stay uncertain where these were (exposure bias: a network that only ever gets the truth trusts
    every input). Without it the truth is blurred instead.
    """
    n = len(chroma)
    kind = torch.rand(n, generator=random, device=random.device)
    coarse = (kind >= NONE_SHARE) & (kind < NONE_SHARE + COARSE_SHARE)
    full = kind >= 1 - FULL_SHARE
    counts = _sparse_counts(n, random)
    counts[kind < NONE_SHARE] = 0
    counts[coarse & (torch.rand(n, generator=random, device=random.device) < 0.6)] = 0
    known = torch.where(full, torch.full_like(counts, MOST), counts)
    chroma = recolor(chroma, known, random)
    local = (counts > 0) & (torch.rand(n, generator=random, device=random.device) < REGION_SHARE)
    alone = local & ~coarse & (torch.rand(n, generator=random, device=random.device) < ALONE_SHARE)
    counts = counts.masked_fill(alone, 1)
    spot = torch.randint(chroma[0, 0].numel(), (n,), generator=random, device=random.device)
    chroma = recolor_region(chroma, lightness, spot, local, random)
    planes = _sparse(chroma, counts, torch.where(local, spot, -1), random)
    if coarse.any():
        predicted = _blurred(chroma[coarse], random) if guess is None else guess(lightness[coarse], random)
        guessed = torch.cat([predicted, torch.full_like(predicted[:, :1], COARSE_TRUST)], 1)
        planes[coarse] = torch.where(planes[coarse, 2:] == 0, guessed, planes[coarse])
    exact = torch.cat([chroma, torch.full_like(chroma[:, :1], EXACT_TRUST)], 1)
    return torch.where(full.view(-1, 1, 1, 1), exact, planes), chroma


def _sparse_counts(n: int, random: Generator) -> Tensor:
    uniform = torch.rand(n, generator=random, device=random.device).clamp_min(1e-6)
    few = 1 + (uniform.log() / math.log(1 - GEOMETRIC)).long()
    many = torch.randint(20, MOST + 1, (n,), generator=random, device=random.device)
    chosen = torch.rand(n, generator=random, device=random.device) < MANY_SHARE
    return torch.where(chosen, many, few.clamp_max(MOST))


def _sparse(chroma: Tensor, counts: Tensor, certain: Tensor, random: Generator) -> Tensor:
    """Draw patches at random places, the first at `certain` (flat index) where that is not negative."""
    n, _, height, width = chroma.shape
    spot = torch.randint(height * width, (n, MOST), generator=random, device=random.device)
    spot[:, 0] = torch.where(certain >= 0, certain, spot[:, 0])
    wanted = (torch.arange(MOST, device=random.device) < counts[:, None]).to(chroma.dtype)
    points = (
        chroma.new_zeros(n, height * width).scatter_reduce_(1, spot, wanted, "amax").view(n, 1, height, width)
    )
    size = torch.randint(len(PATCHES), (n,), generator=random, device=random.device)
    size = torch.where(certain >= 0, size.clamp_max(len(PATCHES) - 2), size)
    planes = chroma.new_zeros(n, 3, height, width)
    for i, patch in enumerate(PATCHES):
        at = torch.nonzero((size == i) & (counts > 0)).flatten()
        if len(at):
            planes[at] = draw_patches(chroma[at], points[at], patch)
    return planes


def draw_patches(chroma: Tensor, points: Tensor, patch: int) -> Tensor:
    """Return exact hints (N×3×h×w): squares of `patch` px around `points` (N×1×h×w of 0 and 1).

    Each square has the mean of the colors it covers.
    """
    total = _box(torch.cat([_box(chroma, patch) * points, points], 1), patch)
    known = (total[:, 2:] > 1e-6).to(chroma.dtype)
    return torch.cat([total[:, :2] / total[:, 2:].clamp_min(1e-6) * known, known * EXACT_TRUST], 1)


def _blurred(chroma: Tensor, random: Generator) -> Tensor:
    """Return a simulated coarse prediction: few cells, softened, slightly wrong."""
    height, width = chroma.shape[-2:]
    cells = int(torch.randint(4, 25, (1,), generator=random, device=random.device))
    small = F.adaptive_avg_pool2d(chroma, (cells, cells))
    n = len(chroma)
    fault = torch.randn(n, 2, 1, 1, generator=random, device=random.device) * 2
    scale = 1 - 0.25 * torch.rand(n, 1, 1, 1, generator=random, device=random.device)
    return F.interpolate(small * scale + fault, size=(height, width), mode="bilinear", align_corners=False)


def _box(picture: Tensor, patch: int) -> Tensor:
    """Mean over squares of `patch` px, rows and then columns, which is much faster for large ones."""
    half = patch // 2
    rows = F.avg_pool2d(picture, (1, patch), 1, (0, half), count_include_pad=False)
    return F.avg_pool2d(rows, (patch, 1), 1, (half, 0), count_include_pad=False)
