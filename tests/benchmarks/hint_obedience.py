"""``python -m tests.benchmarks.hint_obedience``: whether hints are obeyed, and stay in their place.

On photographs of collections that nothing was chosen by: one hint of another color in a region of one true
color, ten and a hundred true hints, two conflicting hints in one region; then the time of a preview. The
reach of hints was fitted to other photographs (`colorization.training.reach`). ``--every N`` takes one
photograph in N.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from colorization import gamut, models
from colorization.hint_solver import Obeyed
from colorization.hints import Hint, rasterize
from colorization.models import ColorModel
from colorization.recoloring import Recoloring
from colorization.training.shards import load_held_back, load_other, load_validation, measuring_half
from imaging.networks.training.shards import Picture
from tests.benchmarks.color import PHOTOS, Subject, _another_color, _region
from tests.benchmarks.color_figures import Array, psnr
from tests.benchmarks.frame import Reached, report, show

RADIUS = 3.5
"""Of a hint, px where the photograph is 256 px long."""
TRUE_HINTS = (10, 100)
HUNDRED_ON = 5
"""The longest row of hints is tried on one photograph in so many."""
VIEW = (768, 1024)
SIDE = 256


def main() -> int:
    """Measure, print, and return an exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take one photograph in so many")
    parser.add_argument("--model", default=models.DEFAULT)
    asked = parser.parse_args()
    if not PHOTOS.is_dir():
        sys.stderr.write(f"{PHOTOS}: the photographs to measure on are absent. Put them there.\n")
        return 2
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = models.load(asked.model)
    other = [picture for half in measuring_half(load_other(PHOTOS)).values() for picture in half]
    figures: dict[str, Any] = {"model": model.reference.__dict__}
    for name, pictures in (
        ("other", other),
        ("validation", load_validation(PHOTOS)),
        ("held back", load_held_back(PHOTOS)[::5]),
    ):
        figures[name] = measure(name, model, pictures[:: asked.every])
    figures["preview"] = preview(model)
    return report("hint_obedience", figures, promised(figures))


def measure(name: str, model: ColorModel, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Measure one collection."""
    single: list[dict[str, float]] = []
    rows: dict[int, list[tuple[float, ...]]] = {count: [] for count in TRUE_HINTS}
    for number, picture in enumerate(pictures):
        subject = Subject.of(picture, SIDE)
        recoloring = Recoloring.prepare(model, subject.light[0, 0])
        before = recoloring.recolor([]).chroma.transpose(1, 2, 0)
        found = _region(subject, np.random.default_rng(number))
        if found is not None:
            region, place = found
            single.append(one_hint(recoloring, before, region, place))
        for count in TRUE_HINTS:
            if count < TRUE_HINTS[-1] or number % HUNDRED_ON == 0:
                rows[count].append(true_hints(model, subject, recoloring, before, count, number))
    one = {key: float(np.mean([figure[key] for figure in single])) for key in single[0]}
    one["farthest at a place"] = max(figure["at the place"] for figure in single)
    show(f"{name}: a hint of another color, {len(single)} regions", tuple(one), [tuple(one.values())])
    many = {str(count): dict(zip(_WAYS, np.mean(ways, 0), strict=True)) for count, ways in rows.items()}
    show(
        f"{name}: PSNR (dB) with true hints",
        ("hints", *_WAYS),
        [(count, *(f"{value:.2f}" for value in ways.values())) for count, ways in many.items()],
    )
    return {"one hint": one, "regions": len(single), "true hints": many}


def one_hint(recoloring: Recoloring, before: Array, region: Any, place: tuple[int, int]) -> dict[str, float]:
    """Return what a hint does at its place, in its region and elsewhere, and how two hold that conflict.

    How far a region has come is the mean change along the way from its mean color to the color said, or to
    the mean of the nearest that its L* can hold. Around the region a margin of 4 px counts for neither.
    """
    was = before[region].mean(0)
    said = _another_color(was)
    recolored = recoloring.recolor([_hint(place, said, region.shape)])
    change = recolored.chroma.transpose(1, 2, 0) - before
    ways = said - was, gamut.nearest(recoloring.lightness[region], said).mean(0) - was
    plain, holdable = (float(change[region].mean(0) @ way / (way @ way)) for way in ways)
    margin = cv2.dilate(region.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    (outcome,) = recolored.obeyed
    rows, columns = np.nonzero(region)
    far = int(np.argmax((rows - place[0]) ** 2 + (columns - place[1]) ** 2))
    other = _hint((int(rows[far]), int(columns[far])), -said, region.shape)
    conflict = recoloring.recolor([_hint(place, said, region.shape), other])
    return {
        "at the place": _missed(outcome),
        "limited by L*": float(outcome.limited),
        "followed inside": holdable,
        "of what was said": plain,
        "change outside": float(np.linalg.norm(change, axis=-1)[~margin].mean()),
        "conflicting, at their places": max(map(_missed, conflict.obeyed)),
    }


_WAYS = ("none", "network", "network and solver")


def true_hints(
    model: ColorModel, subject: Subject, recoloring: Recoloring, before: Array, count: int, seed: int
) -> tuple[float, ...]:
    """Return PSNR without hints, of the network told `count` true hints, and of both."""
    random = np.random.default_rng(seed)
    height, width = subject.truth.shape[:2]
    hints = []
    for _ in range(count):
        row, column = int(random.integers(height)), int(random.integers(width))
        window = np.s_[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4]
        hints.append(_hint((row, column), subject.truth[window].mean((0, 1)), (height, width)))
    told = model.predict(subject.light, rasterize(hints, height, width)[None]).ab[0]
    ours = recoloring.recolor(hints).chroma
    colorings = before, told.transpose(1, 2, 0), ours.transpose(1, 2, 0)
    return tuple(psnr(subject.shown(ab), subject.rgb) for ab in colorings)


def preview(model: ColorModel) -> dict[str, float]:
    """Time a view on two threads: preparing it, then trying hints."""
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    light = np.random.default_rng(0).uniform(0, 100, VIEW).astype(np.float32)
    light = cv2.GaussianBlur(light, (0, 0), 20) * 6 - 250
    began = time.perf_counter()
    recoloring = Recoloring.prepare(model, light.clip(0, 100))
    figures = {"prepare, s": time.perf_counter() - began}
    for count in (1, 10, 100):
        random = np.random.default_rng(count)
        hints = [Hint(*random.random(2), 0.01, *random.uniform(-40, 40, 2)) for _ in range(count)]
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            recoloring.recolor(hints)
            taken.append(time.perf_counter() - began)
        figures[f"{count} hints, s"] = min(taken)
    show(f"preview of {VIEW[1]}×{VIEW[0]} px, 2 threads", tuple(figures), [tuple(figures.values())])
    return figures


def promised(figures: dict[str, Any]) -> list[Reached]:
    """Return what hints must reach, on every collection."""
    reached = []
    for name in ("other", "validation", "held back"):
        one, ten = figures[name]["one hint"], figures[name]["true hints"]["10"]
        reached += [
            Reached(f"{name}: at the place, a*b*, farthest", one["farthest at a place"], 3),
            Reached(f"{name}: followed inside", one["followed inside"], 0.85, at_most=False),
            Reached(f"{name}: change outside, a*b*", one["change outside"], 2),
            Reached(f"{name}: conflicting, at their places", one["conflicting, at their places"], 3),
            Reached(f"{name}: 10 hints, dB gained", ten[_WAYS[-1]] - ten["none"], 2.5, at_most=False),
        ]
    seconds = max(value for key, value in figures["preview"].items() if "hints" in key)
    return [*reached, Reached("preview with up to 100 hints, s", seconds, 1)]


def _hint(place: tuple[int, int], color: Array, size: tuple[int, int]) -> Hint:
    height, width = size
    radius = RADIUS / max(size)
    return Hint((place[1] + 0.5) / width, (place[0] + 0.5) / height, radius, float(color[0]), float(color[1]))


def _missed(outcome: Obeyed) -> float:
    return float(np.linalg.norm(np.subtract(outcome.reached, outcome.holdable)))


if __name__ == "__main__":
    raise SystemExit(main())
