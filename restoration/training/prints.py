"""Whole prints as they come back from albums, for teaching the detector what is seen from afar.

A photograph is shown whole or nearly so, sometimes with its margin or mount, and is damaged at that scale:
photographed folds and dust (`Overlays`), broad creases whose emulsion came off, tears, losses over an area,
foxing and tide lines, beside the kinds of `restoration.training.layers` and `restoration.training.wear`.
Real damage cut from marked prints is laid on clean photographs as paint (after Ghiasi et al. 2021, "Simple
copy-paste", https://arxiv.org/abs/2012.07177), and the marked prints themselves are shown too.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.kinds import DamageKind
from restoration.training.backgrounds import add_grain, digitize, draw_background, recopy
from restoration.training.damage import SHOWS, damage
from restoration.training.distractors import add_distractor
from restoration.training.layers import (
    Coverage,
    Layers,
    Size,
    draw_layers,
    fill_outline,
    jagged_path,
    mottle,
    path_across,
    soften,
    stroke,
)
from restoration.training.marked import DOUBTFUL, MarkedPrint, cut_marked, lay_on
from restoration.training.shapes import Random, Shapes
from restoration.training.wear import draw_worn_layers

Grey = NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Kinds = NDArray[np.uint8]
"""H×W `DamageKind`, 0 sound, 255 where it does not count."""

_SMALL = 192
"""Longest side of a sample for which small photographs are large enough, px."""
_SHARP = 0.7
"""Share of sharp photographs among larger ones."""
_SOUND = 0.42
_MARGIN = 0.3
_KINDS = {
    DamageKind.DUST: 0.22,
    DamageKind.HAIR: 0.06,
    DamageKind.SCRATCH: 0.22,
    DamageKind.CRACK: 0.34,
    DamageKind.LOSS: 0.2,
    DamageKind.MOLD: 0.14,
}
"""How often each kind is drawn on a damaged print, each by itself."""


class Overlays:
    """Photographed folds and dusty surfaces, and the outlines of cracks, to lay on photographs.

    Parameters
    ----------
    overlays, cracks
        Tar files of pictures: ``fold-*.jpg``, and one-bit masks.
    without
        Names of marked prints whose cracks are left out, for they are measured on.
    """

    def __init__(self, overlays: Path, cracks: Path, without: Collection[str] = ()) -> None:
        self.folds = [_ridges(grey) for name, grey in _members(overlays) if name.startswith("fold-")]
        self.cracks = [
            np.asarray((mask > 0) * 255, np.uint8)
            for name, mask in _members(cracks)
            if not any(name.startswith(f"print-{marked}-") for marked in without)
        ]

    def fold(self, shape: Size, random: Random) -> Coverage:
        """Return how much of a picture the ridges of a fold cover, H×W in [0, 1]."""
        ridges = self.folds[int(random.integers(len(self.folds)))]
        low = 0.35 if random.random() < 0.5 else 0.7
        share = random.uniform(low, 1.0)
        height, width = (max(8, int(side * share)) for side in ridges.shape)
        top = int(random.integers(ridges.shape[0] - height + 1))
        left = int(random.integers(ridges.shape[1] - width + 1))
        part = ridges[top : top + height, left : left + width]
        part = np.rot90(part, int(random.integers(4)))
        return np.asarray(cv2.resize(part, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)

    def crack(self, shape: Size, random: Random) -> NDArray[np.uint8]:
        """Return a crack's mask somewhere on a picture, 0–255."""
        mask = self.cracks[int(random.integers(len(self.cracks)))]
        reach = random.uniform(0.15, 0.9) * max(shape) / max(mask.shape)
        scale = float(np.clip(reach, 0.3, 3.0))
        turn = cv2.getRotationMatrix2D((mask.shape[1] / 2, mask.shape[0] / 2), random.uniform(0, 360), scale)
        turn[0, 2] += random.uniform(0, 1) * shape[1] - mask.shape[1] / 2
        turn[1, 2] += random.uniform(0, 1) * shape[0] - mask.shape[0] / 2
        return np.asarray(cv2.warpAffine(mask, turn, shape[::-1], flags=cv2.INTER_LINEAR), np.uint8)


def _members(tar: Path) -> list[tuple[str, NDArray[np.uint8]]]:
    found = []
    with tarfile.open(tar) as stream:
        for member in stream:
            if not member.name.endswith((".jpg", ".png")):
                continue
            file = stream.extractfile(member)
            if file is not None:
                grey = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_GRAYSCALE)
                found.append((Path(member.name).name, np.asarray(grey, np.uint8)))
    return sorted(found, key=lambda named: named[0])


def _ridges(fold: NDArray[np.uint8]) -> Coverage:
    """Return what is light and narrow in a photographed fold as coverage: the sheet's shading is no ridge."""
    narrow = cv2.morphologyEx(fold, cv2.MORPH_TOPHAT, np.ones((31, 31), np.uint8)).astype(np.float32)
    strongest = float(np.percentile(narrow, 99.7))
    return np.asarray((narrow / max(1.0, strongest)).clip(0, 1), np.float32)


# --- damage ------------------------------------------------------------------------------------------


def draw_print_layers(  # noqa: PLR0917
    overlays: Overlays, kind: DamageKind, shape: Size, shapes: Shapes, scale: float, random: Random
) -> Layers:
    """Return layers of one kind of damage as a whole print shows it; see `restoration.training.layers`."""
    own: Mapping[DamageKind, Sequence[Callable[[Size, Random], Layers]]] = {
        DamageKind.CRACK: (
            partial(_fold, overlays),
            partial(_fold, overlays),
            partial(_outlined_crack, overlays),
            _broad_crease,
            _broad_crease,
        ),
        DamageKind.LOSS: (_flaked_area, _flaked_area, _flakes),
        DamageKind.MOLD: (_foxing, _tide),
        DamageKind.SCRATCH: (_arcs,),
    }
    if kind in own and random.random() < (0.7 if kind != DamageKind.SCRATCH else 0.35):
        draws = own[kind]
        return draws[int(random.integers(len(draws)))](shape, random)
    others = draw_worn_layers if random.random() < 0.6 else draw_layers
    return others(kind, shape, shapes, 0.5 * scale, random)


def _paper(random: Random) -> float:
    """Return the density of bared paper, now and then yellowed or soiled, seldom of a dark mount."""
    chance = random.random()
    if chance < 0.85:
        return float(random.uniform(0.0, 0.3))
    return float(random.uniform(0.3, 0.8) if chance < 0.95 else random.uniform(1.2, 2.2))


def _fold(overlays: Overlays, shape: Size, random: Random) -> Layers:
    ridges = overlays.fold(shape, random)
    coverage = np.clip(ridges * np.float32(random.uniform(0.8, 2.5)) - random.uniform(0.1, 0.35), 0, 1)
    return [(np.asarray(coverage * np.float32(random.uniform(0.6, 1)), np.float32), _paper(random))]


def _outlined_crack(overlays: Overlays, shape: Size, random: Random) -> Layers:
    mask = overlays.crack(shape, random)
    coverage = soften(mask, random.uniform(0.3, 1.0), random.uniform(0.5, 1.0))
    if random.random() < 0.5:
        coverage *= _patchy(shape, random)
    return [(coverage, _paper(random))]


def _patchy(shape: Size, random: Random) -> Coverage:
    return np.asarray(
        np.clip(2.4 * mottle(shape, int(random.integers(3, 24)), random) - 0.35, 0.1, 1), np.float32
    )


def _broad_crease(shape: Size, random: Random) -> Layers:
    """Return a fold whose emulsion came off in a ragged band, with the sheet's light and shade beside it."""
    if random.random() < 0.55:  # from side to side, upright or level
        vertical, place = random.random() < 0.5, random.uniform(0.1, 0.9)
        lean = random.normal(0, 0.03)
        ends = np.array([[-0.05, place - lean], [1.05, place + lean]]) * shape[::-1]
        if vertical:
            ends = np.array([[place - lean, -0.05], [place + lean, 1.05]]) * shape[::-1]
        path = jagged_path(ends[0], ends[1], random.uniform(0.003, 0.02), random)
    else:
        path = jagged_path(*path_across(shape, random), random.uniform(0.005, 0.06), random)
    if random.random() < 0.25:
        path = path[: max(2, int(len(path) * random.uniform(0.2, 0.7)))]
    width = float(np.exp(random.uniform(np.log(1.2), np.log(11))))
    band = np.zeros(shape, np.uint8)
    reach = 0.5 * width * random.uniform(0.15, 1.4, len(path))
    reach = np.convolve(reach, np.ones(3) / 3, mode="same")
    normal = np.gradient(path, axis=0)[:, ::-1] * [1, -1]
    normal /= np.maximum(1e-6, np.hypot(*normal.T))[:, None]
    rim = random.normal(0, 0.25 * width, (2, len(path), 1))
    sides = (path + normal * (reach[:, None] + rim[0]), path - normal * (reach[:, None] + rim[1]))
    fill_outline(band, np.concatenate((sides[0], sides[1][::-1])))
    stroke(band, path, max(0.8, 0.3 * width))
    layers: Layers = []
    if random.random() < 0.6:
        beside = np.zeros(shape, np.uint8)
        stroke(beside, path + normal * random.choice([-1, 1]) * width * random.uniform(0.6, 1.5), width)
        shade = soften(beside, width * random.uniform(0.3, 0.8), random.uniform(0.08, 0.35))
        layers.append((shade, 1.6 if random.random() < 0.6 else 0.1))
    coverage = soften(band, random.uniform(0.3, 1.0), random.uniform(0.45, 1.0))
    if random.random() < 0.6:
        coverage *= _patchy(shape, random)
    layers.append((coverage, _paper(random)))
    return layers


def _area(shape: Size, share: float, random: Random, rough: float = 0.5) -> NDArray[np.bool_]:
    """Return one or a few connected areas that take some `share` of a picture, with ragged rims."""
    coarse = max(6, int(max(shape) * random.uniform(0.1, 0.35)))
    field = mottle(shape, coarse, random)
    for fine in (coarse // 3, coarse // 8, 4):
        rough *= 0.5
        field = field + np.float32(rough) * mottle(shape, max(2, fine), random)
    center = random.uniform(0, 1, 2) * shape
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    distance = np.hypot(ys - center[0], xs - center[1]) / max(shape)
    field = field - np.float32(random.uniform(1.5, 4.0)) * distance
    return np.asarray(field > np.quantile(field, 1 - share))


def _flaked_area(shape: Size, random: Random) -> Layers:
    """Return a loss over an area: bare paper, a light rim of torn layers, sometimes islands left in it."""
    share = float(np.exp(random.uniform(np.log(0.002), np.log(0.15))))
    area = _area(shape, share, random)
    if random.random() < 0.3:
        area &= mottle(shape, int(random.integers(3, 14)), random) < 0.75
    bare = _paper(random)
    coverage = soften((area * 255).astype(np.uint8), random.uniform(0.3, 1.0), random.uniform(0.85, 1.0))
    layers: Layers = [(coverage, bare)]
    if random.random() < 0.5:  # paper is not even
        soil = (
            coverage
            * mottle(shape, int(random.integers(4, 40)), random)
            * np.float32(random.uniform(0.05, 0.3))
        )
        layers.append((np.asarray(soil, np.float32), float(random.uniform(0.3, 1.2))))
    return layers


def _flakes(shape: Size, random: Random) -> Layers:
    """Return flakes of very different size, strewn in a region."""
    canvas = np.zeros(shape, np.uint8)
    center, spread = random.uniform(0, 1, 2) * shape[::-1], random.uniform(0.05, 0.4) * max(shape)
    for _ in range(int(random.integers(2, 40))):
        turn = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(5, 12))))
        radius = float(np.exp(random.normal(np.log(3.0), 0.7)))
        reach = radius * random.uniform(0.4, 1.5, (len(turn), 1))
        place = center + random.normal(0, spread, 2)
        fill_outline(
            canvas, np.stack((np.cos(turn), random.uniform(0.4, 1) * np.sin(turn)), 1) * reach + place
        )
    return [(soften(canvas, random.uniform(0.2, 0.8), random.uniform(0.8, 1.0)), _paper(random))]


def _foxing(shape: Size, random: Random) -> Layers:
    canvas = np.zeros(shape, np.uint8)
    for _ in range(int(random.integers(2, 30))):
        place = random.uniform(0, 1, 2) * shape[::-1]
        radius = float(np.exp(random.normal(np.log(0.012 * max(shape)), 0.6)))
        turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        reach = radius * random.uniform(0.7, 1.3, (14, 1))
        fill_outline(canvas, np.stack((np.cos(turn), np.sin(turn)), 1) * reach + place)
    coverage = soften(canvas, random.uniform(1.0, 3.5), random.uniform(0.2, 0.7))
    target = float(random.uniform(0.6, 1.6) if random.random() < 0.7 else random.uniform(0, 0.3))
    return [(np.asarray(coverage * _patchy(shape, random), np.float32), target)]


def _tide(shape: Size, random: Random) -> Layers:
    """Return a stain with the darker rim that a dried liquid leaves."""
    area = (_area(shape, random.uniform(0.01, 0.2), random, rough=0.25) * 255).astype(np.uint8)
    inside = soften(area, random.uniform(1, 4), random.uniform(0.12, 0.4))
    rim = cv2.morphologyEx(area, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    target = float(random.uniform(0.6, 1.6) if random.random() < 0.75 else random.uniform(0, 0.3))
    return [(inside, target), (soften(np.asarray(rim, np.uint8), random.uniform(0.8, 2), 0.5), target)]


def _arcs(shape: Size, random: Random) -> Layers:
    """Return scratches in arcs, as something dragged over the surface leaves them."""
    canvas = np.zeros(shape, np.uint8)
    for _ in range(int(random.integers(1, 5))):
        center, radius = random.uniform(-0.5, 1.5, 2) * shape[::-1], random.uniform(0.1, 0.9) * max(shape)
        start, reach = random.uniform(0, 2 * np.pi), random.uniform(0.2, 1.5)
        turn = np.linspace(start, start + reach, 40)
        path = center + radius * np.stack((np.cos(turn), np.sin(turn)), 1)
        stroke(canvas, path, float(random.choice([0.7, 1.0, 1.5, 2.5])))
    coverage = soften(canvas, random.uniform(0.2, 0.9), random.uniform(0.3, 0.9))
    if random.random() < 0.7:
        coverage *= _patchy(shape, random)
    return [(coverage, _paper(random))]


# --- samples -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PrintMaterial:
    """What prints are made of.

    Parameters
    ----------
    photographs
        Grey photographs, uint8.
    sharp
        Large ones among them: a small photograph enlarged to a large sample is soft all over, and shown
        nothing else a detector takes whatever is sharp for damage.
    shapes
        Outlines of real defects.
    overlays
        Photographed folds and cracks.
    marked
        Real prints to learn from; may be empty.
    marked_share
        Share of samples that are cut from them, and again of samples that their damage is laid on.
    """

    photographs: Sequence[NDArray[np.uint8]]
    sharp: Sequence[NDArray[np.uint8]]
    shapes: Shapes
    overlays: Overlays
    marked: Sequence[MarkedPrint] = ()
    marked_share: float = 0.0


def draw_print(material: PrintMaterial, side: int, random: Random) -> tuple[Grey, Kinds]:
    """Return a print (S×S) and its kinds."""
    if material.marked and random.random() < material.marked_share:
        return cut_marked(material.marked[int(random.integers(len(material.marked)))], side, random)
    sharp = material.sharp and side > _SMALL and random.random() < _SHARP
    photographs = material.sharp if sharp else material.photographs
    clean = draw_background(photographs, side, random, turned=0.3)
    if random.random() < 0.3:  # dark prints are many, and show the most
        clean = clean ** np.float32(random.uniform(1.3, 2.5))
    sound = random.random() < _SOUND
    if random.random() < (0.5 if sound else 0.12):
        clean = add_distractor(clean, random)
    if random.random() < _MARGIN:
        clean = _mounted(clean, random)
    clean, sigma = add_grain(clean, random, 0.04)
    clean = np.asarray(clean.clip(0, 1), np.float32)
    finish = recopy if random.random() < 0.45 else digitize
    if sound:
        return finish(clean, random), np.zeros(clean.shape, np.uint8)
    shows = max(SHOWS, 1.4 * sigma)
    if material.marked and random.random() < material.marked_share:
        painted, kinds = lay_on(clean, material.marked, random, shows)
        return finish(painted, random), kinds
    kinds_drawn = {kind for kind, chance in _KINDS.items() if random.random() < 1.4 * chance}
    kinds_drawn = kinds_drawn or {DamageKind.CRACK}
    draw = partial(draw_print_layers, material.overlays)
    damaged = damage(clean, material.shapes, random, kinds_drawn, shows, draw=draw)
    kinds = np.where(damaged.doubtful, DOUBTFUL, damaged.kinds).astype(np.uint8)
    return finish(damaged.picture, random), kinds


def _mounted(picture: Grey, random: Random) -> Grey:
    """Return the print with its margin or mount around it, at the same size."""
    height, width = picture.shape
    left, right, top, bottom = (int(n) for n in random.uniform(0, 0.12, 4) * (width, width, height, height))
    inner = (max(8, width - left - right), max(8, height - top - bottom))
    small = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    tone = random.uniform(0.7, 1) if random.random() < 0.75 else random.uniform(0, 0.3)
    sheet = np.full(picture.shape, tone, np.float32)
    sheet += np.float32(0.06) * (mottle(picture.shape, 40, random) - np.float32(0.5))
    sheet[top : top + inner[1], left : left + inner[0]] = small
    return np.asarray(sheet.clip(0, 1), np.float32)
