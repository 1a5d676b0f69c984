"""Teaching the detector: ``python -m restoration.training.detector FOLDER --photos … --defects …``.

Reads tar shards of photographs and the outlines of real defects. Writes checkpoints and a log into FOLDER,
and at the end the weights with their descriptor. A repeat goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from restoration.defects import CUES, DETECTOR, cues_of, cues_on_device
from restoration.kinds import DamageKind
from restoration.models import ModelDescriptor, export
from restoration.network import CompactUNet
from restoration.training.backgrounds import add_grain, digitize, draw_background
from restoration.training.damage import HELD_OUT_SCANS, SHOWS, Shapes, damage
from restoration.training.decoys import add_decoy
from restoration.training.loop import Lesson, Schedule, describe, train
from restoration.training.processes import DrawnInProcesses
from restoration.training.shards import read_photographs

HELD_OUT_PHOTOGRAPHS = 30
"""The last so many photographs of the grey shard are kept for measuring."""
WIDTHS = (16, 32, 64, 96, 128)
OUTPUTS = 1 + len(DamageKind)
"""One map of whether there is damage, and one for each kind it may be."""

_SMALL_PHOTOGRAPHS = 8000
"""More would take gigabytes of memory and teach little."""
_UNDAMAGED = 0.3
"""Share of samples without damage; two thirds of them hold decoys."""
_DECOYS_AMONG_DAMAGED = 0.15


def draw_sample(
    photographs: Sequence[NDArray[np.uint8]], shapes: Shapes, side: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return a picture and its kinds, 255 where they are doubtful."""
    clean = draw_background(photographs, side, random)
    undamaged = random.random() < _UNDAMAGED
    if random.random() < (0.65 if undamaged else _DECOYS_AMONG_DAMAGED):
        clean = add_decoy(clean, random)
    clean, sigma = add_grain(clean, random)
    if undamaged:
        return digitize(clean, random), np.zeros(clean.shape, np.uint8)
    damaged = damage(clean.clip(0, 1), shapes, random, shows=max(SHOWS, 1.6 * sigma))
    kinds = np.where(damaged.doubtful, 255, damaged.kinds).astype(np.uint8)
    return digitize(damaged.picture, random), kinds


class DetectionLesson:
    """Binary cross-entropy and Dice on where, cross-entropy on what kind.

    Parameters
    ----------
    photographs
        To learn from.
    held_out
        To validate on.
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
        side: int = 192,
        validation: int = 96,
    ) -> None:
        self.photographs, self.shapes = photographs, shapes
        self.samples, self.side = samples, side
        random = np.random.default_rng(7)
        self._validation = [draw_sample(held_out, held_out_shapes, 256, random) for _ in range(validation)]

    def batch(self, random: np.random.Generator) -> Mapping[str, Tensor]:
        """Draw pictures and kinds (255: doubtful), N×S×S uint8 each."""
        drawn = [draw_sample(self.photographs, self.shapes, self.side, random) for _ in range(self.samples)]
        pictures, kinds = (np.stack(part) for part in zip(*drawn, strict=True))
        coded = np.rint(pictures * 255).astype(np.uint8)  # exact: `digitize` left nothing finer
        return {"picture": torch.from_numpy(coded), "kinds": torch.from_numpy(kinds)}

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of one batch."""
        cues = cues_on_device(batch["picture"].float() / 255)
        maps = network(cues.contiguous(memory_format=torch.channels_last)).float()
        kinds = batch["kinds"]
        known, damaged = kinds != 255, (kinds > 0) & (kinds != 255)
        where = _where_loss(maps[:, 0], damaged.float(), known.float())
        labels = torch.where(damaged, kinds.long() - 1, -1)
        what = functional.cross_entropy(maps[:, 1:], labels, ignore_index=-1, reduction="sum")
        return where + 0.5 * what / (damaged.sum() + 64)

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Return F1 overall and by kind, and the share of false alarms on undamaged pictures."""
        table = np.zeros((OUTPUTS, OUTPUTS), np.int64)
        false = sound = 0
        for picture, kinds in self._validation:
            maps = network(torch.from_numpy(cues_of(picture))[None]).float()[0].detach()
            found = torch.where(maps[0] > 0, maps[1:].argmax(0) + 1, 0).numpy()
            known = kinds != 255
            table += np.bincount(
                kinds[known].astype(np.int64) * OUTPUTS + found[known], minlength=OUTPUTS**2
            ).reshape(OUTPUTS, OUTPUTS)
            if not kinds.any():
                false, sound = false + int((found > 0).sum()), sound + found.size
        return {**f1_scores(table), "false_alarms": false / max(1, sound)}


def f1_scores(table: NDArray[np.int64]) -> dict[str, float]:
    """Return F1 of damage against none, and of each kind, from pixel counts ``[truth, found]``."""
    hit = table[1:, 1:].sum()
    scores = {"f1": float(2 * hit / max(1, 2 * hit + table[0, 1:].sum() + table[1:, 0].sum()))}
    for kind in DamageKind:
        alike = table[kind, kind]
        scores[f"f1_{kind.label}"] = float(2 * alike / max(1, table[kind].sum() + table[:, kind].sum()))
    return scores


def _where_loss(logits: Tensor, damaged: Tensor, known: Tensor) -> Tensor:
    cross = functional.binary_cross_entropy_with_logits(logits, damaged, weight=known * (1 + 2 * damaged))
    probability = logits.sigmoid() * known
    both = (probability * damaged).sum((1, 2))
    dice = 1 - (2 * both + 20) / (probability.sum((1, 2)) + damaged.sum((1, 2)) + 20)
    return 4 * cross + 0.5 * dice.mean()


def arguments_for(description: str | None) -> argparse.ArgumentParser:
    """Return the parser that the training entries of detector and mender share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="for checkpoints, the log and the exported weights")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the tar shards")
    parser.add_argument("--defects", type=Path, required=True, help="outlines of real defects, gzipped JSON")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=0, help="that draw batches; for a GPU")
    return parser


def drawn_by(lesson: Lesson, processes: int) -> Lesson:
    """Return `lesson`, drawn by so many processes, by this one for 0."""
    return DrawnInProcesses(lesson, processes) if processes else lesson


Photographs = list[NDArray[np.uint8]]


def photographs_and_shapes(photos: Path, defects: Path) -> tuple[Photographs, Photographs, Shapes, Shapes]:
    """Return photographs to learn from and held out, and the outlines of real defects for either."""
    grey = read_photographs([photos / "grey-fullres.tar"])
    learn, held_out = grey[:-HELD_OUT_PHOTOGRAPHS], grey[-HELD_OUT_PHOTOGRAPHS:]
    small = read_photographs(sorted(photos.glob("train-*.tar")), limit=_SMALL_PHOTOGRAPHS)
    # The sharp ones are few and worth more: as often as the small ones.
    photographs = small + learn * max(1, len(small) // max(1, len(learn)))
    others = [scan for scan in range(1, 11) if scan not in HELD_OUT_SCANS]
    return photographs, held_out, Shapes(defects, others), Shapes(defects, HELD_OUT_SCANS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the detector and export its weights."""
    chosen = arguments_for(__doc__).parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    photographs, held_out, shapes, held_out_shapes = photographs_and_shapes(chosen.photos, chosen.defects)
    lesson = DetectionLesson(
        photographs, held_out, shapes, held_out_shapes, samples=chosen.samples, side=chosen.side
    )
    schedule = Schedule(
        steps=chosen.steps,
        seconds=chosen.seconds,
        learning_rate=2e-3,
        weight_decay=0.01,
        validate_every=1000,
        ahead=2 * chosen.processes,
    )
    settings: dict[str, Any] = {"inputs": CUES, "outputs": OUTPUTS, "widths": list(WIDTHS), "normalize": True}
    taught = drawn_by(lesson, chosen.processes)
    network = train(CompactUNet(**settings), taught, schedule, chosen.folder, device=chosen.device)
    descriptor = ModelDescriptor(
        name=DETECTOR,
        version="1",
        network="restoration.network.CompactUNet",
        settings=settings,
        multiple=2 ** len(WIDTHS),
        context=64,
        training={"schedule": describe(schedule), "validation": dict(lesson.validate(network))},
    )
    export(network, descriptor, chosen.folder)


if __name__ == "__main__":
    main()
