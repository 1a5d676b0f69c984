"""How unlike the truth a coloring looks to a network that was taught to name what it sees.

A perceptual loss (Johnson et al. 2016, https://arxiv.org/abs/1603.08155; channels normalized as in Zhang et
al. 2018, https://arxiv.org/abs/1801.03924): colors that change what things are count more than colors that
do not. The critic is EfficientNet-lite2; the benchmark judges by lite0, which never taught.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorization.chroma import Decoding, decode
from colorization.encoder import LITE2, Encoder
from colorization.training import photometry


class Critic(nn.Module):
    """Compares the color shown with the true one, both on the same L*.

    Parameters
    ----------
    weights
        ImageNet weights of EfficientNet-lite2 under `Encoder`'s names; ``None`` leaves them random.
    """

    def __init__(self, weights: dict[str, Tensor] | None) -> None:
        super().__init__()
        self.encoder = Encoder(LITE2)
        if weights is not None:
            self.encoder.load_state_dict(weights)
        self.eval().requires_grad_(False)

    def forward(self, lightness: Tensor, shown: Tensor, true: Tensor) -> Tensor:
        """Return how unlike `shown` is to `true` (a*b*, N×2×h'×w') on `lightness` (L*, N×1×h×w); 0: alike."""
        with torch.no_grad():
            goal = self._look(lightness, true)
        unlike = [
            (F.normalize(mine) - F.normalize(theirs)).square().sum(1).mean()
            for mine, theirs in zip(self._look(lightness, shown), goal, strict=True)
        ]
        return torch.stack(unlike).sum()

    def _look(self, lightness: Tensor, chroma: Tensor) -> list[Tensor]:
        chroma = F.interpolate(chroma, size=lightness.shape[-2:], mode="bilinear", align_corners=False)
        with torch.autocast(lightness.device.type, enabled=False):
            picture = 2 * photometry.srgb(lightness, chroma.float()) - 1
        levels = self.encoder(picture.contiguous(memory_format=torch.channels_last))[1:]
        return [*(level.float() for level in levels), levels[-1].float().mean((2, 3), keepdim=True)]


def shown(logits: Tensor, bins: Tensor) -> Tensor:
    """Return the color that a distribution (N×K×h×w) is decoded to, N×2×h×w, as it comes."""
    with torch.autocast(logits.device.type, enabled=False):
        nothing = bins.new_zeros(len(logits), 2, *logits.shape[-2:])
        return decode(logits.float(), nothing, bins, bins.new_zeros(len(bins)), Decoding())
