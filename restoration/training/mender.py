"""Train the mender: ``python -m restoration.training.mender FOLDER --photos … --defects …``.

Reads tar shards of photographs and the outlines of real defects. Writes checkpoints and a log into FOLDER,
and at the end the weights with their descriptor. A repeat resumes from the last checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from restoration.kinds import DamageKind
from restoration.mending import MENDER, fill_smoothly
from restoration.network import CompactUNet
from restoration.training.backgrounds import add_grain, draw_background
from restoration.training.command import arguments_for, read_training_data, train_and_export
from restoration.training.damage import damage
from restoration.training.shapes import Shapes

WIDTHS = (24, 48, 64, 96, 128)


def draw_hole(
    photographs: Sequence[NDArray[np.uint8]], shapes: Shapes, side: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return a picture whose holes are filled smoothly, the holes as 0/1, and the clean picture."""
    background = draw_background(photographs, side, random)
    clean, _ = add_grain(background, random, strongest=0.03)
    kinds = {DamageKind(int(k)) for k in random.choice(list(DamageKind), 2)}
    damaged = damage(clean.clip(0, 1), shapes, random, kinds)
    reach = int(random.choice([3, 3, 5]))
    holes = cv2.dilate((damaged.kinds > 0).view(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    filled = fill_smoothly(damaged.picture, holes)
    return filled, holes.astype(np.float32), background


class MendingTask:
    """Error inside the holes: pictures count alike, pixels the less the farther they are from the rim.

    Deep inside a large hole it cannot be known what was there, so nothing can be learned from it.

    Parameters
    ----------
    photographs, held_out
        To learn from, and to validate on.
    shapes, held_out_shapes
        Outlines of real defects for either.
    samples, side
        Of a batch: how many pictures and their side, px.
    validation
        How many pictures to validate on.
    """

    def __init__(
        self,
        photographs: Sequence[NDArray[np.uint8]],
        held_out: Sequence[NDArray[np.uint8]],
        shapes: Shapes,
        held_out_shapes: Shapes,
        *,
        samples: int = 8,
        side: int = 128,
        validation: int = 64,
    ) -> None:
        self.photographs, self.shapes = photographs, shapes
        self.samples, self.side = samples, side
        random = np.random.default_rng(11)
        self._validation = [draw_hole(held_out, held_out_shapes, 192, random) for _ in range(validation)]

    def batch(self, random: np.random.Generator) -> Mapping[str, Tensor]:
        """Draw pictures with smooth fills, holes and clean pictures, and weights, N×1×S×S each."""
        drawn = [draw_hole(self.photographs, self.shapes, self.side, random) for _ in range(self.samples)]
        weighed = [(filled, holes, clean, _weight(holes)) for filled, holes, clean in drawn]
        names = ("filled", "holes", "clean", "weight")
        stacked = (torch.from_numpy(np.stack(part))[:, None] for part in zip(*weighed, strict=True))
        return dict(zip(names, stacked, strict=True))

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of one batch."""
        filled, holes = batch["filled"], batch["holes"]
        residual = network(torch.cat((2 * filled - 1, holes), 1)).float()
        error = (filled + residual - batch["clean"]) * holes
        weight = batch["weight"]
        total = ((error.abs() + 2 * error.square()) * weight).sum((1, 2, 3))
        loss: Tensor = (total / (weight.sum((1, 2, 3)) + 16)).mean()
        return 10 * loss

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Return PSNR inside the holes, dB: of the smooth fill, of Telea's method and of the network."""
        smooth = telea = learned = 0.0
        pixels = 0.0
        for filled, holes, clean in self._validation:
            inputs = torch.from_numpy(np.stack((2 * filled - np.float32(1), holes)))[None]
            mended = filled + network(inputs).float()[0, 0].detach().numpy()
            coded = np.rint(filled.clip(0, 1) * 65535).astype(np.uint16)
            peer = cv2.inpaint(coded, holes.astype(np.uint8), 5, cv2.INPAINT_TELEA) / np.float32(65535)
            smooth += float((holes * (filled - clean) ** 2).sum())
            telea += float((holes * (peer - clean) ** 2).sum())
            learned += float((holes * (mended - clean) ** 2).sum())
            pixels += float(holes.sum())
        names = ("smooth", "telea", "learned")
        return {
            name: float(10 * np.log10(pixels / error))
            for name, error in zip(names, (smooth, telea, learned), strict=True)
        }


def _weight(holes: NDArray[np.float32]) -> NDArray[np.float32]:
    depth = cv2.distanceTransform(holes.astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(holes / (1 + depth / np.float32(4)), np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the mender and export its weights."""
    parser = arguments_for(__doc__)
    parser.set_defaults(side=128)
    chosen = parser.parse_args(arguments)
    data = read_training_data(chosen.photos, chosen.defects)
    task = MendingTask(
        data.photographs,
        data.held_out,
        data.shapes,
        data.held_out_shapes,
        samples=chosen.samples,
        side=chosen.side,
    )
    settings: dict[str, Any] = {"inputs": 2, "outputs": 1, "widths": list(WIDTHS)}
    train_and_export(MENDER, CompactUNet(**settings), settings, task, chosen)


if __name__ == "__main__":
    main()
