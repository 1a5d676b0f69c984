"""Light and color on batches of tensors: sRGB, linear light and CIE L*a*b* (D65, 2°)."""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Share of linear sRGB red, green and blue in relative luminance (Rec. 709)."""

_TO_XYZ_OVER_WHITE = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
_FROM_XYZ_OVER_WHITE = (
    (3.2404542 * 0.95047, -1.5371385, -0.4985314 * 1.08883),
    (-0.9692660 * 0.95047, 1.8760108, 0.0415560 * 1.08883),
    (0.0556434 * 0.95047, -0.2040259, 1.0572252 * 1.08883),
)
_EPSILON = 216 / 24389
_KAPPA = 24389 / 27


def linear_light(rgb: Tensor) -> Tensor:
    """Return linear light 0–1 of 8-bit sRGB (N×3×h×w, uint8)."""
    level = torch.arange(256, device=rgb.device, dtype=torch.float32) / 255
    table = torch.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return table[rgb.int()]


def luminance(linear: Tensor) -> Tensor:
    """Return relative luminance (N×1×h×w) of linear sRGB (N×3×h×w)."""
    return (linear * linear.new_tensor(LUMINANCE).view(1, 3, 1, 1)).sum(1, keepdim=True)


def lightness(luminance: Tensor) -> Tensor:
    """Return L* 0–100 of relative luminance 0–1."""
    return 116 * _lab_curve(luminance) - 16


def chroma(linear: Tensor) -> Tensor:
    """Return a*b* (N×2×h×w) of linear sRGB (N×3×h×w)."""
    matrix = linear.new_tensor(_TO_XYZ_OVER_WHITE)
    x, y, z = _lab_curve(torch.einsum("ij,njhw->nihw", matrix, linear)).unbind(1)
    return torch.stack([500 * (x - y), 200 * (y - z)], 1)


def srgb(lightness: Tensor, chroma: Tensor) -> Tensor:
    """Return encoded sRGB 0–1 (N×3×h×w) of L* (N×1×h×w) and a*b* (N×2×h×w); out of gamut is clipped."""
    y = (lightness + 16) / 116
    f = torch.cat([y + chroma[:, :1] / 500, y, y - chroma[:, 1:] / 200], 1)
    xyz = torch.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA)
    linear = torch.einsum("ij,njhw->nihw", xyz.new_tensor(_FROM_XYZ_OVER_WHITE), xyz).clamp(0, 1)
    low = 12.92 * linear
    return torch.where(linear <= 0.0031308, low, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def _lab_curve(t: Tensor) -> Tensor:
    return torch.where(t > _EPSILON, t.clamp_min(_EPSILON) ** (1 / 3), (_KAPPA * t + 16) / 116)
