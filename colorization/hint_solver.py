"""Hint propagation: the difference between hint and prediction is spread through the hinted region.

A network weighs its hint input against its own prediction, but an archivist's hint must hold. So the network
predicts, `hint_reach` estimates how probably each cell shares each hinted place's color, and here the
differences are spread by weighted least squares,

    min_u  Σ_i c_i (u_i − t_i)² + λ Σ_ij w_ij (u_i − u_j)²,

where t is the target that the reach yields (zero where nothing is similar), c its certainty, w small across
edges of L*, and hinted cells are practically fixed. Solved by rounds of tridiagonal systems along columns and
rows (fast global smoother, Min et al. 2014, https://doi.org/10.1109/TIP.2014.2366600).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorization import gamut
from colorization.edge_aware import smoothed
from colorization.hint_reach import Scene, reach
from colorization.hints import Hint, rasterize
from colorization.working import resized
from imaging.lab import fit_gamut

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SMOOTHNESS = 5.0
"""λ of the least squares."""

EDGE = 3.0
"""L* units between two cells at which their link has a weight of 1/e."""

FIXED = 1e4
"""Weight of a hinted cell; a cell whose reach is certain has 1."""

UNDECIDED = 0.02
"""Weight of a cell whose reach is undecided."""

SHADING = 0.5
"""How a hint's chroma grows with L* in its region: 0 not at all, 1 as on lit surfaces (a*b* ∝ L* + 16)."""

_SHADES = 0.4, 1.4

LIMITED = 1.0
"""Distance from the nearest color in the gamut from which L* counts as limiting a hint, a*b* units."""


@dataclass(frozen=True)
class HintOutcome:
    """The outcome of one hint.

    Parameters
    ----------
    asked
        a*b* of the hint.
    holdable
        The nearest a*b* within sRGB at the place's L*.
    reached
        a*b* at the hinted place, the mean over its cells.
    limited
        Whether the hint's color is outside the gamut at this L*.
    covered
        Whether later hints cover the place completely; then they hold there.
    """

    asked: tuple[float, float]
    holdable: tuple[float, float]
    reached: tuple[float, float]
    limited: bool
    covered: bool


@dataclass(frozen=True)
class Solution:
    """Color that obeys hints.

    Parameters
    ----------
    chroma
        2×h×w, a*b*.
    influence
        h×w, 0–1: how much hints, rather than the prediction, determined the color.
    outcomes
        One for each hint, in their order.
    """

    chroma: Array
    influence: Array
    outcomes: tuple[HintOutcome, ...]


def solve(
    lightness: Array, chroma: Array, hints: Sequence[Hint], likelihood: Array | None = None
) -> Solution:
    """Make a prediction obey hints.

    Parameters
    ----------
    lightness
        h×w, L* 0–100; about 256 cells long is enough for any photograph.
    chroma
        2×h×w, predicted a*b*.
    hints
        Where two overlap, the later one holds.
    likelihood
        K×h'×w', predicted probabilities over colors at any size, by which similar cells are found.
    """
    if not hints:
        return Solution(chroma, np.zeros_like(lightness), ())
    places = _places(hints, *lightness.shape)
    placed = [_PlacedHint(hint, place) for hint, place in zip(hints, places, strict=True) if place.any()]
    targets, influence, weight = _targets(lightness, chroma, placed, likelihood)
    planes = np.concatenate([targets, influence[None]])
    spread = smoothed(planes, lightness, smoothness=SMOOTHNESS, edge=EDGE, weight=weight)
    influence = spread[2].clip(0, 1)
    colored = _holdable(lightness, chroma + spread[:2], influence)
    outcomes = (_outcome(lightness, colored, hint, place) for hint, place in zip(hints, places, strict=True))
    return Solution(colored, influence, tuple(outcomes))


@dataclass(frozen=True)
class _PlacedHint:
    """A hint, and the cells (h×w) where no later one covers it."""

    hint: Hint
    place: Mask

    @property
    def color(self) -> Array:
        return _color(self.hint)


def _targets(
    lightness: Array, chroma: Array, placed: Sequence[_PlacedHint], likelihood: Array | None
) -> tuple[Array, Array, Array]:
    """Return the least squares' t, for a*b* (2×h×w) and for the influence (h×w), and c (h×w)."""
    height, width = lightness.shape
    hints = [one.hint for one in placed]
    alike = reach(Scene.of(lightness, chroma, likelihood), hints)
    share = _shares(alike, hints)
    light = np.array([lightness[one.place].mean() for one in placed], np.float32)
    facts = np.stack([np.append(one.color, tone) for one, tone in zip(placed, light, strict=True)], 1)
    # Mixed at the scene's size, for there may be hundreds of hints; only the mixture is enlarged.
    mixed = [*np.tensordot(facts, share, 1), alike.max(0)]
    first, second, tone, influence = (resized(plane.astype(np.float32), width, height) for plane in mixed)
    target = np.stack([first, second]) * np.clip((lightness + 16) / (tone + 16), *_SHADES) ** SHADING
    weight = UNDECIDED + (2 * influence - 1) ** 2
    targets = influence * (target - chroma)
    for one in placed:
        targets[:, one.place] = gamut.nearest(lightness[one.place], one.color).T - chroma[:, one.place]
        influence[one.place], weight[one.place] = 1, FIXED
    return np.asarray(targets, np.float32), influence, weight


def _places(hints: Sequence[Hint], height: int, width: int) -> list[Mask]:
    """Return the cells of each hint; later ones cover earlier ones."""
    places: list[Mask] = []
    free = np.ones((height, width), bool)
    for hint in reversed(hints):
        disc = rasterize([hint], height, width)[2] > 0
        places.insert(0, disc & free)
        free &= ~disc
    return places


def _shares(alike: Array, hints: Sequence[Hint]) -> Array:
    """Return the weight of each hint at each cell, n×h×w, sum 1, by similarity and nearness."""
    height, width = alike.shape[1:]
    y, x = np.ogrid[:height, :width]
    worth = np.empty_like(alike)
    for number, hint in enumerate(hints):
        away = ((x + 0.5 - hint.x * width) ** 2 + (y + 0.5 - hint.y * height) ** 2) / max(height, width) ** 2
        worth[number] = (1e-6 + alike[number] / (1.02 - alike[number])) / (away + hint.radius**2)
    return np.asarray(worth / worth.sum(0), np.float32)


def _holdable(lightness: Array, chroma: Array, influence: Array) -> Array:
    """Bring colors into sRGB to the extent that hints determined them; pure predictions stay as they are."""
    lab = np.concatenate([lightness[..., None], chroma.transpose(1, 2, 0)], -1)
    fitted = fit_gamut(lab)[..., 1:].transpose(2, 0, 1)
    return np.asarray(chroma + influence * (fitted - chroma), np.float32)


def _outcome(lightness: Array, colored: Array, hint: Hint, place: Mask) -> HintOutcome:
    covered = not place.any()
    cells = rasterize([hint], *lightness.shape)[2] > 0 if covered else place
    asked = _color(hint)
    held = gamut.nearest(lightness[cells], asked).mean(0)
    limited = bool(np.linalg.norm(asked - held) > LIMITED)
    return HintOutcome(_pair(asked), _pair(held), _pair(colored[:, cells].mean(1)), limited, covered)


def _color(hint: Hint) -> Array:
    return np.array([hint.a, hint.b], np.float32)


def _pair(color: Array) -> tuple[float, float]:
    return float(color[0]), float(color[1])
