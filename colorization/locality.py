"""How far a hint reaches: its own region in full, the rest of the photograph only as hints grow many.

The network hears every hint everywhere, because in training hints were mostly true and so said something
about the light of the whole scene. One archivist's hint about a coat should not tint the sky: away from what
looks like the hinted place, its effect is scaled down to what so few hints can say about a whole.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorization.hints import EXACT_TRUST

HINTS_FOR_THE_WHOLE = 30.0
"""About so many hints say most of what can be known about the whole."""

AREA_WORTH = 150.0
"""Hints that a fully painted photograph is worth."""

REACH = 0.2
"""Standard deviation of a hint's spatial reach, share of the longer side."""

TONE = 11.0
"""Standard deviation of likeness in L*."""

_UNLIKE, _ALIKE = 0.6, 0.87
"""Bhattacharyya coefficients of two places' color distributions that count as nothing and as all alike."""


def whole_share(hints: Tensor) -> float:
    """Return how much of their effect exact hints (3×h×w) have everywhere, 0–1."""
    exact = _exact(hints)
    count = cv2.connectedComponents(exact)[0] - 1
    worth = count + AREA_WORTH * float(exact.mean())
    return float(1 - np.exp(-worth / HINTS_FOR_THE_WHOLE))


def influence(hints: Tensor, lightness: Tensor, likelihood: Tensor) -> Tensor:
    """Return the effect of exact hints at each place, 1×h'×w' in 0–1.

    Parameters
    ----------
    hints
        3×h×w: a*, b*, trust.
    lightness
        1×h×w, L* 0–100.
    likelihood
        K×h'×w', what the network thinks of each place without the exact hints.
    """
    exact = _exact(hints)
    count, labels = cv2.connectedComponents(exact)
    height, width = likelihood.shape[-2:]
    tone = F.adaptive_avg_pool2d(lightness, (height, width))
    root = F.avg_pool2d(likelihood, 3, 1, 1, count_include_pad=False).sqrt()
    y = torch.arange(height, device=root.device).view(-1, 1)
    x = torch.arange(width, device=root.device).view(1, -1)
    reached = torch.zeros_like(tone)
    for label in range(1, count):
        rows, columns = np.nonzero(labels == label)
        row = min(int(rows.mean() * height / labels.shape[0]), height - 1)
        column = min(int(columns.mean() * width / labels.shape[1]), width - 1)
        alike = torch.einsum("khw,k->hw", root, root[:, row, column])
        alike = ((alike - _UNLIKE) / (_ALIKE - _UNLIKE)).clamp(0, 1)
        steps = ((y - row) ** 2 + (x - column) ** 2) / (REACH * max(height, width)) ** 2
        tones = (tone[0] - tone[0, row, column]) ** 2 / TONE**2
        reached = torch.maximum(reached, (alike * torch.exp(-(steps + tones) / 2))[None])
    told = torch.from_numpy(exact).to(root)[None, None]
    reached = torch.maximum(reached, (F.adaptive_max_pool2d(told, (height, width)) > 0)[0].to(root))
    share = whole_share(hints)
    return share + (1 - share) * F.avg_pool2d(reached[None], 3, 1, 1, count_include_pad=False)[0]


def _exact(hints: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray((hints[2] >= EXACT_TRUST).to(torch.uint8).cpu().numpy(), np.uint8)
