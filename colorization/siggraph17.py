"""The published network of Zhang et al. 2017, so that a museum may bring its weights.

*Real-Time User-Guided Image Colorization with Learned Deep Priors* (https://arxiv.org/abs/1705.02999).
Layer names and shapes are those of its released PyTorch state dict; convert that to safetensors first. The
weights carry their own licence and are not part of this repository.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from colorization.chroma import GRID, REACH
from colorization.network import Output

_LIGHTNESS_CENTER, _LIGHTNESS_SCALE, _CHROMA_SCALE = 50.0, 100.0, 110.0


class Siggraph17(nn.Module):
    """A distribution over 529 bins at 1/4 scale and regressed a*b* at full scale, with hints."""

    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        axis = torch.arange(-REACH, REACH + 1, GRID)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)
        self.register_buffer("bins", grid, persistent=False)
        self.model1 = _block(4, 64, 64)
        self.model2 = _block(64, 128, 128)
        self.model3 = _block(128, 256, 256, 256)
        self.model4 = _block(256, 512, 512, 512)
        self.model5 = _block(512, 512, 512, 512, dilation=2)
        self.model6 = _block(512, 512, 512, 512, dilation=2)
        self.model7 = _block(512, 512, 512, 512)
        self.model8up = nn.Sequential(nn.ConvTranspose2d(512, 256, 4, 2, 1))
        self.model3short8 = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1))
        self.model8 = nn.Sequential(nn.ReLU(), *_block(256, 256, 256))
        self.model9up = nn.Sequential(nn.ConvTranspose2d(256, 128, 4, 2, 1))
        self.model2short9 = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1))
        self.model9 = nn.Sequential(nn.ReLU(), *_block(128, 128))
        self.model10up = nn.Sequential(nn.ConvTranspose2d(128, 128, 4, 2, 1))
        self.model1short10 = nn.Sequential(nn.Conv2d(64, 128, 3, padding=1))
        self.model10 = nn.Sequential(nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(nn.Conv2d(256, len(grid), 1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Output:
        """Color a batch; see `network.ColorNetwork.forward`. Trust below one half counts as unknown."""
        grey = (lightness - _LIGHTNESS_CENTER) / _LIGHTNESS_SCALE
        if hints is None:
            hints = lightness.new_zeros(lightness.shape[0], 3, *lightness.shape[-2:])
        known = (hints[:, 2:] >= 0.5).to(lightness.dtype)
        full = self.model1(torch.cat([grey, hints[:, :2] / _CHROMA_SCALE * known, known], 1))
        half = self.model2(full[:, :, ::2, ::2])
        quarter = self.model3(half[:, :, ::2, ::2])
        eighth = self.model7(self.model6(self.model5(self.model4(quarter[:, :, ::2, ::2]))))
        quarter = self.model8(self.model8up(eighth) + self.model3short8(quarter))
        half = self.model9(self.model9up(quarter) + self.model2short9(half))
        full = self.model10(self.model10up(half) + self.model1short10(full))
        return Output(self.model_class(quarter), self.model_out(full) * _CHROMA_SCALE)


def _block(*channels: int, dilation: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels[-1]))
