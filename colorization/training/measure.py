"""Figures by which runs are compared while they train: a few validation photographs, no hints and ten."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorization.chroma import Decoding, decode
from colorization.network import SIZE_MULTIPLE, ColorNetwork
from colorization.training import photometry
from colorization.training.hinting import draw_patches
from colorization.training.targets import Palette
from imaging.networks.training.shards import Picture

LONG_SIDE = 256


class Validation:
    """Measures a network on photographs that it does not train on.

    Parameters
    ----------
    photographs
        RGB pictures; each is measured at a long side of 256 px.
    """

    def __init__(self, photographs: Sequence[Picture]) -> None:
        self._pictures = [fit(photograph) for photograph in photographs]

    @torch.no_grad()
    def __call__(self, network: ColorNetwork, palette: Palette) -> dict[str, float]:
        """Return errors of a*b* (Euclidean mean), grey's, with ten hints, and the share of true chroma."""
        network.eval()
        rows = []
        for i, picture in enumerate(self._pictures):
            linear = photometry.linear_light(picture.to(palette.bins.device))
            light = photometry.lightness(photometry.luminance(linear))
            true = photometry.chroma(linear)
            shown = self._color(network, palette, light, None)
            hinted = self._color(network, palette, light, _ten_hints(true, i))
            regressed = _regressed(network, light)
            rows.append(
                [
                    _error(shown, true),
                    _error(regressed, true),
                    _error(torch.zeros_like(true), true),
                    _error(hinted, true),
                    float(shown.norm(dim=1).mean() / true.norm(dim=1).mean().clamp_min(1)),
                    float(shown[:, 0].mean() - true[:, 0].mean()),
                    float(shown[:, 1].mean() - true[:, 1].mean()),
                ]
            )
        names = ("error", "error_regressed", "error_grey", "error_10_hints", "chroma_share", "red", "yellow")
        return dict(zip(names, np.mean(rows, 0).round(3).tolist(), strict=True))

    @staticmethod
    def _color(network: ColorNetwork, palette: Palette, light: Tensor, hints: Tensor | None) -> Tensor:
        output = network(light, hints)
        chroma = decode(output.logits, output.chroma, palette.bins, palette.weight.log(), Decoding())
        return F.interpolate(chroma, size=light.shape[-2:], mode="bilinear", align_corners=False)


def _regressed(network: ColorNetwork, light: Tensor) -> Tensor:
    return F.interpolate(network(light).chroma, size=light.shape[-2:], mode="bilinear", align_corners=False)


def _ten_hints(true: Tensor, seed: int) -> Tensor:
    height, width = true.shape[-2:]
    spots = np.random.default_rng(seed).integers(height * width, size=10)
    points = true.new_zeros(1, 1, height, width)
    points.view(-1)[torch.from_numpy(spots)] = 1
    return draw_patches(true, points, 7)


def _error(shown: Tensor, true: Tensor) -> float:
    return float((shown - true).norm(dim=1).mean())


def fit(picture: Picture) -> Tensor:
    """Return a picture at a long side of `LONG_SIDE` px, 1×3×h×w uint8, sides multiples of 32."""
    scale = LONG_SIDE / max(picture.shape[:2])
    height, width = (
        max(SIZE_MULTIPLE, round(s * scale / SIZE_MULTIPLE) * SIZE_MULTIPLE) for s in picture.shape[:2]
    )
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.asarray(small, np.uint8)).permute(2, 0, 1)[None]
