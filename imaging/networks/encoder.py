"""EfficientNet-lite as a feature pyramid: five levels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.

The layers are those of Tan & Le 2019 (https://arxiv.org/abs/1905.11946) in the lite variant: no
squeeze-and-excitation, ReLU6, stem and last stage of fixed width. Strided convolutions pad as TensorFlow
does, because the ImageNet weights were trained that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from imaging.networks.convolutions import SameConv2d, convolve


@dataclass(frozen=True)
class StageShape:
    """One stage of inverted residual blocks."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


LITE0 = (
    StageShape(1, 3, 1, 1, 16),
    StageShape(2, 3, 2, 6, 24),
    StageShape(2, 5, 2, 6, 40),
    StageShape(3, 3, 2, 6, 80),
    StageShape(3, 5, 1, 6, 112),
    StageShape(4, 5, 2, 6, 192),
    StageShape(1, 3, 1, 6, 320),
)
LITE2 = (
    StageShape(1, 3, 1, 1, 16),
    StageShape(3, 3, 2, 6, 24),
    StageShape(3, 5, 2, 6, 48),
    StageShape(4, 3, 2, 6, 88),
    StageShape(4, 5, 1, 6, 120),
    StageShape(5, 5, 2, 6, 208),
    StageShape(1, 3, 1, 6, 352),
)
"""Compound scaling by 1.1 in width and 1.2 in depth; first and last stage are not repeated."""
STEM_CHANNELS = 32
PYRAMID_CHANNELS = (16, 24, 40, 112, 320)
"""Channels of the five levels that `Encoder` of `LITE0` returns, finest first."""

_NORM_EPSILON = 1e-3
_NORM_MOMENTUM = 0.01


class Encoder(nn.Module):
    """EfficientNet-lite without its classifier.

    Input: N×3×h×w in [−1, 1], h and w multiples of 32. Output: five feature maps, finest first; those of
    `LITE0` have `PYRAMID_CHANNELS` channels. `stem_extra` (N×32×h/2×w/2) is added to the first convolution's
    output.

    Parameters
    ----------
    stages
        A prefix of `LITE0` or `LITE2` that holds all four strided stages.
    """

    def __init__(self, stages: Sequence[StageShape] = LITE0) -> None:
        super().__init__()
        self.stem = SameConv2d(3, STEM_CHANNELS, 3, stride=2)
        self.stem_norm = _norm(STEM_CHANNELS)
        blocks: list[nn.Module] = []
        self.level_ends: list[int] = []
        """Which block ends each level, finest first."""
        channels: list[int] = []
        width = STEM_CHANNELS
        for stage in stages:
            for i in range(stage.repeats):
                stride = stage.stride if i == 0 else 1
                if stride == 2:
                    self.level_ends.append(len(blocks) - 1)
                    channels.append(width)
                blocks.append(_Block(width, stage.channels, stage.kernel, stride, stage.expansion))
                width = stage.channels
        self.level_ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.channels = (*channels, width)
        """Of the levels, finest first."""

    def forward(self, picture: Tensor, stem_extra: Tensor | None = None) -> list[Tensor]:
        """Return the five levels of `picture`."""
        if stem_extra is None:
            x = convolve(self.stem, picture, norm=self.stem_norm, rectify="relu6")
        else:
            x = functional.relu6(self.stem_norm(self.stem(picture) + stem_extra), inplace=True)
        levels = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.level_ends:
                levels.append(x)
        return levels


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.expand = SameConv2d(inputs, inner, 1) if expansion > 1 else None
        self.expand_norm = _norm(inner) if expansion > 1 else None
        self.depthwise = SameConv2d(inner, inner, kernel, stride=stride, groups=inner)
        self.depthwise_norm = _norm(inner)
        self.project = SameConv2d(inner, outputs, 1)
        self.project_norm = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.expand is not None:
            y = convolve(self.expand, y, norm=self.expand_norm, rectify="relu6")
        y = convolve(self.depthwise, y, norm=self.depthwise_norm, rectify="relu6")
        return convolve(self.project, y, norm=self.project_norm, added=x if self.residual else None)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_NORM_EPSILON, momentum=_NORM_MOMENTUM)
