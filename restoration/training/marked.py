"""Real photographs whose damage somebody marked by hand: read, cut for training, and laid on others as paint.

The damage of a marked print, cut out as a change of density to the mended picture, looks real on any clean
photograph (after Ghiasi et al. 2021, "Simple copy-paste", https://arxiv.org/abs/2012.07177).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.kinds import DamageKind
from restoration.training.damage import DENSEST, GAMMA

Grey = NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Kinds = NDArray[np.uint8]
"""H×W `DamageKind`, 0 sound, `DOUBTFUL` where it does not count."""
Random = np.random.Generator

DOUBTFUL = 255
MARKS: Mapping[int, int] = {
    1: DamageKind.SCRATCH,
    2: DamageKind.CRACK,
    3: DamageKind.DUST,
    4: DamageKind.LOSS,
    5: DamageKind.MOLD,
    DOUBTFUL: DOUBTFUL,
}
"""The kinds that masks of marked prints number, as `DamageKind`."""
FOLDS = 3
"""Parts of the marked prints that are left out in turn, to judge by."""


@dataclass(frozen=True)
class MarkedPrint:
    """A real photograph and what somebody marked on it.

    Parameters
    ----------
    name
        Of its file, without suffix.
    picture
        H×W encoded grey values.
    kinds
        H×W; all 0 for a sound one.
    """

    name: str
    picture: Grey
    kinds: Kinds

    @property
    def damaged(self) -> bool:
        """Whether anything is marked on it."""
        return bool(((self.kinds > 0) & (self.kinds != DOUBTFUL)).any())


def read_marked(folder: Path) -> list[MarkedPrint]:
    """Read ``images/`` and ``masks/`` of a folder of marked prints, in the order of their names."""
    prints = []
    for path in sorted((folder / "images").iterdir()):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        marks = cv2.imread(str(next((folder / "masks").glob(f"{path.stem}.*"))), cv2.IMREAD_GRAYSCALE)
        if grey is None or marks is None:
            raise ValueError(f"{path}: the picture or its mask does not decode; fetch it again")
        table = np.zeros(256, np.uint8)
        for mark, kind in MARKS.items():
            table[mark] = kind
        prints.append(MarkedPrint(path.stem, grey.astype(np.float32) / np.float32(255), table[marks]))
    return prints


def fold_of(name: str, prints: Sequence[MarkedPrint]) -> int:
    """Return the fold of a print: damaged and sound ones are each dealt out in the order of their names."""
    damaged = next(one.damaged for one in prints if one.name == name)
    return [one.name for one in prints if one.damaged == damaged].index(name) % FOLDS


def cut_marked(marked: MarkedPrint, side: int, random: Random) -> tuple[Grey, Kinds]:
    """Return a part of a marked print, resized, turned and faded at random, and its kinds, S×S each."""
    picture, kinds = _resized(marked, side, random)
    top, left = (int(random.integers(length - side + 1)) for length in picture.shape)
    places = np.argwhere((kinds > 0) & (kinds != DOUBTFUL))
    if len(places) and random.random() < 0.7:  # where something is marked
        first = places[int(random.integers(len(places)))] - (random.uniform(0, 1, 2) * side).astype(int)
        top, left = (int(np.clip(first[i], 0, picture.shape[i] - side)) for i in (0, 1))
    cut: Grey = picture[top : top + side, left : left + side].clip(0, 1)
    cut_kinds = kinds[top : top + side, left : left + side]
    quarter = int(random.integers(4))
    cut, cut_kinds = np.rot90(cut, quarter), np.rot90(cut_kinds, quarter)
    if random.random() < 0.5:
        cut, cut_kinds = cut[:, ::-1], cut_kinds[:, ::-1]
    cut = cut ** np.float32(np.exp(random.normal(0, 0.3)))
    if random.random() < 0.4:
        black, white = random.uniform(0, 0.2), random.uniform(0.75, 1)
        cut = np.float32(black) + np.float32(white - black) * cut
    coded = np.rint(cut * 255).clip(0, 255).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(coded), np.ascontiguousarray(cut_kinds)


def _resized(marked: MarkedPrint, side: int, random: Random) -> tuple[Grey, Kinds]:
    """Return a marked print at a random size, no smaller than `side`."""
    scale = float(np.exp(random.uniform(np.log(0.45), np.log(1.3))))
    scale = max(scale, side / min(marked.picture.shape))
    width, height = (max(side, round(length * scale)) for length in marked.picture.shape[::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(marked.picture, (width, height), interpolation=method), np.float32)
    if scale < 1:
        return picture, _reduced_kinds(marked.kinds, (width, height))
    enlarged = cv2.resize(marked.kinds, (width, height), interpolation=cv2.INTER_NEAREST)
    return picture, np.asarray(enlarged, np.uint8)


def _reduced_kinds(kinds: Kinds, size: tuple[int, int]) -> Kinds:
    """Return kinds at a smaller size: a pixel is damaged where a third of it is, so that thin lines stay."""
    reduced = np.zeros(size[::-1], np.uint8)
    strongest = np.full(size[::-1], 0.3, np.float32)
    for kind in (DOUBTFUL, *DamageKind):
        share = cv2.resize((kinds == kind).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        stronger = share > strongest
        reduced[stronger] = kind
        np.maximum(strongest, share, out=strongest)
    return reduced


def lay_on(clean: Grey, marked: Sequence[MarkedPrint], random: Random, shows: float) -> tuple[Grey, Kinds]:
    """Return a photograph with the damage of a marked print on it, turned and resized, and its kinds."""
    damaged = [one for one in marked if one.damaged]
    one = damaged[int(random.integers(len(damaged)))]
    holes = ((one.kinds > 0) & (one.kinds != DOUBTFUL)).view(np.uint8)
    hidden = cv2.dilate((one.kinds > 0).view(np.uint8), np.ones((3, 3), np.uint8))
    coded = np.rint(one.picture * 255).astype(np.uint8)
    mended = cv2.inpaint(coded, hidden, 5, cv2.INPAINT_TELEA).astype(np.float32) / np.float32(255)
    change = _density(one.picture) - _density(mended)
    target = clean.shape
    scale = float(np.exp(random.uniform(np.log(0.6), np.log(1.8)))) * max(target) / max(holes.shape)
    scale = float(np.clip(scale, 0.3, 2.0))
    middle = (holes.shape[1] / 2, holes.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(
        middle, float(random.choice([0, 90, 180, 270])) + random.normal(0, 8), scale
    )
    turn[:, 2] += random.uniform(0.2, 0.8, 2) * target[::-1] - np.array(middle)
    soft = cv2.warpAffine(holes.astype(np.float32), turn, target[::-1], flags=cv2.INTER_AREA)
    change = np.asarray(cv2.warpAffine(change, turn, target[::-1], flags=cv2.INTER_LINEAR), np.float32)
    kinds = cv2.warpAffine(one.kinds, turn, target[::-1], flags=cv2.INTER_NEAREST)
    gain = random.uniform(0.6, 1.4) * (-1 if random.random() < 0.12 else 1)
    density = _density(clean) + np.float32(gain) * change * np.clip(1.5 * soft, 0, 1)
    picture = np.power(np.float32(10), density / np.float32(-GAMMA)).clip(0, 1).astype(np.float32)
    picture = np.where(soft > 0, picture, clean)
    seen = cv2.dilate((abs(picture - clean) >= shows).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    truth = np.where((kinds != DOUBTFUL) & (kinds > 0) & seen, kinds, 0)
    truth[(truth == 0) & (abs(picture - clean) > 0.012)] = DOUBTFUL
    return np.asarray(picture, np.float32), truth.astype(np.uint8)


def _density(encoded: Grey) -> Grey:
    floor = 10 ** (-DENSEST / GAMMA)
    return np.asarray(-GAMMA * np.log10(np.maximum(encoded, floor)), np.float32)
