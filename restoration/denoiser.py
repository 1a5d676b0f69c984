"""The denoising network: a compact U-Net that is told how strong and how coarse the noise is.

It works on blocks of pixels instead of pixels (as FFDNet does: Zhang, Zuo & Zhang, IEEE TIP 2018), sees the
noise as a map, and predicts the noise in units of that map: where the map says that there is no noise, the
picture passes unchanged, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

GRAIN_UNIT = 2.0
"""Grain size, px, that the network sees as 1."""

LEVEL_UNIT = 0.1
"""Noise standard deviation, of a range of 1, that the network sees as 1."""

SURROUNDINGS = 8
"""Side of the squares over whose mean the noise's strength is looked up, px."""


class GrainNetwork(nn.Module):
    """U-Net on pixel blocks.

    Parameters
    ----------
    block
        Side of the pixel blocks that become channels, px.
    widths
        Channels of each level, finest first; each level halves the resolution.
    encoder
        3×3 convolutions on the way down, per level.
    decoder
        3×3 convolutions on the way up, per level but the coarsest.
    """

    def __init__(
        self, block: int, widths: Sequence[int], encoder: Sequence[int], decoder: Sequence[int]
    ) -> None:
        super().__init__()
        self.block = block
        self.multiple = max(SURROUNDINGS, block * 2 ** (len(widths) - 1))
        self.head = nn.Conv2d(block**2 + 2, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(_convolutions(w, n) for w, n in zip(widths, encoder, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 2, 2) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self.decoder = nn.ModuleList(_convolutions(w, n) for w, n in zip(widths[:-1], decoder, strict=True))
        self.tail = nn.Conv2d(widths[0], block**2, 3, padding=1)

    def forward(self, picture: Tensor, level: Tensor, grain: Tensor) -> Tensor:
        """Return the noise in `picture`, N×1×h×w, to be subtracted from it.

        Parameters
        ----------
        picture
            N×1×h×w, range 0–1; h and w multiples of `multiple`.
        level
            N×1×(h/block)×(w/block), the noise's local standard deviation in the picture's range.
        grain
            N×1×1×1, px: the standard deviation of the Gaussian blur that makes white noise as coarse as this
            noise; 0 for white noise.
        """
        rows, columns = level.shape[-2:]
        blocks = functional.pixel_unshuffle(picture - 0.5, self.block)
        conditions = (level / LEVEL_UNIT, (grain / GRAIN_UNIT).expand(-1, 1, rows, columns))
        seen = torch.cat((blocks, *conditions), 1).to(self.head.weight.dtype)
        # In place, here and below: a result of its own would allocate the largest feature map once more.
        features = functional.relu_(self.head(seen.contiguous(memory_format=torch.channels_last)))
        skipped = []
        for encoder, down in zip(self.encoder, self.down, strict=False):
            features = encoder(features)
            skipped.append(features)
            features = down(features)
        features = self.encoder[-1](features)
        for up, decoder in zip(reversed(self.up), reversed(self.decoder), strict=True):
            raised = functional.interpolate(up(features), scale_factor=2.0, mode="nearest")
            features = decoder(raised.add_(skipped.pop()))
        return _shuffled(self.tail(features).float() * level, self.block)


def _shuffled(blocks: Tensor, side: int) -> Tensor:
    """Return what `functional.pixel_shuffle` returns, in a third of the time for channels-last blocks."""
    number, _, rows, columns = blocks.shape
    pixels = blocks.permute(0, 2, 3, 1).reshape(number, rows, columns, side, side)
    return pixels.permute(0, 1, 3, 2, 4).reshape(number, 1, rows * side, columns * side)


def _convolutions(width: int, number: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(number):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def level_map(picture: Tensor, curve: Tensor, block: int) -> Tensor:
    """Return the noise level at each block, N×1×(h/block)×(w/block), from how bright its surroundings are.

    They are the mean of the nearest `SURROUNDINGS` px, softened, of which height and width are multiples.

    Parameters
    ----------
    picture
        N×1×h×w, range 0–1, noisy.
    curve
        N×K: the noise's standard deviation at K luminances spread evenly over 0–1.
    block
        Side of a block, px.
    """
    surroundings = functional.avg_pool2d(picture, SURROUNDINGS)
    surroundings = functional.avg_pool2d(surroundings, 3, 1, 1, count_include_pad=False)
    position = surroundings.clamp(0, 1) * (curve.shape[1] - 1)
    below = position.floor().clamp(max=curve.shape[1] - 2).long()
    flat = below.flatten(1)
    low = curve.gather(1, flat).view_as(position)
    high = curve.gather(1, flat + 1).view_as(position)
    level = low + (high - low) * (position - below)
    return functional.interpolate(level, scale_factor=SURROUNDINGS // block, mode="bilinear")
