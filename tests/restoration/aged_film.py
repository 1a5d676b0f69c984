"""Ages a grey film as reels age, from a seed: dirt on single frames, flicker, weave, lasting scratches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Ageing:
    """How much of each.

    Parameters
    ----------
    dirt
        Specks per 100,000 px of a frame.
    flicker
        Standard deviation of the exposure from frame to frame, as a share.
    weave
        Standard deviation of the shift of a frame, px.
    scratches
        Columns with a scratch.
    grain
        Standard deviation, levels of 255.
    """

    dirt: float = 0.0
    flicker: float = 0.0
    weave: float = 0.0
    scratches: tuple[float, ...] = ()
    grain: float = 0.0


@dataclass(frozen=True)
class AgedFilm:
    """Aged frames, and the truth about them.

    Parameters
    ----------
    frames
        What a scanner sees.
    dirt
        Where single frames are dirty: altered by 8 levels or more.
    exposures
        Factor of light on each frame.
    shifts
        By how much each frame was moved to the right and down, px.
    scratched
        Where scratches run.
    """

    frames: list[Frame]
    dirt: list[NDArray[np.bool_]]
    exposures: list[float]
    shifts: list[tuple[float, float]]
    scratched: NDArray[np.bool_]


def age(frames: Sequence[Frame], how: Ageing, seed: int = 1) -> AgedFilm:
    """Age frames (H×W)."""
    generator = np.random.default_rng(seed)
    height, width = frames[0].shape
    profile = sum((_line(width, at) for at in how.scratches), np.zeros(width, np.float32))
    aged, masks, exposures, shifts = [], [], [], []
    for frame in frames:
        picture = frame.astype(np.float32)
        shift = tuple(float(s) for s in generator.normal(0, how.weave, 2)) if how.weave else (0.0, 0.0)
        if how.weave:
            move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
            picture = cv2.warpAffine(
                picture, move, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
        exposure = float(np.exp(generator.normal(0, how.flicker))) if how.flicker else 1.0
        picture = 255 * (np.clip(picture / 255, 0, 1) ** 2.2 * exposure) ** (1 / 2.2)
        picture += generator.normal(0, how.grain, picture.shape) if how.grain else 0
        clean = np.clip(picture, 0, 255)
        picture = clean.copy()
        for _ in range(generator.poisson(how.dirt * picture.size / 1e5)):
            _speck(picture, generator)
        masks.append(np.abs(picture - clean) >= 8)
        picture += profile * generator.uniform(0.8, 1.2)
        aged.append(np.clip(np.round(picture), 0, 255).astype(np.uint8))
        exposures.append(exposure)
        shifts.append((shift[0], shift[1]))
    scratched = np.broadcast_to(np.abs(profile) >= 8, (height, width))
    return AgedFilm(aged, masks, exposures, shifts, scratched)


def _line(width: int, at: float) -> Array:
    sign = 1 if int(at) % 2 else -1
    return (sign * 70 * np.exp(-(((np.arange(width) - at) / 0.9) ** 2))).astype(np.float32)


def _speck(picture: Array, generator: np.random.Generator) -> None:
    """Lay one irregular dark or bright speck, now and then a hair, over the picture."""
    height, width = picture.shape
    radius = float(generator.uniform(1.2, 6.5))
    side = 2 * int(2 * radius) + 5
    y, x = np.mgrid[:side, :side].astype(np.float32) - side // 2
    angle, long = generator.uniform(0, np.pi), generator.uniform(1, 2.2)
    if generator.random() < 0.15:
        radius, long = 1.0, side / 3
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    rough = cv2.GaussianBlur(generator.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 1.5)
    distance = np.hypot(along / long, across) + 1.5 * rough
    cover = np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.6)
    tone = generator.uniform(5, 45) if generator.random() < 0.6 else generator.uniform(215, 250)
    top, left = int(generator.integers(0, height)) - side // 2, int(generator.integers(0, width)) - side // 2
    rows = slice(max(0, top), min(height, top + side))
    columns = slice(max(0, left), min(width, left + side))
    part = cover[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    picture[rows, columns] += part * (np.float32(tone) - picture[rows, columns])
