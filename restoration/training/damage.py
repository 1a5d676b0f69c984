"""Synthetic damage: shapes of real and procedural defects composited on clean photographs.

Film and paper record density, so that is where damage acts: it pulls the density of what it covers towards
its own, clear (dust on a negative, a scratch through a print) or dense (dirt on a print, a crack that holds
dirt), by its opacity. A pixel counts as damaged where the change is visible; where it is barely
visible, the pixel is doubtful and counts neither way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.kinds import DamageKind
from restoration.training.layers import Layers, Size, draw_layers
from restoration.training.shapes import Random, Shapes

Grey = NDArray[np.float32]
"""H×W; encoded grey values or coverages, both in [0, 1]."""

Draw = Callable[[DamageKind, Size, Shapes, float, Random], Layers]

GAMMA = 2.2
"""Encoding of grey values; density = −log10(value**GAMMA)."""
DENSEST = 5.0
"""Density of black; beyond it a picture holds nothing."""
SHOWS = 0.045
"""Change of the encoded value from which damage counts as such."""
HARDLY_SHOWS = 0.012
"""Change of the encoded value up to which a pixel counts as sound."""
_OTHERS = {
    DamageKind.HAIR: 0.22,
    DamageKind.SCRATCH: 0.28,
    DamageKind.CRACK: 0.2,
    DamageKind.LOSS: 0.1,
    DamageKind.MOLD: 0.2,
}
"""How often each kind other than dust is drawn: the hardest to find most often."""


@dataclass(frozen=True)
class Damaged:
    """A photograph with damage and the truth about it.

    Parameters
    ----------
    picture, clean
        H×W encoded values with and without the damage.
    kinds
        H×W uint8, the `DamageKind` of each damaged pixel, 0 elsewhere.
    doubtful
        H×W, true where damage is barely visible: such pixels count neither way.
    """

    picture: Grey
    clean: Grey
    kinds: NDArray[np.uint8]
    doubtful: NDArray[np.bool_]


def damage(
    clean: Grey,
    shapes: Shapes,
    random: Random,
    kinds: Collection[DamageKind] | None = None,
    shows: float = SHOWS,
    *,
    draw: Draw = draw_layers,
) -> Damaged:
    """Add damage to a clean photograph.

    Parameters
    ----------
    clean
        H×W encoded grey values in [0, 1].
    shapes
        Outlines of real defects, used in addition to procedural ones.
    random
        The only source of randomness.
    kinds
        Which to add; by default dust half the time and one or two other kinds.
    shows
        Change of the encoded value from which a pixel counts as damaged; grainy pictures need a larger one.
    draw
        Where layers come from: `draw_layers`, or another that looks different.
    """
    if kinds is None:
        kinds = _some_kinds(random)
    density = _density(clean)
    owner = np.zeros(clean.shape, np.uint8)
    strongest = np.zeros(clean.shape, np.float32)
    scale = float(np.exp(random.uniform(np.log(0.3), np.log(1.3))))
    for kind in sorted(kinds, reverse=True):
        for coverage, target in draw(kind, clean.shape, shapes, scale, random):
            density += coverage * (target - density)
            stronger = coverage > np.maximum(strongest, 0.02)
            owner[stronger] = kind
            np.maximum(strongest, coverage, out=strongest)
    picture = np.where(strongest > 0, _from_density(density), clean)
    change = abs(picture - clean)
    damaged = (strongest > 0.2) & _seen(change, strongest, shows)
    doubtful = ~damaged & ((change > HARDLY_SHOWS) | (strongest > 0.1))
    return Damaged(picture, clean, np.where(damaged, owner, 0).astype(np.uint8), doubtful)


def _seen(change: Grey, coverage: Grey, shows: float) -> NDArray[np.bool_]:
    """Return where the value changed, and the inside of what is covered and changed for the most part."""
    changed = (change >= shows).view(np.uint8)
    beside = cv2.dilate(changed, np.ones((3, 3), np.uint8)) > 0
    around = cv2.blur(changed.astype(np.float32), (9, 9)) > 0.35
    return np.asarray((beside & (change >= 0.5 * shows)) | (around & (coverage > 0.8)))


def _some_kinds(random: Random) -> set[DamageKind]:
    others = list(_OTHERS)
    chance = list(_OTHERS.values())
    chosen = {others[i] for i in random.choice(len(others), random.integers(1, 3), replace=False, p=chance)}
    return chosen | {DamageKind.DUST} if random.random() < 0.5 else chosen


def _density(encoded: Grey) -> Grey:
    floor = 10 ** (-DENSEST / GAMMA)
    return np.asarray(-GAMMA * np.log10(np.maximum(encoded, floor)), np.float32)


def _from_density(density: Grey) -> Grey:
    return np.asarray(np.power(np.float32(10), density / np.float32(-GAMMA)).clip(0, 1), np.float32)
