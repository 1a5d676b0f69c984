"""Layers of damage, drawn at random for each kind.

A layer is its coverage of the photograph (H×W in [0, 1]) and the density that it pulls towards.
Real outlines come from `Shapes`; cracks, tears, creases, losses and mold are procedural.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.kinds import DamageKind
from restoration.training.shapes import Polygon, Random, Shapes

Coverage = NDArray[np.float32]
"""H×W in [0, 1]."""
Layers = list[tuple[Coverage, float]]
"""Coverages and the densities that they pull towards."""
Size = tuple[int, ...]


def draw_layers(kind: DamageKind, shape: Size, shapes: Shapes, scale: float, random: Random) -> Layers:
    """Return layers of one kind for a photograph of `shape`; real outlines are enlarged by `scale`."""
    return _LAYERS[kind](shape, shapes, scale, random)


def _target(random: Random, light: float = 0.6) -> float:
    """Return the density of a defect, clear with probability `light`."""
    return float(random.uniform(0.0, 0.2) if random.random() < light else random.uniform(1.1, 2.2))


def _opacity(random: Random) -> float:
    return float(random.uniform(0.35, 1.0) if random.random() < 0.6 else 1.0)


def soften(coverage: NDArray[np.uint8], sigma: float, opacity: float) -> Coverage:
    """Return `coverage`, 0–255, as a blurred coverage of at most `opacity`."""
    soft = coverage.astype(np.float32) / 255
    if sigma > 0.25:
        soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), sigma), np.float32)
    return np.asarray(soft * np.float32(opacity), np.float32)


def mottle(shape: Size, coarse: int, random: Random) -> Coverage:
    """Return smooth noise in [0, 1] whose features are about `coarse` px wide."""
    small = random.random((shape[0] // coarse + 3, shape[1] // coarse + 3), np.float32)
    return np.asarray(
        cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).clip(0, 1), np.float32
    )


def _place(canvas: NDArray[np.uint8], polygon: Polygon, scale: float, random: Random) -> None:
    angle = random.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    if random.random() < 0.5:
        turn[:, 0] *= -1
    center = random.uniform(0, 1, 2) * canvas.shape[1::-1]
    fill_outline(canvas, polygon @ turn * np.float32(scale) + center)


def fill_outline(canvas: NDArray[np.uint8], vertices: NDArray[np.floating]) -> None:
    """Draw the inside of an outline of N×2 vertices, x and y in px."""
    cv2.fillPoly(canvas, [np.rint(vertices * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)


def stroke(canvas: NDArray[np.uint8], path: NDArray[np.floating], thickness: float, value: float = 1) -> None:
    """Draw a polyline; one thinner than a pixel is drawn fainter."""
    whole = max(1, round(thickness))
    level = int(255 * min(1.0, thickness) * value)
    points = np.rint(path * 16).astype(np.int32)
    cv2.polylines(canvas, [points], False, level, whole, cv2.LINE_AA, 4)


def _dust(shape: Size, shapes: Shapes, scale: float, random: Random) -> Layers:
    layers: Layers = []
    for _ in range(random.integers(1, 3)):
        canvas = np.zeros(shape, np.uint8)
        for _ in range(random.poisson(5) + 1):
            polygon = shapes.draw(DamageKind.DUST, random)
            if polygon is not None:
                _place(canvas, polygon, scale * float(random.uniform(0.6, 1.5)), random)
        coverage = soften(canvas, random.uniform(0.2, 0.9), _opacity(random))
        if random.random() < 0.4:
            coverage *= 0.6 + 0.4 * mottle(shape, 3, random)
        layers.append((coverage, _target(random)))
    return layers


def _hair(shape: Size, shapes: Shapes, scale: float, random: Random) -> Layers:
    layers: Layers = []
    for _ in range(random.integers(1, 4)):
        canvas = np.zeros(shape, np.uint8)
        polygon = shapes.draw(DamageKind.HAIR, random)
        if polygon is not None and random.random() < 0.6:
            _place(canvas, polygon, scale * float(random.uniform(0.6, 1.2)), random)
        else:
            stroke(canvas, _curl(shape, random), float(random.uniform(0.9, 3.0)))
        layers.append((soften(canvas, random.uniform(0.2, 0.8), _opacity(random)), _target(random, 0.5)))
    return layers


def _curl(shape: Size, random: Random) -> NDArray[np.floating]:
    """Return a smooth path whose curvature varies, as that of a fiber does."""
    steps, stride = int(random.integers(12, 90)), 2.0
    bend = random.normal(0, 0.06) + np.cumsum(random.normal(0, 0.035, steps)) * 0.5
    heading = random.uniform(0, 2 * np.pi) + np.cumsum(bend)
    path = np.cumsum(np.stack((np.cos(heading), np.sin(heading)), 1) * stride, axis=0)
    return np.asarray(path - path.mean(0) + random.uniform(0, 1, 2) * shape[1::-1])


def _scratch(shape: Size, shapes: Shapes, scale: float, random: Random) -> Layers:
    layers: Layers = []
    diagonal = float(np.hypot(shape[0], shape[1]))
    for _ in range(random.integers(1, 4)):
        canvas = np.zeros(shape, np.uint8)
        polygon = shapes.draw(DamageKind.SCRATCH, random)
        if polygon is not None and random.random() < 0.25:
            _place(canvas, polygon, scale, random)
        else:
            _scratches(canvas, diagonal, random)
        coverage = soften(canvas, random.uniform(0.0, 0.7), _opacity(random))
        if random.random() < 0.6:  # it skips: pressure varies along its way
            coverage *= np.clip(3.0 * mottle(shape, int(random.integers(6, 40)), random) - 0.6, 0, 1)
        layers.append((coverage, _target(random, 0.65)))
    return layers


def _scratches(canvas: NDArray[np.uint8], diagonal: float, random: Random) -> None:
    upright = random.random() < 0.4
    angle = random.choice([0.0, np.pi / 2]) + random.normal(0, 0.02) if upright else random.uniform(0, np.pi)
    length = 2 * diagonal if random.random() < 0.45 else random.uniform(0.15, 0.9) * diagonal
    thickness = float(random.choice([0.7, 1.0, 1.0, 1.5, 2.0, 3.0]))
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    center = random.uniform(0, 1, 2) * canvas.shape[1::-1]
    bow = random.normal(0, 0.01) * length
    for _ in range(1 if random.random() < 0.7 else random.integers(2, 5)):
        t = np.linspace(-0.5, 0.5, 24)
        waver = bow * (1 - 4 * t**2) + np.cumsum(random.normal(0, 0.12, len(t)))
        path = center + length * t[:, None] * along + waver[:, None] * across
        stroke(canvas, path, thickness)
        center = center + across * random.normal(0, 9) + along * random.normal(0, 10)


def _crack(shape: Size, _shapes: Shapes, _scale: float, random: Random) -> Layers:
    draw = [_branching_crack, _branching_crack, _tear, _crease, _craquelure][random.integers(5)]
    coverage, target = draw(shape, random)
    layers = [(coverage, target)]
    if random.random() < 0.35:  # the raised edge throws a shadow
        shift = random.choice([-2, 2], 2)
        shadow = np.roll(coverage, shift, (0, 1)) * np.float32(0.5)
        layers.insert(0, (np.asarray(shadow, np.float32), 1.6 if target < 1 else 0.1))
    return layers


def jagged_path(
    start: NDArray[np.floating], end: NDArray[np.floating], rough: float, random: Random
) -> NDArray[np.floating]:
    """Return a path from `start` to `end`, bent by midpoint displacement."""
    path = np.stack((start, end))
    reach = float(np.hypot(*(end - start)))
    while reach > 5 and len(path) < 200:
        middle = (path[1:] + path[:-1]) / 2 + random.normal(0, rough * reach, (len(path) - 1, 2))
        path = np.insert(path, np.arange(1, len(path)), middle, axis=0)
        reach /= 2
    return path


def path_across(shape: Size, random: Random) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the ends of a line across a picture, x and y in px; one may lie outside."""
    size = np.array(shape[1::-1], float)
    start = random.uniform(0, 1, 2) * size
    angle, length = random.uniform(0, 2 * np.pi), random.uniform(0.3, 1.3) * size.max()
    return start, start + length * np.array([np.cos(angle), np.sin(angle)])


def _branching_crack(shape: Size, random: Random) -> tuple[Coverage, float]:
    canvas = np.zeros(shape, np.uint8)
    trunk = jagged_path(*path_across(shape, random), random.uniform(0.08, 0.16), random)
    thickness = float(random.uniform(0.9, 3.5))
    stroke(canvas, trunk, thickness)
    for _ in range(random.integers(1, 6)):
        start = trunk[random.integers(len(trunk))]
        end = start + random.normal(0, 0.2, 2) * shape[0]
        stroke(canvas, jagged_path(start, end, 0.14, random), max(0.7, 0.6 * thickness))
    return soften(canvas, random.uniform(0.2, 0.7), _opacity(random)), _target(random, 0.65)


def _tear(shape: Size, random: Random) -> tuple[Coverage, float]:
    start, end = path_across(shape, random)
    path = jagged_path(start, end, 0.07, random)
    width = random.uniform(2, 9) * np.linspace(1, 0.15, len(path)) * random.uniform(0.5, 1.3, len(path))
    normal = np.gradient(path, axis=0)[:, ::-1] * [1, -1]
    normal /= np.maximum(1e-6, np.hypot(*normal.T))[:, None]
    rim = random.normal(0, 0.6, (2, len(path), 1))
    outline = np.concatenate(
        (path + normal * (width[:, None] / 2 + rim[0]), (path - normal * (width[:, None] / 2 + rim[1]))[::-1])
    )
    canvas = np.zeros(shape, np.uint8)
    fill_outline(canvas, outline)
    return soften(canvas, random.uniform(0.2, 0.7), random.uniform(0.8, 1.0)), _target(random, 0.8)


def _crease(shape: Size, random: Random) -> tuple[Coverage, float]:
    """Return a fold: nearly straight, the emulsion broken off in crumbs along it."""
    path = jagged_path(*path_across(shape, random), random.uniform(0.004, 0.02), random)
    ridge = np.zeros(shape, np.uint8)
    width = float(random.uniform(2.5, 7))
    stroke(ridge, path, width)
    crumbs = np.clip((mottle(shape, 2, random) + 0.6 * mottle(shape, 7, random) - 0.6) * 4, 0, 1)
    broken = soften(ridge, random.uniform(0.3, 1.0), 1.0) * (0.25 + 0.75 * crumbs)
    return np.asarray(broken * np.float32(random.uniform(0.6, 1.0)), np.float32), _target(random, 0.75)


def _craquelure(shape: Size, random: Random) -> tuple[Coverage, float]:
    """Return the net of fine cracks that a drying layer makes: borders between random cells."""
    pitch = float(random.uniform(14, 45))
    seeds = random.uniform(-pitch, np.array(shape) + pitch, (int(shape[0] * shape[1] / pitch**2) + 9, 2))
    seeded = np.full((shape[0] + 2, shape[1] + 2), 255, np.uint8)
    inside = np.rint(seeds).astype(int)
    inside = inside[(inside >= 0).all(1) & (inside < np.array(shape)).all(1)]
    if len(inside) < 3:
        return _branching_crack(shape, random)
    seeded[inside[:, 0], inside[:, 1]] = 0
    _, cells = cv2.distanceTransformWithLabels(seeded, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    border = ((cells[1:, 1:] != cells[1:, :-1]) | (cells[1:, 1:] != cells[:-1, 1:]))[: shape[0], : shape[1]]
    patch = np.clip(5 * (mottle(shape, max(shape) // 2, random) - random.uniform(0.2, 0.5)), 0, 1)
    coverage = soften(border.astype(np.uint8) * 255, random.uniform(0.3, 0.8), 1.5).clip(0, 1) * patch
    return np.asarray(coverage * _opacity(random), np.float32), _target(random, 0.5)


def _loss(shape: Size, _shapes: Shapes, _scale: float, random: Random) -> Layers:
    layers: Layers = []
    for _ in range(random.integers(1, 3)):
        radius = random.uniform(0.07, 0.3) * min(shape)
        turn = np.sort(random.uniform(0, 2 * np.pi, random.integers(14, 60)))
        wave = sum(random.normal(0, 0.22 / k) * np.cos(k * turn + random.uniform(0, 7)) for k in (1, 2, 3, 5))
        reach = radius * np.clip(1 + wave + random.normal(0, 0.06, len(turn)), 0.25, 2.2)
        center = random.uniform(-0.05, 1.05, 2) * shape[1::-1]
        stretch = np.array([1, random.uniform(0.4, 1.0)])
        outline = np.stack((np.cos(turn), np.sin(turn)), 1) * reach[:, None] * stretch + center
        canvas = np.zeros(shape, np.uint8)
        fill_outline(canvas, outline)
        target = _target(random, 0.7) if random.random() < 0.85 else float(random.uniform(0.3, 1.0))
        coverage = soften(canvas, random.uniform(0.2, 1.2), random.uniform(0.9, 1.0))
        layers.append((coverage, target))
        if random.random() < 0.4:  # the bared surface is uneven
            spots = soften(canvas, 0.5, 0.3) * mottle(shape, int(random.integers(2, 12)), random)
            layers.append((np.asarray(spots, np.float32), target + random.uniform(-0.3, 0.4)))
    return layers


def _mold(shape: Size, _shapes: Shapes, _scale: float, random: Random) -> Layers:
    coverage = np.zeros(shape, np.float32)
    center = random.uniform(0.1, 0.9, 2) * shape[1::-1]
    spread = random.uniform(0.08, 0.35) * min(shape)
    typical = float(np.exp(random.uniform(np.log(1.5), np.log(5.5))))
    for x, y in random.normal(center, spread, (int(random.integers(8, 45)), 2)):
        radius = typical * float(np.exp(random.normal(0, 0.35)))
        _add_spot(coverage, x, y, radius, random)
    coverage = coverage.clip(0, 1) * (0.75 + 0.25 * mottle(shape, 2, random))
    return [(np.asarray(coverage * random.uniform(0.6, 1.0), np.float32), _target(random, 0.5))]


def _add_spot(coverage: Coverage, x: float, y: float, radius: float, random: Random) -> None:
    """Add one soft, slightly oval spot: a colony, densest in the middle."""
    reach = int(3 * radius) + 1
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    part = coverage[top : int(y) + reach + 1, left : int(x) + reach + 1]
    if not part.size or x < -reach or y < -reach:
        return
    ys, xs = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32)
    oval = random.uniform(0.7, 1.4)
    distance = ((xs - x) * oval) ** 2 + ((ys - y) / oval) ** 2
    np.maximum(part, np.exp(-distance / (1.1 * radius**2)) * random.uniform(0.7, 1.0), out=part)


_LAYERS: Mapping[DamageKind, Callable[[Size, Shapes, float, Random], Layers]] = {
    DamageKind.DUST: _dust,
    DamageKind.HAIR: _hair,
    DamageKind.SCRATCH: _scratch,
    DamageKind.CRACK: _crack,
    DamageKind.LOSS: _loss,
    DamageKind.MOLD: _mold,
}
