"""How unlike the truth a coloring looks to a network that was taught to name what it sees.

A perceptual loss (Johnson et al. 2016, https://arxiv.org/abs/1603.08155; channels normalized as in Zhang et
al. 2018, https://arxiv.org/abs/1801.03924), and the labels that the network gives the picture (distilled as
by Hinton et al. 2015, https://arxiv.org/abs/1503.02531): colors that change what things are recognized as
count more than colors that do not. The critic is EfficientNet-lite2; the benchmark uses lite0, which takes no
part in training.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorization.chroma import Decoding, decode
from colorization.training import photometry
from imaging.networks.encoder import LITE2, Encoder
from imaging.networks.training.pretrained import from_package_names

_LABELS = 1000
_HEAD_CHANNELS = 1280


class Criticism(NamedTuple):
    """A critic's losses for a batch, both 0 where the coloring is the truth.

    Parameters
    ----------
    unlike
        Sum over levels of the squared distance of normalized features.
    renamed
        Kullback–Leibler divergence of the labels from those of the truth, nats.
    """

    unlike: Tensor
    renamed: Tensor


class Critic(nn.Module):
    """Compares the color shown with the true one, both on the same L*.

    Parameters
    ----------
    weights
        ImageNet weights of EfficientNet-lite2 as its package names them; ``None`` leaves them random.
    """

    def __init__(self, weights: dict[str, Tensor] | None) -> None:
        super().__init__()
        self.encoder = Encoder(LITE2)
        self.head = nn.Conv2d(LITE2[-1].channels, _HEAD_CHANNELS, 1, bias=False)
        self.head_norm = nn.BatchNorm2d(_HEAD_CHANNELS, eps=1e-3)
        self.classify = nn.Linear(_HEAD_CHANNELS, _LABELS)
        if weights is not None:
            self.encoder.load_state_dict(from_package_names(weights))
            for layer, name in ((self.head, "_conv_head"), (self.head_norm, "_bn1"), (self.classify, "_fc")):
                layer.load_state_dict(
                    {n.removeprefix(f"{name}."): v for n, v in weights.items() if n.startswith(f"{name}.")}
                )
        self.eval().requires_grad_(False)

    def forward(self, lightness: Tensor, shown: Tensor, true: Tensor) -> Criticism:
        """Compare `shown` with `true` (a*b*, N×2×h'×w') on `lightness` (L*, N×1×h×w)."""
        with torch.no_grad():
            goal, true_labels = self._features(lightness, true)
        seen, labels = self._features(lightness, shown)
        unlike = [
            (F.normalize(mine) - F.normalize(theirs)).square().sum(1).mean()
            for mine, theirs in zip(seen, goal, strict=True)
        ]
        renamed = F.kl_div(labels, true_labels, log_target=True, reduction="batchmean")
        return Criticism(torch.stack(unlike).sum(), renamed)

    def _features(self, lightness: Tensor, chroma: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the features at every level, those of the whole picture last, and the labels' log-odds."""
        chroma = F.interpolate(chroma, size=lightness.shape[-2:], mode="bilinear", align_corners=False)
        with torch.autocast(lightness.device.type, enabled=False):
            picture = 2 * photometry.srgb(lightness, chroma.float()) - 1
        levels = self.encoder(picture.contiguous(memory_format=torch.channels_last))[1:]
        whole = F.relu6(self.head_norm(self.head(levels[-1]))).float().mean((2, 3))
        labels = F.log_softmax(self.classify(whole).float(), 1)
        return [*(level.float() for level in levels), whole[:, :, None, None]], labels


def shown(logits: Tensor, bins: Tensor) -> Tensor:
    """Return the color that a distribution (N×K×h×w) is decoded to by default, N×2×h×w."""
    with torch.autocast(logits.device.type, enabled=False):
        nothing = bins.new_zeros(len(logits), 2, *logits.shape[-2:])
        return decode(logits.float(), nothing, bins, bins.new_zeros(len(bins)), Decoding())
