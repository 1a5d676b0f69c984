"""Color that stays with things while they move: a moving average along motion, both ways through a shot.

Forwards, ``f_t = k·f_{t−1}(along motion) + (1 − k)·x_t``, where x is what the network says of frame t alone
and ``k`` is the steadiness where motion can be trusted and 0 elsewhere; backwards alike; the color shown is
the mean of both. The network is never told the color of another frame: fed back through its hint input, color
runs away within some thirty frames.

A long shot is done in stretches. Forwards a stretch begins with the state in which the one before it ended,
exactly; backwards it begins `LOOKAHEAD` frames later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.motion import Motion

Array = NDArray[np.float32]

LOOKAHEAD = 32
"""Frames beyond the end of a stretch that are looked at."""


@dataclass(frozen=True)
class SeenFrame:
    """A frame as the network saw it.

    Parameters
    ----------
    cells
        h×w×C, of any meaning.
    before
        Motion from here to the frame before, and from that one to here, at the size of the cells; `None` for
        the first frame of a shot.
    """

    cells: Array
    before: tuple[Motion, Motion] | None


def steadied(
    frames: Sequence[SeenFrame], count: int, state: Array | None, steadiness: float
) -> tuple[list[Array], Array]:
    """Return the steady cells of the first `count` frames, and the state in which the last of them ends.

    Parameters
    ----------
    frames
        A stretch of one shot, and up to `LOOKAHEAD` frames beyond it.
    count
        How many frames the stretch has.
    state
        Of the frame before the first one; `None` at the beginning of a shot.
    steadiness
        0 to below 1.
    """
    forwards: list[Array] = []
    for frame in frames[:count]:
        if state is None or frame.before is None:
            state = frame.cells
        else:
            state = _mixed(frame.cells, state, frame.before[0], steadiness)
        forwards.append(state)
    backwards = frames[-1].cells
    shown = list(forwards)
    for number in range(len(frames) - 1, -1, -1):
        later = frames[number + 1].before if number + 1 < len(frames) else None
        own = frames[number].cells
        backwards = own if later is None else _mixed(own, backwards, later[1], steadiness)
        if number < count:
            shown[number] = np.asarray((forwards[number] + backwards) / 2, np.float32)
    return shown, forwards[-1]


def _mixed(own: Array, other: Array, motion: Motion, steadiness: float) -> Array:
    share = (steadiness * motion.trust)[..., None]
    return np.asarray(own + share * (motion.fetch(other) - own), np.float32)
