"""Distractors: lettering, grids, stars, wires, rods, fabric, dots, glints, strands.

They look like damage and are not. Drawn into clean photographs before damage is added, so that a detector
learns to ignore them.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.training.layers import mottle

Grey = NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Random = np.random.Generator


def add_distractor(picture: Grey, random: Random) -> Grey:
    """Return `picture` with one kind of distractor in it."""
    draw = _DISTRACTORS[random.integers(len(_DISTRACTORS))]
    return np.asarray(draw(picture, random).clip(0, 1), np.float32)


def _ink(picture: Grey, random: Random) -> float:
    """Return a value that stands out from the picture."""
    return float(
        random.uniform(0, 0.25) if picture.mean() > random.uniform(0.35, 0.65) else random.uniform(0.75, 1)
    )


def _blend(
    picture: Grey, canvas: NDArray[np.uint8], value: float, random: Random, opacity: float | None = None
) -> Grey:
    coverage = canvas.astype(np.float32) / 255
    sigma = random.uniform(0, 0.8)
    if sigma > 0.25:
        coverage = np.asarray(cv2.GaussianBlur(coverage, (0, 0), sigma), np.float32)
    opacity = random.uniform(0.5, 1) if opacity is None else opacity
    return np.asarray(picture + coverage * np.float32(opacity) * (value - picture), np.float32)


_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,-:'() "))


def _lettering(picture: Grey, random: Random) -> Grey:
    """Write a caption, a date, or a whole page of text."""
    canvas = np.zeros(picture.shape, np.uint8)
    size, weight = float(random.uniform(0.28, 1.0)), int(random.integers(1, 3))
    font = int(random.choice(_FONTS))
    lines = int(random.integers(1, 4)) if random.random() < 0.5 else 40
    top, left = random.uniform(0, 0.9) * picture.shape[0], random.uniform(-0.2, 0.5) * picture.shape[1]
    if lines > 4:
        top, left = 0, random.uniform(-40, 10)
        if random.random() < 0.7:  # print on paper, unevenly lit
            paper = cv2.GaussianBlur(picture, (0, 0), 30)
            picture = np.asarray(random.uniform(0.6, 0.95) + 0.2 * (paper - paper.mean()), np.float32)
    pitch = 34 * size * random.uniform(0.8, 1.3)
    for line in range(lines):
        text = "".join(random.choice(_LETTERS, int(random.integers(4, 60))))
        if random.random() < 0.6:
            text = " ".join(text[i : i + 6] for i in range(0, len(text), 6))
        place = (int(left), int(top + pitch * (line + 1)))
        cv2.putText(canvas, text, place, font, size, 255, weight, cv2.LINE_AA)
    return _blend(picture, canvas, _ink(picture, random), random)


def _grid(picture: Grey, random: Random) -> Grey:
    """Ruled lines, windows, fences: straight, parallel, evenly spaced."""
    canvas = np.zeros(picture.shape, np.uint8)
    angle = random.choice([0.0, random.uniform(-0.6, 0.6)])
    both = random.random() < 0.6
    pitch, weight = random.uniform(7, 50), int(random.integers(1, 4))
    for direction in (angle, angle + np.pi / 2)[: 1 + both]:
        along = np.array([np.cos(direction), np.sin(direction)])
        across = np.array([-along[1], along[0]])
        center = np.array(picture.shape[1::-1]) / 2
        for k in range(-40, 41):
            middle = center + across * (k * pitch + random.uniform(0, 0.5))
            ends = np.stack((middle - 400 * along, middle + 400 * along))
            cv2.polylines(canvas, [np.rint(ends * 16).astype(np.int32)], False, 255, weight, cv2.LINE_AA, 4)
    if random.random() < 0.4:
        picture = np.full_like(picture, picture.mean())
    return _blend(picture, canvas, _ink(picture, random), random)


def _stars(picture: Grey, random: Random) -> Grey:
    """Points of light of very different brightness on a dark sky, all blurred alike."""
    sky = np.zeros(picture.shape, np.float32)
    for _ in range(random.integers(20, 500)):
        y, x = random.integers(0, picture.shape[0]), random.integers(0, picture.shape[1])
        sky[y, x] = max(sky[y, x], min(30.0, 0.4 * random.pareto(1.1)))
    sky = cv2.GaussianBlur(sky, (0, 0), random.uniform(0.6, 1.8)) + 0.4 * cv2.GaussianBlur(sky, (0, 0), 3.0)
    return np.asarray(picture * random.uniform(0, 0.3) + random.uniform(0.5, 4) * sky, np.float32)


def _wires(picture: Grey, random: Random) -> Grey:
    """Rigging and telegraph wires: several dark lines of even strength that sag or meet in a point."""
    canvas = np.zeros(picture.shape, np.uint8)
    height, width = picture.shape
    meeting = random.uniform(-0.5, 1.5, 2) * (width, height) if random.random() < 0.5 else None
    left, slope = random.uniform(0, height), random.normal(0, 0.3)
    x = np.linspace(-10, width + 10, 40)
    for _ in range(random.integers(3, 9)):
        if meeting is not None:
            far = random.uniform(0, 1, 2) * (width, height)
            path = np.stack((meeting, meeting + 3 * (far - meeting)))
        else:
            left += random.uniform(4, 30)
            sag = random.uniform(0, 30) * (1 - ((x - width / 2) / (width / 2)) ** 2)
            path = np.stack((x, left + slope * x + sag), 1)
        cv2.polylines(
            canvas,
            [np.rint(path * 16).astype(np.int32)],
            False,
            255,
            int(random.integers(1, 3)),
            cv2.LINE_AA,
            4,
        )
    return _blend(picture, canvas, float(random.uniform(0, 0.3)), random)


def weave(picture: Grey, random: Random) -> Grey:
    """Return a picture woven, striped, checked or screened: a pattern in folds that follows its light."""
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    turn, folds = random.uniform(0, np.pi), np.float32(random.uniform(0, 12))
    u = xs * np.cos(turn) + ys * np.sin(turn) + folds * mottle(picture.shape, 24, random)
    v = ys * np.cos(turn) - xs * np.sin(turn)
    pitch = random.uniform(2.5, 14)
    warp, weft = np.sin(2 * np.pi * u / pitch), np.sin(2 * np.pi * v / (pitch * random.uniform(0.7, 1.4)))
    pattern = (
        warp,
        warp * weft,
        np.maximum(warp, weft),
        np.sign(warp * weft),
        np.maximum(warp - 0.6, 0) * 2.5,
    )[random.integers(5)]
    return np.asarray(picture * (1 + random.uniform(0.1, 0.5) * pattern), np.float32)


def _highlights(picture: Grey, random: Random) -> Grey:
    """Jewelry, chrome, eyes, lamps: small round glints, singly or in rows, some with a dark rim."""
    lit = picture.copy()
    start, step = random.uniform(0, 1, 2) * picture.shape[1::-1], random.normal(0, 6, 2)
    bend = random.normal(0, 0.12)
    size = float(random.uniform(0.7, 2.5))
    for _ in range(random.integers(3, 30)):
        x, y = int(start[0]), int(start[1])
        cv2.circle(lit, (x, y), int(2.5 * size), float(random.uniform(0, 0.4)), -1, cv2.LINE_AA)
        cv2.circle(lit, (x, y), max(1, int(size)), float(random.uniform(0.85, 1)), -1, cv2.LINE_AA)
        turn = np.array([[np.cos(bend), -np.sin(bend)], [np.sin(bend), np.cos(bend)]])
        step = turn @ step
        start = start + step if random.random() < 0.8 else random.uniform(0, 1, 2) * picture.shape[1::-1]
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), random.uniform(0.5, 1.0)), np.float32)


def _dots(picture: Grey, random: Random) -> Grey:
    """Polka dots, rivets, perforations: equal dots in rows, on a part of the picture."""
    canvas = np.zeros(picture.shape, np.uint8)
    pitch, angle, size = random.uniform(7, 40), random.uniform(0, np.pi / 2), random.uniform(0.12, 0.35)
    turn = pitch * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    ys, xs = np.mgrid[-45:46, -45:46].astype(np.float64)
    xs += 0.5 * (ys % 2) * (random.random() < 0.6)
    places = np.stack((xs.ravel(), ys.ravel()), 1) @ turn + random.uniform(0, 1, 2) * picture.shape[1::-1]
    inside = ((places > 0) & (places < picture.shape[1::-1])).all(1)
    for x, y in places[inside] + random.normal(0, random.choice([0, 0.04]) * pitch, (inside.sum(), 2)):
        radius = round(8 * max(0.7, size * pitch))
        cv2.circle(canvas, (round(8 * x), round(8 * y)), radius, 255, -1, cv2.LINE_AA, 3)
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]]
    heading = random.uniform(0, 2 * np.pi)
    beside = (xs - random.uniform(0, 1) * picture.shape[1]) * np.cos(heading)
    beside += (ys - random.uniform(0, 1) * picture.shape[0]) * np.sin(heading)
    canvas[beside > random.choice([0, 1e9])] = 0
    return _blend(picture, canvas, _ink(picture, random), random)


def _strands(picture: Grey, random: Random) -> Grey:
    """Hair, lashes, grass, fur: a bundle of fine curves that run alike."""
    canvas = np.zeros(picture.shape, np.uint8)
    root, heading = random.uniform(0, 1, 2) * picture.shape[1::-1], random.uniform(0, 2 * np.pi)
    spread, steps = random.uniform(5, 50), int(random.integers(4, 30))
    for _ in range(random.integers(8, 70)):
        angles = (
            heading
            + random.normal(0, 0.25)
            + np.cumsum(random.normal(0, 0.02, steps) + random.normal(0, 0.03))
        )
        path = (
            root
            + random.normal(0, spread, 2)
            + np.cumsum(3 * np.stack((np.cos(angles), np.sin(angles)), 1), 0)
        )
        level = int(random.uniform(90, 255))
        cv2.polylines(canvas, [np.rint(path * 16).astype(np.int32)], False, level, 1, cv2.LINE_AA, 4)
    return _blend(picture, canvas, _ink(picture, random), random)


def _rods(picture: Grey, random: Random) -> Grey:
    """Legs of tripods and chairs, canes, oars: straight, tapered, some lit from one side, some jointed."""
    size = np.array(picture.shape[1::-1], float)
    joint, spread = random.uniform(-0.1, 1.1, 2) * size, random.uniform(0, 1.2)
    heading, tone = random.uniform(0, 2 * np.pi), _ink(picture, random)
    for _ in range(random.integers(1, 5)):
        angle = heading + random.uniform(-spread, spread)
        along = np.array([np.cos(angle), np.sin(angle)])
        start = joint if random.random() < 0.7 else random.uniform(0, 1, 2) * size
        ends = np.stack((start, start + random.uniform(0.25, 1.2) * size.max() * along))
        width = float(np.exp(random.uniform(np.log(2), np.log(14))))
        widths = width * np.array([1, random.uniform(0.4, 1.3)])
        across = np.array([-along[1], along[0]]) * widths[:, None] / 2
        picture = _solid(picture, np.concatenate((ends - across, (ends + across)[::-1])), tone, random)
        if width > 4 and random.random() < 0.6:  # what turns away from the light
            dark = np.concatenate((ends - across, (ends - random.uniform(0, 0.6) * across)[::-1]))
            picture = _solid(picture, dark, tone * random.uniform(0.4, 0.9), random)
    return picture


def _solid(picture: Grey, outline: NDArray[np.floating], value: float, random: Random) -> Grey:
    canvas = np.zeros(picture.shape, np.uint8)
    cv2.fillPoly(canvas, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return _blend(picture, canvas, value, random, opacity=1.0)


_DISTRACTORS: tuple[Callable[[Grey, Random], Grey], ...] = (
    _lettering,
    _lettering,
    _grid,
    _stars,
    _wires,
    _rods,
    _rods,
    weave,
    weave,
    _highlights,
    _dots,
    _strands,
)
