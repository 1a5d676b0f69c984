"""Telling negatives from positives, and photographs from pages and drawings, by looking.

The network sees the scan and its inversion. What it takes for the likelier photograph decides: so a positive
and its own negative always get opposite answers, and nothing depends on how light or dark scans are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from imaging.errors import ModelError
from imaging.networks.descriptor import ModelDescriptor, Size
from imaging.networks.encoder import LITE0, Encoder, StageShape
from imaging.networks.models import ModelRegistry, fill, read_weights

WEIGHTS = Path(__file__).parent / "weights"
NAME = "polarity"
SIDE = 160
"""The network sees every scan as a square of this side, px."""

_STAGES = (*LITE0[:5], StageShape(2, 5, 2, 6, 192))
_HIDDEN = 64
_PART = 0.78
"""Share of height and of width; training saw parts of 0.7 to 1."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Polarity:
    """What the network makes of a scan.

    Parameters
    ----------
    negative
        Log-odds that it is a negative.
    document
        Log-odds that it is a page, a map or a drawing.
    """

    negative: float
    document: float


@dataclass(frozen=True, kw_only=True)
class PolarityDescriptor(ModelDescriptor):
    """What the weights are; `imaging.networks.descriptor` says the rest.

    Parameters
    ----------
    size
        Stored as ``side``.
    bytes
        Size of the weights file.
    parameters
        Number of weights.
    training
        Figures of the run that made them.
    """

    size: Annotated[Size, Field(alias="side")]
    bytes: int = 0
    parameters: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)


class PolarityNetwork(nn.Module):
    """EfficientNet-lite0's stages to 1/32, the last shortened, and a small head.

    Input: N×1×`SIDE`×`SIDE` sRGB-encoded grey, 0–1. Output: N×2, how likely a photograph as it is meant to be
    seen, and log-odds of a document.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(_STAGES)
        self.head = nn.Sequential(
            nn.Linear(sum(self.encoder.channels[-2:]), _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2)
        )

    def forward(self, grey: Tensor) -> Tensor:
        """Return both figures of each picture."""
        return self.judge(self.encoder(as_seen(grey)))

    def judge(self, levels: Sequence[Tensor]) -> Tensor:
        """Return both figures from the encoder's levels; the last two are looked at."""
        pooled = torch.cat([level.float().mean((2, 3)) for level in levels[-2:]], dim=1)
        figures: Tensor = self.head(pooled)
        return figures


def as_seen(grey: Tensor) -> Tensor:
    """Return grey (N×1×h×w, 0–1) as the encoder takes it."""
    return (grey * 2 - 1).expand(-1, 3, -1, -1)


def both_ways(network: nn.Module, grey: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-odds of a negative and of a document, N each."""
    seen, inverted = network(torch.cat([grey, 1 - grey])).chunk(2)
    return inverted[:, 0] - seen[:, 0], (seen[:, 1] + inverted[:, 1]) / 2


def look(grey: Array) -> Polarity:
    """Look at a scan.

    Parameters
    ----------
    grey
        h×w, sRGB-encoded grey, 0–1, of any size; borders are best cut off.

    Raises
    ------
    ModelError
        The weights are absent or altered.
    """
    network, _ = load()
    # Parts of it, and it in a mirror, are as much of a negative; ten looks err less often than one.
    squares = [cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for part in _parts(grey)]
    squares += [square[:, ::-1] for square in squares]
    batch = torch.from_numpy(np.stack(squares)[:, None].astype(np.float32))
    with torch.inference_mode():
        negative, document = both_ways(network, batch)
    found = Polarity(float(negative.mean()), float(document.mean()))
    if not math.isfinite(found.negative + found.document):
        raise ModelError(NAME, "gave no numbers", "Install Heliochrome again.")
    return found


def _parts(grey: Array) -> list[Array]:
    """Return the whole and four parts of it, one at each corner."""
    height, width = grey.shape
    h, w = (max(1, int(_PART * side)) for side in grey.shape)
    corners = ((0, 0), (0, width - w), (height - h, 0), (height - h, width - w))
    return [grey, *(grey[top : top + h, left : left + w] for top, left in corners)]


@lru_cache(maxsize=1)
def load() -> tuple[PolarityNetwork, PolarityDescriptor]:
    """Return the network with its weights, and what these are.

    Raises
    ------
    ModelError
        The weights are absent or altered.
    """
    path, descriptor = ModelRegistry(PolarityDescriptor, WEIGHTS).find(NAME)
    network = PolarityNetwork()
    fill(network, descriptor, read_weights(path, descriptor))
    return network.eval().requires_grad_(False), descriptor
