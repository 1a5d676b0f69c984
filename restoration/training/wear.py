"""Wear of paper prints from handling, for training in addition to `restoration.training.layers`.

Film scans and broad procedural damage alone say little about an old print that was carried, folded and
pinned: a crease is a ridge that catches the light, torn corners show bare paper, and a dark print is covered
with rubbed specks and short scuffs, all at once; rollers and wiping leave broad streaks. The benchmark
contains none of this; scans of old prints do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.kinds import DamageKind
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
from restoration.training.shapes import Random, Shapes


def draw_worn_layers(kind: DamageKind, shape: Size, shapes: Shapes, scale: float, random: Random) -> Layers:
    """Return layers of one kind as wear makes it, or as `draw_layers` does for kinds without wear."""
    draw = _WORN.get(kind)
    return draw(shape, random) if draw else draw_layers(kind, shape, shapes, scale, random)


def _bare(random: Random) -> float:
    """Return the density of bared paper, now and then soiled."""
    return float(random.uniform(0.0, 0.25) if random.random() < 0.8 else random.uniform(0.3, 0.8))


def _specks(shape: Size, random: Random) -> Layers:
    """Return many specks of one to a few pixels, as where the surface is rubbed."""
    canvas = np.zeros(shape, np.uint8)
    for place in (
        random.uniform(0, 1, (int(np.exp(random.uniform(np.log(10), np.log(300)))), 2)) * shape[1::-1]
    ):
        radius = float(np.exp(random.normal(np.log(0.8), 0.5)))
        path = np.stack((place, place + random.normal(0, radius, 2)))
        stroke(canvas, path, radius, random.uniform(0.4, 1))
    return [(soften(canvas, random.uniform(0.0, 0.8), random.uniform(0.5, 1)), _bare(random))]


def _scuffs(shape: Size, random: Random) -> Layers:
    """Return short scuffs strewn about, many alike in direction."""
    canvas = np.zeros(shape, np.uint8)
    heading = random.uniform(0, np.pi)
    for start in random.uniform(0, 1, (int(random.integers(3, 30)), 2)) * shape[1::-1]:
        steps = int(random.integers(3, 14))
        turn = heading + random.normal(0, 0.5) + np.cumsum(random.normal(0, 0.12, steps))
        path = start + np.cumsum(random.uniform(1, 4) * np.stack((np.cos(turn), np.sin(turn)), 1), axis=0)
        stroke(canvas, path, float(random.choice([0.6, 0.8, 1.0, 1.5])), random.uniform(0.5, 1))
    coverage = soften(canvas, random.uniform(0.0, 0.6), random.uniform(0.5, 1))
    if random.random() < 0.5:
        coverage *= np.clip(2.5 * mottle(shape, int(random.integers(4, 20)), random) - 0.3, 0, 1)
    return [(coverage, _bare(random))]


def _scuffs_or_streaks(shape: Size, random: Random) -> Layers:
    return _streaks(shape, random) if random.random() < 0.4 else _scuffs(shape, random)


def _streaks(shape: Size, random: Random) -> Layers:
    """Return broad, faint, parallel streaks across the whole, as rollers and wiping leave them."""
    heading, size = random.uniform(0, np.pi), np.array(shape[1::-1], float)
    along = np.array([np.cos(heading), np.sin(heading)])
    center = random.uniform(0.1, 0.9, 2) * size
    canvas = np.zeros(shape, np.uint8)
    for _ in range(random.integers(1, 5)):
        width = float(np.exp(random.uniform(np.log(2.5), np.log(14))))
        reach = random.uniform(0.3, 1.5) * size.max() * along
        across = np.array([-along[1], along[0]]) * width * np.array([[0.5], [random.uniform(0.2, 0.7)]])
        ends = np.stack((center - reach, center + reach * random.uniform(0.2, 1)))
        fill_outline(canvas, np.concatenate((ends - across, (ends + across)[::-1])))
        center = center + np.array([-along[1], along[0]]) * random.normal(0, 1.6) * width
    coverage = soften(canvas, random.uniform(0.3, 2.0), random.uniform(0.2, 0.7))
    if random.random() < 0.5:
        coverage *= np.clip(2.5 * mottle(shape, int(random.integers(10, 60)), random) - 0.3, 0, 1)
    return [(coverage, _bare(random) if random.random() < 0.65 else float(random.uniform(1.0, 2.0)))]


def _creases(shape: Size, random: Random) -> Layers:
    return [layer for _ in range(random.integers(1, 4)) for layer in _crease(shape, random)]


def _crease(shape: Size, random: Random) -> Layers:
    """Return a fold: a ridge, bared in places, with the light on one side and shade on the other."""
    rough = random.uniform(0.003, 0.03) if random.random() < 0.6 else random.uniform(0.05, 0.12)
    path = jagged_path(*path_across(shape, random), rough, random)
    if random.random() < 0.4:  # a short one, as where a corner was bent
        path = path[: max(2, int(len(path) * random.uniform(0.15, 0.5)))]
    width = float(random.uniform(1.0, 4.0))
    ridge = np.zeros(shape, np.uint8)
    stroke(ridge, path, width)
    comes_and_goes = np.clip(2.2 * mottle(shape, int(random.integers(8, 50)), random) - 0.4, 0.12, 1)
    normal = np.array([-(path[-1] - path[0])[1], (path[-1] - path[0])[0]])
    normal /= max(1e-6, float(np.hypot(*normal)))
    layers: Layers = []
    if random.random() < 0.7:
        shade = np.zeros(shape, np.uint8)
        stroke(shade, path + normal * random.choice([-1, 1]) * (width + 1) * random.uniform(0.7, 1.2), width)
        strength = random.uniform(0.15, 0.5)
        layers.append((_times(soften(shade, random.uniform(0.6, 2.0), strength), comes_and_goes), 1.5))
    light = soften(ridge, random.uniform(0.3, 1.2), random.uniform(0.25, 1.0))
    layers.append((_times(light, comes_and_goes), _bare(random)))
    if random.random() < 0.5:  # where it broke, flakes are missing along it
        flakes = np.zeros(shape, np.uint8)
        for x, y in path[random.integers(len(path), size=int(random.integers(2, 25)))]:
            _flake(flakes, (x, y), float(random.uniform(0.7, 1.6)) * width, random)
        layers.append((soften(flakes, random.uniform(0.2, 0.6), 1.0), _bare(random)))
    return layers


def _flake(canvas: NDArray[np.uint8], center: tuple[float, float], radius: float, random: Random) -> None:
    turn = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(5, 10))))
    reach = radius * random.uniform(0.4, 1.3, (len(turn), 1))
    fill_outline(canvas, np.stack((np.cos(turn), np.sin(turn)), 1) * reach + center)


def _torn_rim(shape: Size, random: Random) -> Layers:
    """Return missing corners and nibbled edges, the layers of paper showing along the tear."""
    height, width = shape
    lost = np.zeros(shape, np.uint8)
    for _ in range(random.integers(1, 4)):
        corner = random.integers(0, 2, 2) * (width, height)
        reach = random.uniform(0.05, 0.3, 2) * min(shape)
        inward = np.where(corner > 0, -1, 1)
        ends = corner + inward * reach * np.eye(2)
        if random.random() < 0.4:  # along a side, not at a corner
            corner = corner + np.array([random.uniform(0, 1) * width * inward[0], 0])
            ends = corner + inward * np.array([[0.0, 0.3], [1.0, 0.0]]) * reach
        tear = jagged_path(ends[0], ends[1], random.uniform(0.05, 0.2), random)
        fill_outline(lost, np.concatenate((tear, [corner])))
    paper = cv2.dilate(lost, np.ones((3, 3), np.uint8), iterations=int(random.integers(1, 4)))
    rim = soften(np.asarray(paper, np.uint8), random.uniform(0.3, 1.2), random.uniform(0.6, 1.0))
    rim *= np.clip(2 * mottle(shape, int(random.integers(3, 12)), random), 0.3, 1)
    bare = _bare(random)
    hole = bare if random.random() < 0.6 else float(random.uniform(0.0, 2.2))
    return [(rim, bare), (soften(lost, random.uniform(0.2, 0.8), 1.0), hole)]


def _times(coverage: Coverage, share: Coverage) -> Coverage:
    return np.asarray(coverage * share, np.float32)


_WORN: Mapping[DamageKind, Callable[[Size, Random], Layers]] = {
    DamageKind.DUST: _specks,
    DamageKind.SCRATCH: _scuffs_or_streaks,
    DamageKind.CRACK: _creases,
    DamageKind.LOSS: _torn_rim,
}
