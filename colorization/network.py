"""The color network: L* and hints in, a distribution over a*b* bins and a regressed a*b* out, at 1/4 scale.

A feature pyramid (Lin et al. 2017, https://arxiv.org/abs/1612.03144) over `imaging.networks.encoder`.
Self-attention at 1/32 and 1/16 lets a region take its color from what the whole photograph shows, and lets a
hint reach what looks alike. Hints enter at the stem and at every level of the decoder (after Zhang et al.
2017, https://arxiv.org/abs/1705.02999).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imaging.networks.encoder import PYRAMID_CHANNELS, STEM_CHANNELS, Encoder

SIZE_MULTIPLE = 32
"""Height and width of the input must be multiples of this, px."""

OUTPUT_STRIDE = 4
"""The output has one cell per this many input pixels, each way."""

CHROMA_SCALE = 50.0
"""a*b* units that the network sees as 1."""


class Output(NamedTuple):
    """What the network says, at 1/4 of the input's height and width.

    Parameters
    ----------
    logits
        N×K×h/4×w/4, over the bins.
    chroma
        N×2×h/4×w/4, regressed a*b* in CIE units.
    """

    logits: Tensor
    chroma: Tensor


class ColorNetwork(nn.Module):
    """The network that this repository trains.

    Parameters
    ----------
    bins
        K×2 a*b* centers, kept beside the weights so that the two cannot be parted.
    width
        Channels of the decoder's finest level.
    """

    bins: Tensor

    def __init__(self, bins: Tensor, width: int = 96) -> None:
        super().__init__()
        self.register_buffer("bins", bins.clone())
        self.width = width
        wide, middle = 2 * width, width * 4 // 3
        _, quarter, eighth, sixteenth, bottom = PYRAMID_CHANNELS
        self.encoder = Encoder()
        self.hint_stem = nn.Conv2d(3, STEM_CHANNELS, 3, stride=2, padding=1, bias=False)
        nn.init.zeros_(self.hint_stem.weight)
        self.bottom = nn.Conv2d(bottom, wide, 1)
        self.bottom_hint = _HintGate(wide, 32)
        self.whole = nn.Conv2d(bottom, wide, 1)
        self.bottom_attention = _Attention(wide)
        self.level16 = _Level(wide, sixteenth, wide, 16)
        self.attention16 = _Attention(wide)
        self.level8 = _Level(wide, eighth, middle, 8)
        self.level4 = _Level(middle, quarter, width, 4)
        self.head = _conv_norm(width, middle)
        self.classify = nn.Conv2d(middle, bins.shape[0], 1)
        self.regress = nn.Conv2d(middle, 2, 1)

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Output:
        """Color a batch.

        Parameters
        ----------
        lightness
            N×1×h×w, L* 0–100; h and w multiples of `SIZE_MULTIPLE`.
        hints
            N×3×h×w: a*, b* (CIE units) and trust 0–1, zero where nothing is known.
        """
        features = self.features(lightness, hints)
        return Output(self.classify(features), self.regress(features) * CHROMA_SCALE)

    def features(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Return what both heads read, N×C×h/4×w/4."""
        if hints is None:
            hints = lightness.new_zeros(lightness.shape[0], 3, *lightness.shape[-2:])
        known = (hints[:, 2:] > 0).to(hints.dtype)
        seen = torch.cat([hints[:, :2] / CHROMA_SCALE * known, hints[:, 2:]], 1)
        grey = (lightness / 50 - 1).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        seen = seen.contiguous(memory_format=torch.channels_last)
        _, quarter, eighth, sixteenth, deepest = self.encoder(grey, self.hint_stem(seen))
        x = self.bottom(deepest) + self.whole(deepest.mean((2, 3), keepdim=True)) + self.bottom_hint(seen)
        x = self.bottom_attention(x)
        x = self.attention16(self.level16(x, sixteenth, seen))
        x = self.level8(x, eighth, seen)
        x = self.level4(x, quarter, seen)
        return F.relu(self.head(x))


def pool_hints(hints: Tensor, stride: int) -> Tensor:
    """Average hints over cells of `stride` px, each value by its trust.

    Returns N×4: mean a*, mean b* of what is known in the cell, the cell's mean trust, its highest trust.
    """
    trust = hints[:, 2:]
    mean_trust = F.avg_pool2d(trust, stride)
    chroma = F.avg_pool2d(hints[:, :2] * trust, stride) / mean_trust.clamp_min(1e-6)
    return torch.cat([chroma, mean_trust, F.max_pool2d(trust, stride)], 1)


class _HintGate(nn.Module):
    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.spread = nn.Conv2d(4, channels, 3, padding=1, bias=False)

    def forward(self, hints: Tensor) -> Tensor:
        spread: Tensor = self.spread(pool_hints(hints, self.stride))
        return spread


class _Level(nn.Module):
    """Bring the coarser level up, add the encoder's features and the hints, mix."""

    def __init__(self, coarse: int, lateral: int, channels: int, stride: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(coarse, channels, 1, bias=False) if coarse != channels else nn.Identity()
        self.lateral = nn.Conv2d(lateral, channels, 1)
        self.hint = _HintGate(channels, stride)
        self.mix = _conv_norm(channels, channels)

    def forward(self, coarse: Tensor, lateral: Tensor, hints: Tensor) -> Tensor:
        raised = F.interpolate(
            self.narrow(coarse), size=lateral.shape[-2:], mode="bilinear", align_corners=False
        )
        x = F.relu(raised + self.lateral(lateral) + self.hint(hints))
        return x + F.relu(self.mix(x))


class _Attention(nn.Module):
    """A transformer block without positions: content attends to content, at any picture size."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Linear(channels, channels)
        self.between = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, 2 * channels)
        self.contract = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        mixed = self.query_key_value(self.before(tokens))
        query, key, value = mixed.view(n, -1, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        tokens = tokens + self.project(attended)
        tokens = tokens + self.contract(F.gelu(self.expand(self.between(tokens))))
        back: Tensor = tokens.transpose(1, 2).reshape(n, channels, height, width)
        return back.contiguous(memory_format=torch.channels_last)


def _conv_norm(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs))
