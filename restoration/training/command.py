"""What the training commands of detector and mender share: arguments, data, the run, the export."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imaging.networks.descriptor import SizeRequirements
from imaging.networks.training.shards import read_photographs, training_shards
from restoration.models import RestorationDescriptor, load
from restoration.training.export import export
from restoration.training.loop import Schedule, TrainingTask, describe, train
from restoration.training.parallel_drawing import DrawnInParallel
from restoration.training.shapes import HELD_OUT_SCANS, Shapes

HELD_OUT_PHOTOGRAPHS = 30
"""Number of photographs, the last of the grey shard, that are kept for measuring."""
_SHARP = 0.5
"""Sharp photographs per small one: they are few and worth more, but must not be memorized."""


def arguments_for(description: str | None) -> argparse.ArgumentParser:
    """Return the parser that both commands use."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="for checkpoints, the log and the exported weights")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the tar shards")
    parser.add_argument("--defects", type=Path, required=True, help="outlines of real defects, gzipped JSON")
    parser.add_argument("--start", type=Path, help="folder of exported weights to start from")
    parser.add_argument("--version", default="1", help="of the exported weights")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--pace", type=float, default=0.3, help="share of it for the pretrained part")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=0, help="processes that draw batches; for a GPU")
    return parser


@dataclass(frozen=True)
class TrainingData:
    """Photographs to learn from and held out, and the outlines of real defects for either.

    `small` are those of `photographs` that the shards number, `sharp` the others, each once.
    """

    photographs: list[NDArray[np.uint8]]
    small: list[NDArray[np.uint8]]
    sharp: list[NDArray[np.uint8]]
    held_out: list[NDArray[np.uint8]]
    shapes: Shapes
    held_out_shapes: Shapes


def read_training_data(photos: Path, defects: Path) -> TrainingData:
    """Read the shards and the outlines."""
    grey = read_photographs([photos / "grey-fullres.tar"])
    learn, held_out = grey[:-HELD_OUT_PHOTOGRAPHS], grey[-HELD_OUT_PHOTOGRAPHS:]
    small = read_photographs(training_shards(photos))
    photographs = small + learn * max(1, round(_SHARP * len(small) / max(1, len(learn))))
    others = [scan for scan in range(1, 11) if scan not in HELD_OUT_SCANS]
    shapes, held_out_shapes = Shapes(defects, others), Shapes(defects, HELD_OUT_SCANS)
    return TrainingData(photographs, small, learn, held_out, shapes, held_out_shapes)


def train_and_export(
    name: str,
    network: nn.Module,
    settings: Mapping[str, Any],
    task: TrainingTask,
    chosen: argparse.Namespace,
    *,
    context: int = 64,
    validate_every: int = 2000,
    pretrained: str = "encoder",
) -> None:
    """Train the model `name`, a `network` made with these `settings`, as `chosen`, and export it.

    `context` is how many pixels around a tile matter to its result, `pretrained` the part that had learned.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    schedule = Schedule(
        steps=chosen.steps,
        seconds=chosen.seconds,
        learning_rate=chosen.rate,
        weight_decay=0.01,
        pretrained=pretrained,
        pretrained_pace=chosen.pace,
        muon=True,
        validate_every=validate_every,
        ahead=2 * chosen.processes,
    )
    kind = type(network)
    if chosen.start:
        network.load_state_dict(load(name, kind, chosen.start)[1].state_dict())
    drawn = DrawnInParallel(task, chosen.processes) if chosen.processes else task
    learned = train(network, drawn, schedule, chosen.folder, device=chosen.device)
    descriptor = RestorationDescriptor(
        name=name,
        version=chosen.version,
        network=f"{kind.__module__}.{kind.__qualname__}",
        settings=settings,
        size=SizeRequirements(multiple_of=2 ** len(settings["widths"])),
        context=context,
        training={"schedule": describe(schedule), "validation": dict(task.validate(learned))},
    )
    export(learned, descriptor, chosen.folder)
