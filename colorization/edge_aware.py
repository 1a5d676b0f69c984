"""Edge-aware smoothing: values are averaged on either side of an edge of L*, not across it.

The fast global smoother (Min et al. 2014, https://doi.org/10.1109/TIP.2014.2366600): the weighted least
squares

    min_u  Σ_i c_i (u_i − v_i)² + λ Σ_ij w_ij (u_i − u_j)²,   w_ij = exp(−|L*_i − L*_j| / edge)

solved by rounds of tridiagonal systems along columns and rows, each of linear cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

ROUNDS = 3


def smoothed(
    planes: Array, lightness: Array, *, smoothness: float, edge: float, weight: Array | None = None
) -> Array:
    """Return planes smoothed within the edges of L*.

    Parameters
    ----------
    planes
        n×h×w, of any unit.
    lightness
        h×w, L* 0–100.
    smoothness
        λ, weight of the smoothness term.
    edge
        L* units between two cells at which their link has a weight of 1/e.
    weight
        h×w, c: weight of each cell, 0 or more; ``None`` for equal weights.
    """
    # The solver runs along the second last axis, so that each of its steps is one operation on whole rows.
    state = planes.astype(np.float32)
    if weight is not None:
        state = np.concatenate([planes * weight, weight[None]]).astype(np.float64)
    down = np.exp(-np.abs(np.diff(lightness, axis=0)) / edge).astype(state.dtype)
    along = np.exp(-np.abs(np.diff(lightness, axis=1)) / edge).astype(state.dtype).T
    for turn in range(ROUNDS):
        strength = 1.5 * smoothness * 4.0 ** (ROUNDS - turn - 1) / (4.0**ROUNDS - 1)
        state = _solved(state, strength * down)
        state = _solved(state.transpose(0, 2, 1), strength * along).transpose(0, 2, 1)
    if weight is None:
        return np.ascontiguousarray(state)
    return np.asarray(state[:-1] / state[-1], np.float32)


def _solved(right: NDArray[np.floating], link: NDArray[np.floating]) -> NDArray[np.floating]:
    """Solve (1 + Σ link)·u − link·neighbors = right down the rows of n×h×w (Thomas); link is (h−1)×w."""
    rows = right.shape[1]
    padded = np.pad(link, ((1, 1), (0, 0)))
    middle = 1 + padded[:-1] + padded[1:]
    solved = np.array(right)
    factor = np.zeros_like(middle)
    solved[:, 0] /= middle[0]
    factor[0] = padded[1] / middle[0]
    for row in range(1, rows):
        pivot = middle[row] - padded[row] * factor[row - 1]
        factor[row] = padded[row + 1] / pivot
        solved[:, row] = (solved[:, row] + padded[row] * solved[:, row - 1]) / pivot
    for row in range(rows - 2, -1, -1):
        solved[:, row] += factor[row] * solved[:, row + 1]
    return solved
