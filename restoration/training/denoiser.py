"""Train the denoising network: ``python -m restoration.training.denoiser --photographs … --into …``.

Reads ``grey-fullres.tar`` and ``train-*.tar`` of the photographs folder; writes checkpoints and a log into
the folder it was given, and with ``--export`` the weights that ship. A repeat continues where the last run
stopped.

Photographs are made noisy as scans are: white Gaussian noise of every strength to 55/255, and film grain,
whose strength depends on the luminance and which is as coarse as the enlargement made it; unclipped, and
clipped and rounded to 8 bit. The network is given the strength as in production: a curve over
luminance, looked up at the mean of the noisy picture's surroundings, slightly wrong. Fine weave, which is
easily taken for noise, is added to parts of a tenth of them.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imaging.networks.descriptor import SizeRequirements
from imaging.networks.training.shards import read_photographs, training_shards
from restoration.denoising_network import DenoisingNetwork, level_map
from restoration.models import WEIGHTS, RestorationDescriptor, load
from restoration.training.distractors import weave
from restoration.training.export import export
from restoration.training.layers import mottle
from restoration.training.loop import Batch, Schedule, describe, train
from restoration.training.parallel_drawing import DrawnInParallel

SETTINGS: Mapping[str, Any] = {
    "block": 2,
    "widths": (32, 64, 96, 128),
    "encoder": (1, 1, 1, 2),
    "decoder": (1, 2, 1),
}
"""Chosen so that a core with matrix units (AMX) denoises five times as fast as OpenCV's non-local means."""

LEVELS = 9
"""Luminances at which a curve is drawn."""

STRONGEST = 55 / 255
COARSEST = 2.2
VALIDATION = 12
"""Photographs of the full-resolution shard that are held back."""


class DenoisingTask:
    """Remove noise of known strength from photographs.

    Parameters
    ----------
    photographs
        H×W uint8, the first `VALIDATION` of them only for validation.
    others
        Further H×W uint8 photographs, drawn two fifths of the time.
    samples, side
        Patches in a batch, and their side, px.
    """

    def __init__(
        self,
        photographs: Sequence[NDArray[np.uint8]],
        others: Sequence[NDArray[np.uint8]] = (),
        *,
        samples: int = 24,
        side: int = 64,
    ) -> None:
        self.held_back = photographs[:VALIDATION]
        self.photographs = photographs[VALIDATION:]
        self.others = [other for other in others if min(other.shape) >= side]
        self.samples, self.side = samples, side

    def batch(self, random: np.random.Generator) -> Batch:
        """Draw patches, and noise for them."""
        samples = [self._sample(random) for _ in range(self.samples)]
        clean, noisy, curves, grains = (np.stack(part) for part in zip(*samples, strict=True))
        return {
            "clean": torch.from_numpy(clean[:, None]),
            "noisy": torch.from_numpy(noisy[:, None]),
            "curve": torch.from_numpy(curves),
            "grain": torch.from_numpy(grains).view(-1, 1, 1, 1),
        }

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the mean over patches of the root mean square error, in units of the noise's strength."""
        noisy, curve = batch["noisy"], batch["curve"]
        level = level_map(noisy, curve, network.block)  # type: ignore[arg-type]
        error = noisy - network(noisy, level, batch["grain"]) - batch["clean"]
        rms = (error.float().square().mean((1, 2, 3)) + 1e-8).sqrt()
        loss: Tensor = (rms / (curve.mean(1) + 0.02)).mean()
        return loss

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Return the mean PSNR at three strengths of white noise and on grain, dB."""
        device = next(network.parameters()).device
        cases = {f"sigma{s}": (s / 255, 0.0) for s in (15, 25, 50)} | {"grain": (20 / 255, 0.8)}
        figures = {}
        for name, (strength, size) in cases.items():
            random = np.random.default_rng(7)
            ratios = []
            for photograph in self.held_back:
                clean = photograph[:256, :256].astype(np.float32) / 255
                curve = np.full(LEVELS, strength, np.float32)
                noisy = clean + strength * grain_field(random, clean.shape, size)
                picture, curves, grain = (
                    torch.from_numpy(part).to(device)
                    for part in (noisy[None, None], curve[None], np.full((1, 1, 1, 1), size, np.float32))
                )
                level = level_map(picture, curves, network.block)  # type: ignore[arg-type]
                result = (picture - network(picture, level, grain)).cpu().numpy()[0, 0]
                ratios.append(-10 * np.log10(np.mean((result - clean) ** 2)))
            figures[name] = float(np.mean(ratios))
        return figures

    def _sample(self, random: np.random.Generator) -> tuple[NDArray[Any], ...]:
        clean = self._patch(random)
        strength = STRONGEST * (random.random() if random.random() < 0.75 else random.random() * 0.3)
        given = np.full(LEVELS, strength, np.float32)
        size = 0.0
        true = given
        if random.random() < 0.4:
            size = COARSEST * random.random() ** 1.5
            true = given * _curve(random)
            given = true * random.uniform(0.9, 1.1)
        local = np.interp(clean, np.linspace(0, 1, LEVELS), true).astype(np.float32)
        noisy = clean + local * grain_field(random, clean.shape, size)
        if random.random() < 0.4:
            noisy = np.round(np.clip(noisy, 0, 1) * 255).astype(np.float32) / 255
        return clean, noisy, given.astype(np.float32), np.float32(size)  # type: ignore[return-value]

    def _patch(self, random: np.random.Generator) -> NDArray[np.float32]:
        pool = self.others if self.others and random.random() < 0.4 else self.photographs
        photograph = pool[int(random.integers(len(pool)))]
        side = self.side
        if random.random() < 0.45:  # reduced, they are sharp to the pixel and without traces of compression
            side = min(int(side * random.uniform(1.1, 2.5)), *photograph.shape)
        top = random.integers(photograph.shape[0] - side + 1)
        left = random.integers(photograph.shape[1] - side + 1)
        patch = photograph[top : top + side, left : left + side].astype(np.float32) / np.float32(255)
        if side != self.side:
            smaller = cv2.resize(patch, (self.side, self.side), interpolation=cv2.INTER_AREA)
            patch = smaller.astype(np.float32, copy=False)
        if random.random() < 0.1:
            cloth = np.clip(4 * mottle(patch.shape, 40, random) - 1.5, 0, 1)
            patch = patch + cloth.astype(np.float32) * (weave(patch, random).clip(0, 1) - patch)
        if random.random() < 0.5:
            patch = patch.T
        if random.random() < 0.5:
            patch = patch[:, ::-1]
        if random.random() < 0.5:
            patch = patch[::-1]
        if random.random() < 0.15:
            low, high = np.sort(random.random(2, dtype=np.float32))
            patch = low + (high - low) * patch
        return np.ascontiguousarray(patch, dtype=np.float32)


def initialize_from(network: nn.Module, known: Mapping[str, Tensor]) -> None:
    """Give `network` the weights of a smaller or equal one; blocks missing from it begin as the identity.

    Raises
    ------
    ValueError
        `known` holds weights that the network has no layer for.
    """
    unlike = network.load_state_dict(known, strict=False)
    if unlike.unexpected_keys:
        raise ValueError(f"the initial weights belong to a larger network: {unlike.unexpected_keys}")
    for name, parameter in network.named_parameters():
        if name in unlike.missing_keys and ".second." in name:
            nn.init.zeros_(parameter)


def grain_field(random: np.random.Generator, shape: tuple[int, ...], size: float) -> NDArray[np.float32]:
    """Return Gaussian noise of unit variance and `shape`, blurred by `size` px; 0 is white noise."""
    if size < 0.2:
        return random.standard_normal(shape, dtype=np.float32)
    reach = int(np.ceil(3 * size))
    kernel = cv2.getGaussianKernel(2 * reach + 1, size)
    white = random.standard_normal(tuple(side + 2 * reach for side in shape), dtype=np.float32)
    blurred = cv2.sepFilter2D(white, -1, kernel, kernel)[reach:-reach, reach:-reach]
    return np.asarray(blurred / (kernel**2).sum(), np.float32)


def _curve(random: np.random.Generator) -> NDArray[np.float32]:
    """Draw how strong grain is over luminance: a parabola, weak in blacks or whites or neither."""
    values = random.uniform(0.3, 1.0, 3)
    return (
        np.polyval(np.polyfit((0, 0.5, 1), values, 2), np.linspace(0, 1, LEVELS)).clip(0.1).astype(np.float32)
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and export when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, required=True, help="folder with the tar shards")
    parser.add_argument("--into", type=Path, required=True, help="folder for checkpoints and log")
    parser.add_argument("--seconds", type=float, default=3600, help="time budget over all resumptions")
    parser.add_argument("--steps", type=int, default=10**7, help="optimizer steps at most")
    parser.add_argument("--samples", type=int, default=24, help="patches in a batch")
    parser.add_argument("--side", type=int, default=64, help="side of a patch, px")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--processes", type=int, default=0, help="that draw batches; for a GPU")
    parser.add_argument("--shards", type=int, default=1, help="color shards to learn from as well")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--start", type=Path, help="folder of exported weights to start from")
    parser.add_argument("--export", metavar="VERSION", help="write the weights under this version")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder for the weights")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    shards = training_shards(chosen.photographs)[: chosen.shards]
    task = DenoisingTask(
        read_photographs([chosen.photographs / "grey-fullres.tar"]),
        read_photographs(shards),
        samples=chosen.samples,
        side=chosen.side,
    )
    schedule = Schedule(
        steps=chosen.steps,
        seconds=chosen.seconds,
        learning_rate=chosen.rate,
        muon=True,
        ahead=2 * chosen.processes,
    )
    drawn = DrawnInParallel(task, chosen.processes) if chosen.processes else task
    network: nn.Module = DenoisingNetwork(**SETTINGS)
    if chosen.start:
        initialize_from(network, load("grain", DenoisingNetwork, chosen.start)[1].state_dict())
    network = train(network, drawn, schedule, chosen.into, device=chosen.device)
    if chosen.export:
        with torch.inference_mode():
            figures = task.validate(network)
        learned_from = ", ".join(["grey-fullres.tar (187 of 199)", *(shard.name for shard in shards)])
        export(network, _descriptor(chosen.export, schedule, figures, learned_from), chosen.weights)


def _descriptor(
    version: str, schedule: Schedule, figures: Mapping[str, float], learned_from: str
) -> RestorationDescriptor:
    network = DenoisingNetwork(**SETTINGS)
    return RestorationDescriptor(
        name="grain",
        version=version,
        network=DenoisingNetwork.__name__,
        settings=dict(SETTINGS),
        size=SizeRequirements(multiple_of=network.multiple),
        context=CONTEXT,
        training={
            "photographs": f"{learned_from}; see restoration/weights/README.md",
            "schedule": describe(schedule),
            "validation_psnr": dict(figures),
        },
    )


CONTEXT = 32
"""Pixels around a tile that matter to its result; what lies beyond changes it imperceptibly."""

if __name__ == "__main__":
    main()
