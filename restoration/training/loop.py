"""One training loop for the networks of restoration.

Reads nothing itself and writes one folder: ``checkpoint.pt`` (replaced atomically), ``log.jsonl`` (appended).
A repeat with the same folder resumes from the checkpoint; a kill loses the steps since the last one. Step *n*
draws from generators seeded by ``(seed, n)`` alone, so that an interrupted run is, step for step, the
same as an uninterrupted one. What a network learns is a `TrainingTask`; the same task runs on CPU and GPU.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from imaging.fixity import atomic_path
from imaging.networks.training.log import TrainingLog
from imaging.networks.training.optimizer import Optimizer

Batch = Mapping[str, Tensor]
"""Named tensors, first axis the samples."""


class TrainingTask(Protocol):
    """What a network is to learn."""

    def batch(self, random: np.random.Generator) -> Batch:
        """Draw one batch on the CPU, from `random` alone; may run in a thread ahead of its step."""

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the scalar loss of `batch` on the network's device; torch is seeded by the step."""

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Return figures of `network` (averaged weights, evaluation mode) on held-out data."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Parameters
    ----------
    steps
        Optimizer steps at most.
    seconds
        Time budget over all resumptions, validation included. With the default only `steps` ends the run,
        and a resumed run equals an uninterrupted one exactly.
    pretrained, pretrained_pace
        Name of the network's part that has learned before, if any, and the share of the rate that it gets.
    muon
        Whether convolutions are stepped by Muon, see `imaging.networks.training.optimizer`.
    learning_rate, warmup, weight_decay, clip
        AdamW's peak rate, the share of the run over which the rate rises, decay, largest gradient norm. After
        the warm-up the rate falls along a half cosine to a hundredth of the peak, by whichever of steps and
        seconds is further spent.
    average
        Largest decay of the moving average of the weights, which is what is validated and exported.
    half
        bfloat16 autocast (CPU and GPU); weights and optimizer stay float32.
    log_every, validate_every, checkpoint_every
        Steps between log lines, validations and checkpoints.
    ahead
        Batches drawn ahead by threads; 0 draws in the loop itself.
    seed
        Of everything random.
    """

    steps: int
    seconds: float = math.inf
    pretrained: str = ""
    pretrained_pace: float = 0.3
    muon: bool = False
    learning_rate: float = 1e-3
    warmup: float = 0.03
    weight_decay: float = 0.0
    clip: float = 1.0
    average: float = 0.999
    half: bool = True
    log_every: int = 100
    validate_every: int = 2000
    checkpoint_every: int = 500
    ahead: int = 0
    seed: int = 0

    def rate(self, progress: float) -> float:
        """Return the learning rate when `progress` (0–1) of the run is spent."""
        if progress < self.warmup:
            return self.learning_rate * (progress + 1e-3) / (self.warmup + 1e-3)
        past = min(1.0, (progress - self.warmup) / max(1e-9, 1 - self.warmup))
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * past)))


def train(
    network: nn.Module,
    task: TrainingTask,
    schedule: Schedule,
    folder: Path,
    *,
    device: str | torch.device = "cpu",
) -> nn.Module:
    """Train `network` on the `task`; return the averaged weights, on the CPU, in evaluation mode."""
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(network, schedule, torch.device(device))
    run.resume(folder / "checkpoint.pt")
    log = TrainingLog(folder / "log.jsonl")
    for batch in _batches(task, schedule, run.step):
        progress = max(run.step / schedule.steps, run.seconds / schedule.seconds)
        if progress >= 1:
            break
        log.add({"loss": run.advance(task, batch, schedule.rate(progress))})
        if run.step % schedule.log_every == 0:
            log.write_losses(run.step, run.seconds)
        if run.step % schedule.validate_every == 0:
            log.write(run.step, run.seconds, **run.validate(task))
        if run.step % schedule.checkpoint_every == 0:
            run.save(folder / "checkpoint.pt")
    run.save(folder / "checkpoint.pt")
    log.write(run.step, run.seconds, **run.validate(task), end=True)
    averaged: nn.Module = run.averaged.module
    return averaged.to("cpu").eval()


class _Run:
    """Everything that a checkpoint holds, and what one step does to it."""

    def __init__(self, network: nn.Module, schedule: Schedule, device: torch.device) -> None:
        torch.manual_seed(schedule.seed)
        self.schedule = schedule
        self.device = device
        self.network = network.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.averaged = AveragedModel(self.network, multi_avg_fn=self._average, use_buffers=True)
        self.optimizer = Optimizer(
            self.network,
            rate=schedule.learning_rate,
            decay=schedule.weight_decay,
            pretrained=schedule.pretrained,
            pace=schedule.pretrained_pace,
            muon=schedule.muon,
        )
        self.step = 0
        self._started = time.monotonic()

    @torch.no_grad()
    def _average(self, averaged: Sequence[Tensor], current: Sequence[Tensor], number: Tensor | int) -> None:
        """Move the averaged weights towards the current ones, far at first: a short run forgets its start."""
        decay = min(self.schedule.average, (1 + int(number)) / (10 + int(number)))
        for mine, its in zip(averaged, current, strict=True):
            if mine.is_floating_point():
                mine.lerp_(its.to(mine.dtype), 1 - decay)
            else:
                mine.copy_(its)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def advance(self, task: TrainingTask, batch: Batch, rate: float) -> Tensor:
        torch.manual_seed(self.schedule.seed * 1_000_003 + self.step)
        on_device = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        with torch.autocast(self.device.type, torch.bfloat16) if self.schedule.half else nullcontext():
            loss = task.loss(self.network, on_device)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.optimizer.step(rate)
        self.averaged.update_parameters(self.network)
        self.step += 1
        return loss.detach()

    def validate(self, task: TrainingTask) -> Mapping[str, float]:
        self.averaged.eval()
        with torch.inference_mode():
            figures = task.validate(self.averaged.module)
        self.averaged.train()
        return figures

    def save(self, path: Path) -> None:
        state = {part: getattr(self, part).state_dict() for part in ("network", "averaged", "optimizer")}
        with atomic_path(path) as partial:
            torch.save({**state, "step": self.step, "seconds": self.seconds}, partial)

    def resume(self, path: Path) -> None:
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        for part in ("network", "averaged", "optimizer"):
            getattr(self, part).load_state_dict(state[part])
        self.step = state["step"]
        self._started = time.monotonic() - state["seconds"]


def _batches(task: TrainingTask, schedule: Schedule, first: int) -> Iterator[Batch]:
    def draw(step: int) -> Batch:
        return task.batch(np.random.default_rng((schedule.seed, step)))

    steps = itertools.count(first)
    if not schedule.ahead:
        yield from map(draw, steps)
        return
    pool = ThreadPoolExecutor(schedule.ahead)
    try:
        waiting = deque(pool.submit(draw, next(steps)) for _ in range(schedule.ahead))
        while True:
            waiting.append(pool.submit(draw, next(steps)))
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def describe(schedule: Schedule) -> dict[str, Any]:
    """Return `schedule` as JSON-able values for a descriptor; an unlimited time budget becomes ``None``."""
    return {
        name: None if isinstance(value, float) and math.isinf(value) else value
        for name, value in asdict(schedule).items()
    }
