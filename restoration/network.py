"""The network shape shared by the detector and the mender: a compact U-Net on unshuffled pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class CompactUNet(nn.Module):
    """Picture in, maps out, both at full resolution; all the work is done at half of it and below.

    Each 2×2 block of pixels becomes four channels before the first convolution (and back after the last), so
    that a line one pixel thin is still seen whole, at a quarter of the cost of working on pixels.

    Parameters
    ----------
    inputs, outputs
        Channels of the pictures that go in and come out.
    widths
        Channels at 1/2, 1/4, 1/8, … of full resolution.

    Notes
    -----
    Height and width must be multiples of ``2 ** len(widths)``. After Ronneberger et al., U-Net (2015), with
    the space-to-depth of Shi et al., ESPCN (2016), and skips that are added to save memory.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int] = (32, 64, 96, 128, 128)) -> None:
        super().__init__()
        self.multiple = 2 ** len(widths)
        self.stem = nn.Conv2d(4 * inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.encoders = nn.ModuleList(_Residual(w) for w in widths)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decoders = nn.ModuleList(_Residual(w) for w in widths[:-1])
        self.head = nn.Conv2d(widths[0], 4 * outputs, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        """Map N×inputs×H×W to N×outputs×H×W."""
        x = self.stem(functional.pixel_unshuffle(picture, 2))
        skips = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(x)
            if level < len(self.down):
                skips.append(x)
                x = self.down[level](x)
        for level in reversed(range(len(self.decoders))):
            x = functional.interpolate(self.up[level](x), scale_factor=2.0, mode="nearest")
            x = self.decoders[level](x + skips[level])
        maps: Tensor = functional.pixel_shuffle(self.head(x), 2)
        return maps


class _Residual(nn.Module):
    """Two 3×3 convolutions beside the identity; starts as the identity, which deep stacks learn from."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.second(functional.relu(self.first(functional.relu(x))))
        return y


def padded_to(picture: Tensor, multiple: int) -> Tensor:
    """Extend N×C×H×W at the right and bottom, by reflection where it is large enough, to a multiple of px."""
    height, width = picture.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not (bottom or right):
        return picture
    mode = "reflect" if bottom < height and right < width else "replicate"
    return functional.pad(picture, (0, right, 0, bottom), mode=mode)


def run_on_tile(network: nn.Module, picture: Tensor, multiple: int) -> Tensor:
    """Run `network` on N×C×H×W of any size and cut its padding off again."""
    height, width = picture.shape[-2:]
    with torch.inference_mode():
        maps: Tensor = network(padded_to(picture, multiple))
    return maps[..., :height, :width]
