"""The training loop: one-cycle rate, growing crops, averaged weights, checkpoints, a time budget.

Reads an album; writes ``checkpoint.pt`` (replaced as a whole) and ``log.jsonl`` into its folder. A repeat
resumes from the checkpoint. Batch *i* depends only on the seed and *i*, so that a resumed run of a given
number of steps ends with the same weights as one that was never stopped. A crash loses the steps since the
last checkpoint.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from colorization.network import SIZE_MULTIPLE, ColorNetwork
from colorization.training.augment import Sample, crop, develop
from colorization.training.critic import Critic, shown
from colorization.training.hinting import simulate
from colorization.training.shards import Album
from colorization.training.targets import Loss, Palette, measure_palette, palette_of
from imaging.fixity import atomic_path
from imaging.networks.training.log import TrainingLog
from imaging.networks.training.optimizer import Optimizer

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"

ENDS = ("hint_stem", "spread", "classify", "regress")
"""Layers of the network between hints and features, and between features and colors."""


@dataclass(frozen=True)
class Recipe:
    """What decides a run.

    Parameters
    ----------
    seconds, steps
        The budget: whichever is given; with `steps` a run is repeatable to the bit on one machine.
    batch
        Crops per step at 128 px; larger crops come in smaller batches.
    crops
        ``(share of the budget after which, side in px)``, growing.
    least_side
        Side that no crop falls below, px.
    encoder_rate, decoder_rate
        Highest learning rates.
    muon
        Whether the decoder's convolutions are stepped by Muon; see `imaging.networks.training.optimizer`.
    averaging
        Decay of the averaged weights, per step.
    criticism, criticized_from
        How much the critic's word counts, and the share of the budget after which it is asked.
    width
        Of the network's decoder.
    workers
        Threads that cut crops.
    replicas
        Parts of a batch that are learned side by side, each by one thread of its own: on a CPU that others
        use too this is several times faster than splitting every operation, which waits for the slowest.
    """

    seconds: float | None = None
    steps: int | None = None
    seed: int = 0
    batch: int = 24
    crops: tuple[tuple[float, int], ...] = ((0.0, 128), (0.5, 160), (0.85, 192))
    least_side: int = 0
    encoder_rate: float = 5e-4
    decoder_rate: float = 2e-3
    muon: bool = False
    weight_decay: float = 0.02
    averaging: float = 0.998
    criticism: float = 0.15
    criticized_from: float = 0.4
    width: int = 96
    workers: int = 1
    replicas: int = 1
    checkpoint_seconds: float = 120.0
    log_every: int = 25

    def side(self, progress: float) -> int:
        """Return the crop's side at `progress` 0–1, px."""
        return max(self.least_side, [side for start, side in self.crops if progress >= start][-1])

    def rate(self, progress: float) -> float:
        """Return the share of the highest rate at `progress` 0–1: up for 4 %, then a cosine down."""
        rise = 0.04
        if progress < rise:
            return 0.05 + 0.95 * progress / rise
        return 0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * (progress - rise) / (1 - rise)))


Measure = Callable[[ColorNetwork, Palette], dict[str, float]]
"""Figures of the averaged weights, for the log."""


class Trainer:
    """One run in one folder.

    Parameters
    ----------
    album
        Photographs to learn from.
    folder
        Where the checkpoint and the log lie.
    recipe
        What decides the run.
    device
        ``cpu`` or ``cuda``.
    pretrained
        ImageNet weights under `Encoder`'s names; ``None`` starts from noise.
    start
        A whole network's weights to go on from instead; their palette is kept, whatever the album.
    critic
        Compares the colors shown with the true ones; ``None`` does without.

    Raises
    ------
    ValueError
        The recipe has no budget or two.
    """

    def __init__(
        self,
        album: Album,
        folder: Path,
        recipe: Recipe,
        *,
        device: str = "cpu",
        pretrained: dict[str, Tensor] | None = None,
        start: dict[str, Tensor] | None = None,
        critic: Critic | None = None,
    ) -> None:
        if (recipe.seconds is None) == (recipe.steps is None):
            raise ValueError("a recipe has either seconds or steps")
        self._album, self._folder, self._recipe = album, folder, recipe
        self._device = torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        stored = self._stored()
        palette = _palette(stored, start, album)
        self.palette = Palette(palette.bins.to(self._device), palette.prior.to(self._device))
        self.network = self._place(ColorNetwork(palette.bins, recipe.width))
        if pretrained is not None:
            self.network.encoder.load_state_dict(pretrained)
        if start is not None:
            self._begin_from(start)
        self.averaged = self._place(ColorNetwork(palette.bins, recipe.width)).eval()
        self.averaged.load_state_dict(self.network.state_dict())
        self._optimizer = self._make_optimizer()
        critic = None if critic is None else critic.to(self._device)
        self._loss = Loss(self.palette, critic, recipe.criticism)
        self._hands = ThreadPoolExecutor(recipe.replicas)
        self.step, self.spent = 0, 0.0
        if stored:
            self._restore(stored)

    def run(self, measure: Measure | None = None, measure_seconds: float = 600.0) -> ColorNetwork:
        """Train until the budget is spent; return the averaged network."""
        cv2.setNumThreads(1)
        started, already = time.monotonic(), self.spent
        saved = measured = started
        log = TrainingLog(self._folder / LOG)
        with ThreadPoolExecutor(self._recipe.workers) as pool:
            ahead = [self._submit(pool, self.step + i) for i in range(self._recipe.workers + 1)]
            while self._progress() < 1:
                parts = self._learn(*ahead.pop(0).result())
                now = time.monotonic()
                self.spent = already + now - started
                ahead.append(self._submit(pool, self.step + len(ahead)))
                log.add(parts)
                if self.step % self._recipe.log_every == 0:
                    log.write_losses(self.step, self.spent, rate=self._recipe.rate(self._progress()))
                if now - saved > self._recipe.checkpoint_seconds:
                    self.save()
                    saved = now
                if measure is not None and now - measured > measure_seconds:
                    log.write(self.step, self.spent, **measure(self.averaged, self.palette))
                    measured = time.monotonic()
        self.save()
        if measure is not None:
            log.write(self.step, self.spent, **measure(self.averaged, self.palette))
        return self.averaged

    def advance(self) -> dict[str, float]:
        """Take one step; return the loss and its parts."""
        batch = self._cut(self.step, self._recipe.side(self._progress()))
        return {name: float(value) for name, value in self._learn(*batch).items()}

    def save(self) -> None:
        """Replace the checkpoint as a whole."""
        state = {
            "step": self.step,
            "spent": self.spent,
            "bins": self.palette.bins.cpu(),
            "prior": self.palette.prior.cpu(),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "recipe": json.dumps(asdict(self._recipe)),
        }
        with atomic_path(self._folder / CHECKPOINT) as partial:
            torch.save(state, partial)

    def _stored(self) -> dict[str, Any] | None:
        path = self._folder / CHECKPOINT
        return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None

    def _restore(self, stored: dict[str, Any]) -> None:
        self.network.load_state_dict(stored["network"])
        self.averaged.load_state_dict(stored["averaged"])
        self._optimizer.load_state_dict(stored["optimizer"])
        self.step, self.spent = stored["step"], stored["spent"]

    def _begin_from(self, start: dict[str, Tensor]) -> None:
        counters = {n: v for n, v in self.network.state_dict().items() if not v.is_floating_point()}
        weights = {n: v for n, v in start.items() if n != "log_weight"}
        self.network.load_state_dict({**counters, **weights})

    def _place(self, network: ColorNetwork) -> ColorNetwork:
        return network.to(device=self._device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _make_optimizer(self) -> Optimizer:
        recipe = self._recipe
        return Optimizer(
            self.network,
            rate=recipe.decoder_rate,
            decay=recipe.weight_decay,
            decay_vectors=False,
            pretrained="encoder",
            pace=recipe.encoder_rate / recipe.decoder_rate,
            muon=recipe.muon,
            ends=ENDS,
        )

    def _learning(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def _progress(self, step: int | None = None) -> float:
        if self._recipe.steps is not None:
            return (self.step if step is None else step) / self._recipe.steps
        return self.spent / (self._recipe.seconds or 1.0)

    def _submit(self, pool: ThreadPoolExecutor, step: int) -> Future[tuple[int, NDArray[np.uint8]]]:
        return pool.submit(self._cut, step, self._recipe.side(self._progress(step)))

    def _cut(self, step: int, side: int) -> tuple[int, NDArray[np.uint8]]:
        random = np.random.default_rng((self._recipe.seed, step))
        count = max(2, round(self._recipe.batch * (128 / side) ** 2))
        return step, np.stack([crop(p, side, random) for p in self._album.draw(random, count)])

    def _differentiate(
        self, step: int, piece: int, pixels: NDArray[np.uint8]
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        sample, planes, random = self._prepare(step, piece, pixels)
        with torch.autocast(self._device.type, torch.bfloat16):
            features = self.network.features(sample.lightness, planes)
            criticized = self._progress(step) >= self._recipe.criticized_from
            loss, parts = self._loss(self.network, features, sample, random, criticized=criticized)
        return torch.autograd.grad(loss, self._learning()), {"loss": loss.detach(), **parts}

    def _prepare(
        self, step: int, piece: int, pixels: NDArray[np.uint8]
    ) -> tuple[Sample, Tensor, torch.Generator]:
        seed = ((self._recipe.seed * 64 + piece) << 32) + step
        random = torch.Generator(self._device).manual_seed(seed)
        sample = develop(torch.from_numpy(pixels).to(self._device), random)
        planes, chroma = simulate(sample.chroma, sample.lightness, random, self._guess)
        return Sample(sample.lightness, chroma), planes, random

    @torch.no_grad()
    def _guess(self, lightness: Tensor, random: torch.Generator) -> Tensor:
        """Return what the averaged network says of a batch seen at a half to all of its size."""
        side = lightness.shape[-1]
        least = max(1, side // (2 * SIZE_MULTIPLE))
        cells = torch.randint(least, side // SIZE_MULTIPLE + 1, (1,), generator=random, device=random.device)
        small = F.interpolate(lightness, size=(int(cells) * SIZE_MULTIPLE,) * 2, mode="area")
        with torch.autocast(self._device.type, torch.bfloat16):
            features = self.averaged.features(small)
            logits = self.averaged.classify(features)
        said = shown(logits, self.palette.bins)
        return F.interpolate(said, size=(side, side), mode="bilinear", align_corners=False)

    def _learn(self, step: int, pixels: NDArray[np.uint8]) -> dict[str, Tensor]:
        self.network.train()
        self.network.encoder.eval()  # ImageNet's statistics hold, and small batches would not improve them
        pieces = np.array_split(pixels, self._recipe.replicas)
        results = list(self._hands.map(self._differentiate, [step] * len(pieces), range(len(pieces)), pieces))
        gradients = [torch.stack(same).mean(0) for same in zip(*(r[0] for r in results), strict=True)]
        parts = {name: torch.stack([r[1][name] for r in results]).mean() for name in results[0][1]}
        parameters = self._learning()
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameters, 5.0)
        self._optimizer.step(self._recipe.decoder_rate * self._recipe.rate(self._progress()))
        self._average()
        self.step += 1
        return parts

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self._recipe.averaging, (1 + self.step) / (10 + self.step))
        mine = [t for t in self.averaged.state_dict().values() if t.is_floating_point()]
        theirs = [t for t in self.network.state_dict().values() if t.is_floating_point()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)


def _palette(stored: dict[str, Any] | None, start: dict[str, Tensor] | None, album: Album) -> Palette:
    if stored:
        return Palette(stored["bins"], stored["prior"])
    return measure_palette(album) if start is None else palette_of(start)
