"""Cuts are found in grey reels whatever the light does; flashes, pans and people that pass by are no cuts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.shots import Shot, find_shots, thumbnail

Array = NDArray[np.float32]


def scene(seed: int, frames: int, speed: float = 2.0) -> list[Array]:
    """A wall of soft shapes that the camera pans over, `speed` px a frame at 240×180, with grain."""
    generator = np.random.default_rng(seed)
    wall = cv2.GaussianBlur(generator.normal(0, 1, (180, 1200)).astype(np.float32), (0, 0), 9)
    wall = np.clip(0.5 + 0.2 * wall / wall.std(), 0, 1)
    starts = [round(i * speed) for i in range(frames)]
    grain = [generator.normal(0, 0.03, (180, 240)) for _ in starts]
    return [
        np.clip(wall[:, at : at + 240] + g, 0, 1).astype(np.float32)
        for at, g in zip(starts, grain, strict=True)
    ]


def small(frames: list[Array]) -> Iterator[Array]:
    for frame in frames:
        yield thumbnail((frame * 255).round().astype(np.uint8), 8)


def test_every_hard_cut_is_found_at_its_frame() -> None:
    lengths = [30, 17, 44, 9, 60, 25]
    frames = [f for seed, n in enumerate(lengths) for f in scene(seed, n)]
    starts = np.cumsum([0, *lengths])
    assert find_shots(small(frames)) == tuple(Shot(int(a), int(b)) for a, b in pairwise(starts))


def test_brightness_flicker_invents_no_cut() -> None:
    generator = np.random.default_rng(5)
    frames = [np.clip(f * generator.uniform(0.5, 1.4), 0, 1).astype(np.float32) for f in scene(1, 80)]
    assert find_shots(small(frames)) == (Shot(0, 80),)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("code", [0.0, 1.0])
def test_flashes_and_missing_frames_are_no_cuts(length: int, code: float) -> None:
    frames = scene(2, 60)
    for start in (12, 33):
        frames[start : start + length] = [np.full_like(frames[0], code)] * length
    assert find_shots(small(frames)) == (Shot(0, 60),)


def test_a_fast_pan_is_one_shot() -> None:
    assert find_shots(small(scene(3, 40, speed=18.0))) == (Shot(0, 40),)


def test_somebody_who_passes_close_by_is_no_cut() -> None:
    frames = scene(4, 50, speed=0)
    for number in range(10, 30):
        left = (number - 10) * 24 - 200
        frames[number][:, max(0, left) : max(0, left + 200)] = 0.1
    assert find_shots(small(frames)) == (Shot(0, 50),)


@pytest.mark.parametrize("length", [12, 24, 40])
def test_dissolves_part_shots(length: int) -> None:
    first, second = scene(6, 60 + length, speed=0.5), scene(7, 60 + length, speed=0.5)
    shares = [np.float32((i + 1) / (length + 1)) for i in range(length)]
    mixed = [(1 - s) * a + s * b for s, a, b in zip(shares, first[60:], second, strict=False)]
    shots = find_shots(small([*first[:60], *mixed, *second[length:]]))
    assert len(shots) == 2
    assert 57 <= shots[1].start <= 60 + length // 2
    assert 6 <= shots[1].dissolve <= 24


def test_a_cut_of_16_bit_color_frames_is_found() -> None:
    frames = [
        thumbnail((np.repeat(f[..., None], 3, 2) * 65535).astype(np.uint16), 16)
        for f in (*scene(8, 10), *scene(9, 10))
    ]
    assert [s.start for s in find_shots(frames)] == [0, 10]


def test_very_short_films() -> None:
    assert find_shots(small(scene(1, 1))) == (Shot(0, 1),)
    assert find_shots(small(scene(1, 2))) == (Shot(0, 2),)
    with pytest.raises(ValueError, match="no frame"):
        find_shots(())
