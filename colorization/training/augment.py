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
from imaging.networks.training.shards import Picture

EMULSIONS = (
    # share of samples, weights of linear red, green and blue in daylight and in tungsten light
    (0.45, photometry.LUMINANCE, photometry.LUMINANCE),  # the eye: digital cameras turned grey
    (0.25, (0.19, 0.36, 0.45), (0.35, 0.44, 0.21)),  # panchromatic: Kodak Tri-X
    (0.20, (0.04, 0.41, 0.55), (0.02, 0.60, 0.38)),  # orthochromatic: Ilford Ortho Plus
    (0.10, (0.06, 0.12, 0.82), (0.05, 0.12, 0.83)),  # blue-sensitive plate, a Gaussian at 430 nm
)
"""What emulsions see, after the spectral curves that JanLohse/spectral_film_lut collects from data sheets and
the reflectance spectra of Mallett & Yuksel 2019 (https://doi.org/10.2312/sr.20191216); right to 0.02 and
without ultraviolet, which would add blue. Each sample mixes daylight and tungsten, and an emulsion with the
eye (yellow filters, partial sensitizing)."""

JITTER = 0.15
"""Standard deviation of the logarithm of each weight: emulsions of one kind differ."""

_MOST_DARKENED = 0.35
_MOST_LIGHTENED = 2.5
"""Luminance seen over the true one is held within these."""

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
        N×2×h×w, the true chromaticity as a*b* at the luminance that was seen.
    """

    lightness: Tensor
    chroma: Tensor


def crop(picture: Picture, side: int, random: np.random.Generator) -> Picture:
    """Cut a square of about half to all of the picture's short side and bring it to `side` px."""
    height, width = picture.shape[:2]
    cut = max(16, round(min(height, width) * random.uniform(0.55, 1.0)))
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
    chroma = _at_luminance(photometry.chroma(linear), photometry.luminance(linear), luminance)
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
    """Weigh red, green and blue as one of `EMULSIONS` does, not the same for any two samples."""
    n = len(linear)
    table = linear.new_tensor([[day, tungsten] for _, day, tungsten in EMULSIONS])
    share = linear.new_tensor([share for share, _, _ in EMULSIONS])
    kind = torch.multinomial(share, n, replacement=True, generator=random)
    day, tungsten = table[kind].unbind(1)
    old = torch.lerp(day, tungsten, _uniform(random, n, 0, 1).view(n, 1))
    old = old * torch.exp(torch.randn(n, 3, generator=random, device=random.device) * JITTER)
    old = old / old.sum(1, keepdim=True)
    eye = linear.new_tensor(photometry.LUMINANCE)
    mixed = torch.lerp(old, eye.expand_as(old), _uniform(random, n, 0, 0.5).view(n, 1))
    weights = torch.where((kind == 0)[:, None], eye, mixed)
    return (linear * weights.view(n, 3, 1, 1)).sum(1, keepdim=True)


def _at_luminance(chroma: Tensor, true: Tensor, seen: Tensor) -> Tensor:
    """Keep the chromaticity at the luminance that the emulsion saw.

    a* and b* are differences of cube roots, so they grow with the cube root of luminance. Else a plate, to
    which red lips are black, would teach that black is a saturated red.
    """
    ratio = (seen / true.clamp_min(1e-4)).clamp(_MOST_DARKENED, _MOST_LIGHTENED)
    return chroma * ratio ** (1 / 3)


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
