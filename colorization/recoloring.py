"""Fast recoloring of a view while hints are edited: what does not depend on hints is computed once.

The network sees the whole photograph once without hints. For each set of hints it sees it once more, reduced,
and the difference is added with a weight that grows with the number of hints; the solver does the rest. The
network alone follows hints too little, and the solver alone cannot infer the light of the scene from ten true
hints: with many hints the two are better together than either alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization import guided_filter
from colorization.fullscale import Coefficients
from colorization.hint_reach import within
from colorization.hint_solver import HintOutcome, Solution, solve
from colorization.hints import Hint, rasterize
from colorization.models import ColorModel
from colorization.working import resized, size_at

Array = NDArray[np.float32]

SIDE = 256
"""Long side at which hints are solved, cells: a quarter of the usual working scale."""


GLOBAL_HINTS = 12.0
"""Number of hints that determine most of the global change; a single one determines next to nothing."""

_LEAST_SHARE = 0.01
"""A smaller weight is not worth running the network: a single hint is left to the solver."""


@dataclass(frozen=True)
class Recolored:
    """A view with hints.

    Parameters
    ----------
    chroma
        2×h×w, a*b*, at the view's size.
    influence
        h'×w', 0–1, at most `SIDE` cells long: how much hints determined the color.
    outcomes
        The outcome of each hint.
    """

    chroma: Array
    influence: Array
    outcomes: tuple[HintOutcome, ...]


@dataclass(frozen=True)
class Recoloring:
    """A photograph ready to be colored with one set of hints after another.

    Parameters
    ----------
    model
        The network; its hint input is used where it has one.
    lightness
        h×w, L*, of the view.
    small
        L* at the size that the network prefers.
    plain
        2×h×w, the prediction for `small` without hints.
    chroma
        2×h×w at most `SIDE` cells long: the colors shown without hints.
    likelihood
        K×h×w, probabilities over colors without hints.
    """

    model: ColorModel
    lightness: Array
    small: Array
    plain: Array
    chroma: Array
    likelihood: Array

    @classmethod
    def prepare(cls, model: ColorModel, lightness: Array, chroma: Array | None = None) -> Recoloring:
        """Compute what does not depend on hints.

        Parameters
        ----------
        model
            The network.
        lightness
            h×w, L* 0–100, of the view; 1,024 px long is enough.
        chroma
            2×h'×w', the a*b* shown without hints, such as a finished file's; the network's global
            prediction when `None`.
        """
        small = resized(lightness, *_size(lightness, model.descriptor.preferred_side))
        predicted = model.predict(small[None, None])
        width, height = _size(lightness, SIDE)
        shown = predicted.ab[0] if chroma is None else chroma
        return cls(
            model,
            lightness,
            small,
            predicted.ab[0],
            _planes(shown, width, height),
            within(predicted.probabilities[0], *small.shape),
        )

    def recolor(self, hints: Sequence[Hint]) -> Recolored:
        """Return the view's colors with these hints; the same hints give the same colors."""
        height, width = self.chroma.shape[1:]
        light = resized(self.lightness, width, height)
        solution = solve(light, self.chroma + self._global_change(hints), hints, self.likelihood)
        return Recolored(self._at_view(solution), solution.influence, solution.outcomes)

    def _global_change(self, hints: Sequence[Hint]) -> Array:
        """Return how hints change the global prediction, at the size of `chroma`."""
        if not hints or not self.model.descriptor.hints:
            return np.zeros_like(self.chroma)
        known = rasterize(hints, *self.small.shape)
        share = global_share(known)
        if share < _LEAST_SHARE:
            return np.zeros_like(self.chroma)
        hinted = self.model.predict(self.small[None, None], known[None]).ab[0]
        height, width = self.chroma.shape[1:]
        return _planes((share * (hinted - self.plain)).astype(np.float32), width, height)

    def _at_view(self, solution: Solution) -> Array:
        height, width = self.lightness.shape
        if max(height, width) < guided_filter.STRIDE * max(solution.influence.shape):
            return _planes(solution.chroma, width, height)
        return _evaluated(guided_filter.fit(self.lightness, solution.chroma), self.lightness)


def recolor_without_network(lightness: Array, chroma: Array, hints: Sequence[Hint]) -> Recolored:
    """Return colors (2×h×w a*b*) that obey hints, without a network's probabilities."""
    height, width = lightness.shape
    small = _size(lightness, SIDE)
    solution = solve(resized(lightness, *small), _planes(chroma, *small), hints)
    return Recolored(_planes(solution.chroma, width, height), solution.influence, solution.outcomes)


def global_share(known: Array) -> float:
    """Return the weight of the global change for hints (3×h×w), 0–1; hints that touch count as one."""
    count = cv2.connectedComponents((known[2] > 0).astype(np.uint8))[0] - 1
    return float(1 - np.exp(-((count / GLOBAL_HINTS) ** 2)))


def _size(lightness: Array, side: int) -> tuple[int, int]:
    return size_at(lightness.shape[1], lightness.shape[0], side)


def _planes(planes: Array, width: int, height: int) -> Array:
    return np.stack([resized(plane, width, height) for plane in planes])


def _evaluated(coefficients: Coefficients, lightness: Array) -> Array:
    """Return `slope · L* + intercept` of coefficients at every pixel of L* (h×w), 2×h×w."""
    height, width = lightness.shape
    field = _planes(np.moveaxis(coefficients.field, -1, 0), width, height)
    scale = np.array([1 / 500, -1 / 200], np.float32)[:, None, None]
    slope = (field[:2] - 1) / (116 * scale)
    return np.asarray(slope * (lightness + 16) + field[2:] / scale, np.float32)
