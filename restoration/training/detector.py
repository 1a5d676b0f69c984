"""Train the detector: ``python -m restoration.training.detector FOLDER --photos … --defects …``.

Reads tar shards of photographs and the outlines of real defects. Writes checkpoints and a log into FOLDER,
and at the end the weights with their descriptor. A repeat resumes from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imaging.networks.training.pretrained import lite0_weights
from imaging.scan import open_scan
from restoration.defects import CUES, DETECTOR, cues_on_device
from restoration.kinds import DamageKind
from restoration.network import MultiscaleDetector
from restoration.training.backgrounds import add_grain, digitize, draw_background, recopy
from restoration.training.command import TrainingData, arguments_for, read_training_data, train_and_export
from restoration.training.damage import SHOWS, damage
from restoration.training.distractors import add_distractor
from restoration.training.layers import draw_layers
from restoration.training.marked import DOUBTFUL, fold_of, read_marked
from restoration.training.prints import Overlays, PrintMaterial, draw_print
from restoration.training.shapes import Shapes
from restoration.training.wear import draw_worn_layers

WIDTHS = (32, 48, 64, 96, 128)
OUTPUTS = 1 + len(DamageKind)
"""One map of whether there is damage, and one for each kind it may be."""

_UNDAMAGED = 0.3
"""Share of samples without damage; two thirds of them hold distractors."""
_DISTRACTORS_AMONG_DAMAGED = 0.15
_MISTAKEN = 0.5
_MISTAKEN_AMONG_DAMAGED = 0.1
"""Shares of samples cut from hard negatives, where such are given."""
_SCANS = 0.25
"""Share of old scans among the other samples, where such are given."""
_WORN = 0.35
"""Share of damaged samples worn as paper prints are, and of all samples that look copied more than once."""
_WEAR = frozenset({DamageKind.DUST, DamageKind.SCRATCH, DamageKind.CRACK})
"""What worn prints have together."""
_SIDES = (2 / 3, 1, 4 / 3)
"""Sides of a batch's pictures beside the nominal one: small ones are cut from sharper photographs, large ones
show more of a long defect."""
_WHOLE_SIDES = (1 / 3, 1 / 3, 2 / 3, 1)
"""The same for whole pictures: multiples of 128 px at a nominal side of 384."""
_NEAR = 0.3
"""How much the look at its own size counts beside a whole picture's judgement."""
_BALANCE = (0.5, 4.0)
"""Least and most that a pixel counts, by how few of its kind there are."""
_HARDEST = 96
"""The sound pixels of a picture that look most like damage have a loss term of their own: the network is used
at a threshold with very few false alarms, and all other pixels together would outweigh them."""


def draw_sample(
    photographs: Sequence[NDArray[np.uint8]],
    shapes: Shapes,
    side: int,
    random: np.random.Generator,
    *,
    mistaken: Sequence[NDArray[np.uint8]] = (),
    scans: Sequence[NDArray[np.uint8]] = (),
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return a picture and its kinds, 255 where they are doubtful.

    Hard negatives (`mistaken`) and old `scans` are drawn more often.
    """
    undamaged = random.random() < _UNDAMAGED
    again = mistaken and random.random() < (_MISTAKEN if undamaged else _MISTAKEN_AMONG_DAMAGED)
    worn = not undamaged and random.random() < _WORN
    if not again and scans and random.random() < _SCANS:
        photographs = scans
    clean = draw_background(mistaken if again else photographs, side, random)
    if worn and random.random() < 0.5:  # abrasion shows most on dark prints
        clean = clean ** np.float32(random.uniform(1.3, 3.0))
    if not worn and random.random() < (0.65 if undamaged else _DISTRACTORS_AMONG_DAMAGED):
        clean = add_distractor(clean, random)
    clean, sigma = add_grain(clean, random)
    finish = recopy if random.random() < _WORN else digitize
    if undamaged:
        return finish(clean, random), np.zeros(clean.shape, np.uint8)
    draw, shows = draw_worn_layers if worn else draw_layers, max(SHOWS, 1.6 * sigma)
    kinds_of_wear = _WEAR if worn and random.random() < 0.6 else None
    damaged = damage(clean.clip(0, 1), shapes, random, kinds_of_wear, shows, draw=draw)
    kinds = np.where(damaged.doubtful, 255, damaged.kinds).astype(np.uint8)
    return finish(damaged.picture, random), kinds


class DetectionTask:
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
    mistaken
        Hard negatives: photographs without damage in which a detector found some, see
        `restoration.training.hard_negatives`.
    scans
        Old scans without damage.
    prints
        Whole prints to show among the others, see `restoration.training.prints`.
    print_share
        How often.
    whole
        Teach the judgement of whole pictures from looks at three scales, instead of a single look.
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
        mistaken: Sequence[NDArray[np.uint8]] = (),
        scans: Sequence[NDArray[np.uint8]] = (),
        prints: PrintMaterial | None = None,
        print_share: float = 0.7,
        whole: bool = False,
    ) -> None:
        self.whole = whole
        self.prints, self.print_share = prints, print_share if prints else 0.0
        self.photographs, self.shapes, self.mistaken, self.scans = photographs, shapes, mistaken, scans
        self.samples, self.side = samples, side
        random = np.random.default_rng(7)
        self._validation = [draw_sample(held_out, held_out_shapes, 256, random) for _ in range(validation)]

    def batch(self, random: np.random.Generator) -> Mapping[str, Tensor]:
        """Draw pictures and kinds (255: doubtful), N×S×S uint8 each; the larger the pictures, the fewer."""
        share = random.choice(_WHOLE_SIDES if self.whole else _SIDES)
        side, samples = round(self.side * share / 32) * 32, max(1, round(self.samples / share**2))
        drawn = [self._draw(side, random) for _ in range(samples)]
        pictures, kinds = (np.stack(part) for part in zip(*drawn, strict=True))
        coded = np.rint(pictures * 255).astype(np.uint8)  # exact: nothing finer was left
        return {"picture": torch.from_numpy(coded), "kinds": torch.from_numpy(kinds)}

    def _draw(self, side: int, random: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        if self.prints is not None and random.random() < self.print_share:
            return draw_print(self.prints, side, random)
        return draw_sample(
            self.photographs, self.shapes, side, random, mistaken=self.mistaken, scans=self.scans
        )

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of one batch; beside a whole picture's judgement the near look counts a little."""
        kinds = batch["kinds"]
        looks = self._looks(network, batch["picture"].float() / 255)
        loss = _loss(looks[0], kinds)
        return _NEAR * loss + _loss(_judged(network, looks), kinds) if self.whole else loss

    def _looks(self, network: nn.Module, pictures: Tensor) -> list[Tensor]:
        """Return the maps of the looks at N×H×W pictures, near first."""
        looks = []
        for _ in range(MultiscaleDetector.SCALES if self.whole else 1):
            cues = cues_on_device(pictures)
            looks.append(network(cues.contiguous(memory_format=torch.channels_last)).float())
            pictures = functional.avg_pool2d(pictures[:, None], 2)[:, 0]
        return looks

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Return F1 overall and by kind, and the share of false alarms on undamaged pictures."""
        table = np.zeros((OUTPUTS, OUTPUTS), np.int64)
        false = sound = 0
        for picture, kinds in self._validation:
            looks = self._looks(network, torch.from_numpy(picture)[None])
            maps = (_judged(network, looks) if self.whole else looks[0])[0].detach()
            found = torch.where(maps[0] > 0, maps[1:].argmax(0) + 1, 0).numpy()
            known = kinds != DOUBTFUL
            table += np.bincount(
                kinds[known].astype(np.int64) * OUTPUTS + found[known], minlength=OUTPUTS**2
            ).reshape(OUTPUTS, OUTPUTS)
            if not kinds.any():
                false, sound = false + int((found > 0).sum()), sound + found.size
        return {**f1_scores(table), "false_alarms": false / max(1, sound)}


def _judged(network: nn.Module, looks: Sequence[Tensor]) -> Tensor:
    with torch.autocast(looks[0].device.type, enabled=False):  # few channels: nothing to be won
        return cast(MultiscaleDetector, network).fused(looks)


def _loss(maps: Tensor, kinds: Tensor) -> Tensor:
    """Return how far `maps`, N×C×H×W, are from `kinds`, N×H×W."""
    known, damaged = kinds != DOUBTFUL, (kinds > 0) & (kinds != DOUBTFUL)
    weight = _balance(kinds * damaged)
    where = _where_loss(maps[:, 0], damaged.float(), known.float(), weight)
    labels = torch.where(damaged, kinds.long() - 1, -1)
    what = functional.cross_entropy(maps[:, 1:], labels, ignore_index=-1, reduction="none")
    return where + 0.5 * (what * weight).sum() / (weight.sum() + 64)


def f1_scores(table: NDArray[np.int64]) -> dict[str, float]:
    """Return F1 of damage against none, and of each kind, from pixel counts ``[truth, found]``."""
    hit = table[1:, 1:].sum()
    scores = {"f1": float(2 * hit / max(1, 2 * hit + table[0, 1:].sum() + table[1:, 0].sum()))}
    for kind in DamageKind:
        alike = table[kind, kind]
        scores[f"f1_{kind.label}"] = float(2 * alike / max(1, table[kind].sum() + table[:, kind].sum()))
    return scores


def _balance(kinds: Tensor) -> Tensor:
    """Return how much each damaged pixel counts, 0 for sound ones: rare and thin kinds count more."""
    counts = torch.bincount(kinds.flatten().long(), minlength=OUTPUTS).float()
    weight = (counts[1:].mean() / counts.clamp_min(1)).sqrt().clamp(*_BALANCE)
    weight[0] = 0
    return weight[kinds.long()]


def _where_loss(logits: Tensor, damaged: Tensor, known: Tensor, weight: Tensor) -> Tensor:
    cross = functional.binary_cross_entropy_with_logits(logits, damaged, weight=known * (1 + 2 * weight))
    probability = logits.sigmoid() * known
    both = (probability * damaged).sum((1, 2))
    dice = 1 - (2 * both + 20) / (probability.sum((1, 2)) + damaged.sum((1, 2)) + 20)
    mistaken = functional.softplus(logits) * (known * (1 - damaged))
    hardest = mistaken.flatten(1).topk(_HARDEST).values
    return 4 * cross + 0.5 * dice.mean() + 0.2 * hardest.mean()


def _grey(path: Path) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = open_scan(path).colourspace("b-w").numpy()
    return grey


def _prints(chosen: argparse.Namespace, data: TrainingData) -> PrintMaterial:
    """Return what prints are made of; nothing of the marked prints that are left out is in it."""
    marked = read_marked(chosen.marked) if chosen.marked else []
    left_out = [one for one in marked if fold_of(one.name, marked) == chosen.fold]
    learned = [one for one in marked if fold_of(one.name, marked) != chosen.fold]
    overlays = Overlays(chosen.overlays, chosen.cracks, without=[one.name for one in left_out])
    share = chosen.marked_share if learned else 0.0
    return PrintMaterial(data.photographs, data.sharp, data.shapes, overlays, learned, share)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the detector and export its weights."""
    parser = arguments_for(__doc__)
    parser.add_argument("--mistaken", type=Path, help="what `restoration.training.hard_negatives` wrote")
    parser.add_argument("--scans", type=Path, nargs="+", default=[], help="old scans without damage")
    parser.add_argument("--overlays", type=Path, help="tar of photographed folds, to show whole prints")
    parser.add_argument("--cracks", type=Path, help="tar of masks of cracks, with --overlays")
    parser.add_argument("--marked", type=Path, help="folder of real prints marked by hand, to learn from")
    parser.add_argument("--marked-share", type=float, default=0.3, help="of the prints that are shown")
    parser.add_argument("--fold", type=int, help="the third of the marked prints to leave out, 0 to 2")
    parser.add_argument("--whole", action="store_true", help="teach the judgement of whole pictures")
    chosen = parser.parse_args(arguments)
    data = read_training_data(chosen.photos, chosen.defects)
    numbers = json.loads(chosen.mistaken.read_text()) if chosen.mistaken else []
    task = DetectionTask(
        data.photographs,
        data.held_out,
        data.shapes,
        data.held_out_shapes,
        samples=chosen.samples,
        side=chosen.side,
        mistaken=[data.small[number] for number in numbers],
        scans=[_grey(path) for path in chosen.scans],
        prints=_prints(chosen, data) if chosen.overlays else None,
        whole=chosen.whole,
    )
    settings: dict[str, Any] = {"inputs": CUES, "outputs": OUTPUTS, "widths": list(WIDTHS)}
    network = MultiscaleDetector(**settings)
    if not chosen.start:
        weights = lite0_weights()
        encoder = network.look.encoder
        encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
    train_and_export(
        DETECTOR, network, settings, task, chosen, context=96, validate_every=500, pretrained="look.encoder"
    )


if __name__ == "__main__":
    main()
