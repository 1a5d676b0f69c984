"""What scans of old photographs do to a picture, done to the L* that the network reads.

Only the input changes; the color to be learned stays the true one (borders excepted, which are neutral).
Everything works on batches and draws from one generator, so that a batch is a function of its seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from colorization.training import photometry
from colorization.training.shards import Picture

SPECTRAL_SHARE = 0.2
"""Share of samples seen through another emulsion than the eye's."""

OLD_SHARE = 0.5
"""Share of samples that are faded, grainy, soft or screened."""


@dataclass(frozen=True)
class Sample:
    """A batch: what the network reads and what it should say.

    Parameters
    ----------
    lightness
        N×1×h×w, L* 0–100 as a scan would give it.
    chroma
        N×2×h×w, the true a*b*.
    """

    lightness: Tensor
    chroma: Tensor


def crop(picture: Picture, side: int, random: np.random.Generator) -> Picture:
    """Cut a square of about half to all of the picture's short side and bring it to `side` px."""
    height, width = picture.shape[:2]
    cut = max(16, round(min(height, width) * random.uniform(0.6, 1.0)))
    if random.random() < 0.15:
        cut = max(16, cut // 2)  # a tile of a larger photograph
    top, left = random.integers(height - cut + 1), random.integers(width - cut + 1)
    piece = picture[top : top + cut, left : left + cut]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    method = cv2.INTER_AREA if cut > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(piece), (side, side), interpolation=method), np.uint8)


def develop(rgb: NDArray[np.uint8] | Tensor, random: Generator) -> Sample:
    """Turn a batch of true pictures (N×h×w×3, uint8) into what a scan would show, with the true color."""
    pixels = torch.as_tensor(rgb, device=random.device).permute(0, 3, 1, 2)
    linear = photometry.linear_light(pixels)
    luminance = _expose(linear, random)
    chroma = photometry.chroma(linear)
    light = _blur(photometry.lightness(luminance), random)
    light = _fade(light, random)
    light = _screen(_grain(light, random), random)
    light, chroma = _mount(light, chroma, random)
    return Sample(light.clamp_(0, 100), chroma)


def _uniform(random: Generator, count: int, low: float, high: float) -> Tensor:
    drawn = torch.rand(count, generator=random, device=random.device) * (high - low) + low
    return drawn.view(-1, 1, 1, 1)


def _chosen(random: Generator, count: int, share: float) -> Tensor:
    return torch.rand(count, generator=random, device=random.device).view(-1, 1, 1, 1) < share


def _expose(linear: Tensor, random: Generator) -> Tensor:
    """Weigh red, green and blue as the eye does or, for some, as a blue- or red-leaning emulsion would."""
    n = len(linear)
    eye = linear.new_tensor(photometry.LUMINANCE).view(1, 3, 1, 1)
    blue = _uniform(random, n, 0.1, 0.8)
    red = _uniform(random, n, 0.0, 0.4) * (1 - blue)
    emulsion = torch.cat([red, 1 - blue - red, blue], 1)
    weights = torch.where(_chosen(random, n, SPECTRAL_SHARE), emulsion, eye)
    return (linear * weights).sum(1, keepdim=True)


def _blur(light: Tensor, random: Generator) -> Tensor:
    """Soften some by a Gaussian of up to 1.6 px: old lenses, small negatives, wet scans."""
    n = len(light)
    soft = _chosen(random, n, 0.3 * OLD_SHARE)
    sigma = torch.where(soft, _uniform(random, n, 0.5, 1.6), torch.full_like(soft, 0.05, dtype=light.dtype))
    offset = torch.arange(-4, 5, device=light.device, dtype=light.dtype)
    kernel = torch.exp(-(offset**2) / (2 * sigma.view(-1, 1) ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).view(n, 1, 1, 9)
    padded = F.pad(light.transpose(0, 1), (4, 4, 4, 4), mode="replicate")
    blurred = F.conv2d(F.conv2d(padded, kernel, groups=n), kernel.transpose(2, 3), groups=n)
    return torch.where(soft, blurred.transpose(0, 1), light)


def _fade(light: Tensor, random: Generator) -> Tensor:
    """Change gamma, contrast and black level."""
    n = len(light)
    old = _chosen(random, n, OLD_SHARE)
    gamma = torch.exp(_uniform(random, n, -0.4, 0.4))
    black, white = _uniform(random, n, -5, 22), _uniform(random, n, 78, 104)
    faded = black + (white - black) * (light.clamp(0, 100) / 100) ** gamma
    return torch.where(old, faded, light)


def _grain(light: Tensor, random: Generator) -> Tensor:
    n = len(light)
    grainy = _chosen(random, n, 0.5 * OLD_SHARE)
    fine = torch.randn(light.shape, generator=random, device=light.device)
    coarse = F.avg_pool2d(fine, 3, 1, 1) * 3
    grain = torch.where(_chosen(random, n, 0.5), fine, coarse)
    return light + torch.where(grainy, grain * _uniform(random, n, 0.5, 6.0), torch.zeros_like(grain))


def _screen(light: Tensor, random: Generator) -> Tensor:
    """Lay a halftone screen of 2.5–6 px over a few."""
    n, _, height, width = light.shape
    y = torch.arange(height, device=light.device, dtype=light.dtype).view(1, 1, -1, 1)
    x = torch.arange(width, device=light.device, dtype=light.dtype).view(1, 1, 1, -1)
    angle, period = _uniform(random, n, 0.2, 1.4), _uniform(random, n, 2.5, 6.0)
    turn = 2 * torch.pi / period
    dots = torch.sin((x * angle.cos() + y * angle.sin()) * turn) * torch.sin(
        (y * angle.cos() - x * angle.sin()) * turn
    )
    strength = _uniform(random, n, 4, 20)
    return torch.where(_chosen(random, n, 0.08 * OLD_SHARE), light + strength * dots, light)


def _mount(light: Tensor, chroma: Tensor, random: Generator) -> tuple[Tensor, Tensor]:
    """Put some on a neutral mount, as prints with paper borders and negatives with dark rebates are."""
    n, _, height, width = light.shape
    y = torch.linspace(0, 1, height, device=light.device).view(1, 1, -1, 1)
    x = torch.linspace(0, 1, width, device=light.device).view(1, 1, 1, -1)
    mounted = _chosen(random, n, 0.2 * OLD_SHARE)
    edge = [_uniform(random, n, -0.04, 0.12) for _ in range(4)]
    outside = mounted & ((y < edge[0]) | (y > 1 - edge[1]) | (x < edge[2]) | (x > 1 - edge[3]))
    paper = torch.where(_chosen(random, n, 0.6), _uniform(random, n, 75, 99), _uniform(random, n, 2, 30))
    return torch.where(outside, paper, light), torch.where(outside, torch.zeros_like(chroma), chroma)
