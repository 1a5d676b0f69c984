"""The networks of the detector and the mender: compact U-Nets on unshuffled pixels."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imaging.networks.convolutions import convolve
from imaging.networks.descriptor import SizeRequirements
from imaging.networks.encoder import LITE0, Encoder


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
    normalize
        Batch normalization, which helps classification and harms regression.

    Notes
    -----
    Height and width must be multiples of ``2 ** len(widths)``. After Ronneberger et al., U-Net (2015), with
    the space-to-depth of Shi et al., ESPCN (2016), and skips that are added to save memory.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int], *, normalize: bool = False) -> None:
        super().__init__()
        self.multiple = 2 ** len(widths)
        self.stem = nn.Conv2d(4 * inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.encoders = nn.ModuleList(_Residual(w, normalize) for w in widths)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decoders = nn.ModuleList(_Residual(w, normalize) for w in widths[:-1])
        self.head = nn.Conv2d(widths[0], 4 * outputs, 3, padding=1)
        for straight in (self.stem, *self.down, *self.up):
            # Nothing nonlinear lies between these: PyTorch's default would shrink the signal by 1/√3 at each.
            nn.init.kaiming_normal_(straight.weight, nonlinearity="linear")
            nn.init.zeros_(straight.bias)
        nn.init.normal_(self.head.weight, std=1e-3)

    def forward(self, picture: Tensor, features: Sequence[Tensor] = ()) -> Tensor:
        """Map N×inputs×H×W to N×outputs×H×W; `features`, finest first, are added level by level."""
        x = self.stem(functional.pixel_unshuffle(picture, 2))
        skips = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(x.add_(features[level]) if features else x)
            if level < len(self.down):
                skips.append(x)
                x = self.down[level](x)
        for level in reversed(range(len(self.decoders))):
            x = functional.interpolate(self.up[level](x), scale_factor=2.0, mode="nearest")
            x = self.decoders[level](x.add_(skips.pop()))
        maps: Tensor = functional.pixel_shuffle(self.head(x), 2)
        return maps


class PretrainedUNet(nn.Module):
    """A `CompactUNet` that also gets, at each level, the features of an encoder pretrained on ImageNet.

    A branch, a rope and a scratch look alike up close; their context distinguishes them, and learning that
    takes more pictures than there are with damage.

    Parameters
    ----------
    inputs, outputs, widths
        As of `CompactUNet`, with batch normalization and five levels. The first input is the picture itself,
        in [−1, 1].
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.unet = CompactUNet(inputs, outputs, widths, normalize=True)
        self.multiple = self.unet.multiple
        self.encoder = Encoder(LITE0[:-1])  # the last stage would double the weights
        self.guides = nn.ModuleList(
            _zero_convolution(a, b) for a, b in zip(self.encoder.channels, widths, strict=True)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map N×inputs×H×W to N×outputs×H×W."""
        levels = self.encoder(inputs[:, :1].expand(-1, 3, -1, -1))
        maps: Tensor = self.unet(
            inputs, [guide(level) for guide, level in zip(self.guides, levels, strict=True)]
        )
        return maps

    def train(self, mode: bool = True) -> PretrainedUNet:
        """Set the mode of all but the encoder: ImageNet's statistics hold, small batches would blur them."""
        super().train(mode)
        self.encoder.eval()
        return self


class ScaleFusion(nn.Module):
    """One judgement of a place from looks at it at several scales.

    Begins as their mean, and learns which look to believe of what: a crease from afar, a speck from near.

    Parameters
    ----------
    scales
        How many looks.
    outputs
        Maps of each, and of the result.
    width
        Channels between.
    """

    def __init__(self, scales: int, outputs: int, width: int) -> None:
        super().__init__()
        self.scales = scales
        self.mix = nn.Conv2d(scales * outputs, width, 3, padding=1)
        self.say = nn.Conv2d(width, outputs, 1)
        nn.init.zeros_(self.say.weight)
        nn.init.zeros_(self.say.bias)  # type: ignore[arg-type]

    def forward(self, looks: Tensor) -> Tensor:
        """Map N×(scales·outputs)×H×W, near first, to N×outputs×H×W."""
        mean = torch.stack(looks.chunk(self.scales, 1)).mean(0)
        maps: Tensor = mean + self.say(functional.relu(self.mix(looks)))
        return maps


class MultiscaleDetector(nn.Module):
    """A `PretrainedUNet` for looks at a picture at its own size, half and a quarter, and a `ScaleFusion`.

    Parameters
    ----------
    inputs, outputs, widths
        Of the `PretrainedUNet`.
    fusion
        Width of the fusion.
    """

    SCALES = 3

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int], fusion: int = 24) -> None:
        super().__init__()
        self.look = PretrainedUNet(inputs, outputs, widths)
        self.multiple = self.look.multiple
        self.fuse = ScaleFusion(self.SCALES, outputs, fusion)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what one look says of N×inputs×H×W."""
        maps: Tensor = self.look(inputs)
        return maps

    def fused(self, looks: Sequence[Tensor]) -> Tensor:
        """Return what looks at a picture and its halvings, near first, come to at the size of the first."""
        size = looks[0].shape[-2:]
        same = [
            functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)
            if maps.shape[-2:] != size
            else maps
            for maps in looks
        ]
        maps: Tensor = self.fuse(torch.cat(same, 1))
        return maps


def _zero_convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 1×1 convolution whose output is zero before training."""
    convolution = nn.Conv2d(inputs, outputs, 1)
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution


class _Residual(nn.Module):
    """Two 3×3 convolutions beside the identity; starts near the identity, which deep stacks learn from."""

    def __init__(self, width: int, normalize: bool) -> None:
        super().__init__()
        self.before_first = nn.BatchNorm2d(width) if normalize else nn.Identity()
        self.before_second = nn.BatchNorm2d(width) if normalize else nn.Identity()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")
        nn.init.normal_(self.second.weight, std=0.5 / (9 * width) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        # In place where the map is not shared: at full tile size each takes tens of megabytes.
        y = self.before_first(x)
        y = functional.relu(y, inplace=y is not x)
        y = convolve(self.first, y, norm=self.before_second, rectify="relu")
        return convolve(self.second, y, added=x)


class TileRunner:
    """Runs a network on tiles of any size, NumPy in and out.

    Parameters
    ----------
    network
        Shared and left as it is; a copy is made for the device.
    size
        Tiles are extended by reflection to a size that the network takes, and cut again.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(self, network: nn.Module, size: SizeRequirements, device: str = "cpu") -> None:
        self.size = size
        self.device = torch.device(device)
        half = torch.bfloat16 if half_is_fast(self.device) else torch.float32
        self.network = deepcopy(network).to(self.device, half).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part, exact in zip(self.network.modules(), network.modules(), strict=True):
            if isinstance(part, nn.BatchNorm2d):  # few numbers, by which many are multiplied
                part.float().load_state_dict(exact.state_dict())
        self.half = half

    def __call__(self, tile: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map C×H×W (or N×C×H×W) to as many maps as the network has outputs, same size, float32."""
        height, width = tile.shape[-2:]
        batch = torch.from_numpy(tile if tile.ndim == 4 else tile[None]).to(self.device, self.half)
        with torch.inference_mode():
            maps = self.network(_extended(batch, self.size))[..., :height, :width].float().cpu().numpy()
        return np.asarray(maps if tile.ndim == 4 else maps[0], np.float32)


def half_is_fast(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32: on GPUs, and on processors that multiply it.

    Those have matrix units (AMX) or AVX-512 BF16; with the latter alone (AMD EPYC) the detector takes 0.43 of
    the time that it takes in float32.
    """
    if device.type != "cpu":
        return True
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def _extended(batch: Tensor, size: SizeRequirements) -> Tensor:
    height, width = batch.shape[-2:]
    bottom, right = size.padding(height, width)
    if not (bottom or right):
        return batch
    mode = "reflect" if bottom < height and right < width else "replicate"
    return functional.pad(batch, (0, right, 0, bottom), mode=mode)
