"""The denoising network: a compact U-Net that is given the strength and the coarseness of the noise.

It works on blocks of pixels (as FFDNet does: Zhang, Zuo & Zhang, IEEE TIP 2018), takes the noise level as a
map, and predicts the noise in units of that map: where the map is zero, the picture passes unchanged,
exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from imaging.networks.convolutions import convolve

GRAIN_UNIT = 2.0
"""Grain size, px, that the network sees as 1."""

LEVEL_UNIT = 0.1
"""Noise standard deviation, of a range of 1, that the network sees as 1."""

SURROUNDINGS = 8
"""Side of the squares over whose mean the noise's strength is looked up, px."""


class DenoisingNetwork(nn.Module):
    """U-Net on pixel blocks, of residual blocks.

    Parameters
    ----------
    block
        Side of the pixel blocks that become channels, px.
    widths
        Channels of each level, finest first; each level halves the resolution.
    encoder
        Residual blocks on the way down, per level.
    decoder
        Residual blocks on the way up, per level but the coarsest.
    """

    def __init__(
        self, block: int, widths: Sequence[int], encoder: Sequence[int], decoder: Sequence[int]
    ) -> None:
        super().__init__()
        self.block = block
        self.multiple = max(SURROUNDINGS, block * 2 ** (len(widths) - 1))
        self.head = nn.Conv2d(_round_up(block**2 + 2, 8), widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(_residuals(w, n) for w, n in zip(widths, encoder, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 2, 2) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self.join = nn.ModuleList(_Joining(width) for width in widths[:-1])
        self.decoder = nn.ModuleList(_residuals(w, n) for w, n in zip(widths[:-1], decoder, strict=True))
        self.tail = nn.Conv2d(widths[0], block**2, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            elif isinstance(layer, _Residual):
                nn.init.normal_(layer.second.weight, std=0.3 / (9 * layer.second.in_channels) ** 0.5)
        nn.init.normal_(self.tail.weight, std=1e-2)

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
        features = convolve(self.head, self._inputs(picture, level, grain), rectify="relu")
        skipped = []
        for encoder, down in zip(self.encoder, self.down, strict=False):
            features = encoder(features)
            skipped.append(features)
            features = down(features)
        features = self.encoder[-1](features)
        for up, join, decoder in zip(
            reversed(self.up), reversed(self.join), reversed(self.decoder), strict=True
        ):
            raised = functional.interpolate(up(features), scale_factor=2.0, mode="nearest")
            features = decoder(join(skipped.pop(), raised))
        return _shuffled(self.tail(features) * level, self.block)  # float32, as the level is

    def _inputs(self, picture: Tensor, level: Tensor, grain: Tensor) -> Tensor:
        """Return blocks and noise as channels, and as many empty ones as make convolutions fast.

        Written row by row into its place, which takes a third of the time of unshuffling and joining.
        """
        number, _, rows, columns = level.shape
        inputs = level.new_zeros(number, rows, columns, self.head.in_channels, dtype=self.head.weight.dtype)
        centered = (picture[:, 0] - 0.5).to(inputs.dtype)
        for row in range(self.block):
            pixels = centered[:, row :: self.block].view(number, rows, columns, self.block)
            inputs[..., row * self.block :][..., : self.block] = pixels
        inputs[..., self.block**2] = level[:, 0] / LEVEL_UNIT
        inputs[..., self.block**2 + 1] = grain[:, 0] / GRAIN_UNIT
        return inputs.permute(0, 3, 1, 2)


class _Joining(nn.Module):
    """A 3×3 convolution of the skip connection, to which the upsampled features are added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, skipped: Tensor, raised: Tensor) -> Tensor:
        return convolve(self.convolution, skipped, added=raised, rectify="relu")


class _Residual(nn.Module):
    """Two 3×3 convolutions beside the identity (He et al., CVPR 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = convolve(self.first, x, rectify="relu")
        return convolve(self.second, y, added=x, rectify="relu")


def _shuffled(blocks: Tensor, side: int) -> Tensor:
    """Return what `functional.pixel_shuffle` returns, in a third of the time for channels-last blocks."""
    number, _, rows, columns = blocks.shape
    pixels = blocks.permute(0, 2, 3, 1).reshape(number, rows, columns, side, side)
    return pixels.permute(0, 1, 3, 2, 4).reshape(number, 1, rows * side, columns * side)


def _residuals(width: int, number: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(width) for _ in range(number)))


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def level_map(picture: Tensor, curve: Tensor, block: int) -> Tensor:
    """Return the noise level at each block, N×1×(h/block)×(w/block), from the brightness around it.

    That is the softened mean over squares of `SURROUNDINGS` px; height and width must be multiples of it.

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
