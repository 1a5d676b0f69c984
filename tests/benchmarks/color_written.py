"""Figures of the files that ``colorize`` writes: what an archivist opens, not what the network says once.

Each photograph is turned grey, stored, colored by the whole stage, and its files are read again. The same
photograph is also colored in one pass of the network at the side it likes best, for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from rich.progress import track
from scipy.stats import spearmanr

from colorization.models import ColorModel
from colorization.options import ColorizationOptions
from colorization.training.written import Written, written
from imaging.networks.training.shards import Picture
from tests.benchmarks.color_figures import Array, Judge, blotch, calibration_error, even_regions
from tests.benchmarks.color_subjects import Seen, Subject, Tally, summary
from tests.benchmarks.frame import show

PIXELS = 400
"""Pixels of each photograph that calibration is measured on."""

LEAST = 30
"""Photographs from which a source is reported by itself."""

MOSAIC = 4
"""Photographs across a mosaic, and down it."""
CELL = 256
"""Side of a photograph in a mosaic, px."""


@dataclass
class Collection:
    """What was reached on one collection, in one way."""

    tally: Tally = field(default_factory=Tally)
    said: list[Array] = field(default_factory=list)
    distance: list[Array] = field(default_factory=list)
    blotches: list[tuple[float, int]] = field(default_factory=list)

    def add(self, subject: Subject, written: Written, judge: Judge, number: int) -> None:
        """Take one photograph in."""
        seen = Seen.of(subject, written.ab, judge)
        self.tally.add(seen, subject.truth)
        spots = np.random.default_rng(number).integers(seen.distance.size, size=PIXELS)
        self.said.append(written.confidence.ravel()[spots])
        self.distance.append(seen.distance.ravel()[spots])
        self.blotches += blotch(written.ab, even_regions(subject.light[0, 0], subject.truth))

    def figures(self) -> dict[str, float]:
        """Return calibration and blotch; all pixels of all photographs count alike."""
        said, distance = np.concatenate(self.said), np.concatenate(self.distance)
        near = distance <= 15
        deviation, area = zip(*self.blotches, strict=True) if self.blotches else ((0.0,), (1,))
        return {
            "within 15": float(near.mean()),
            "said": float(said.mean()),
            "calibration error": calibration_error(said, near),
            "Spearman": float(spearmanr(1 - said, distance).statistic),
            "blotch": float(np.average(deviation, weights=area)),
        }


def one_pass(subject: Subject, model: ColorModel) -> Written:
    """Color a subject by the network alone, the whole at the side it likes best."""
    height, width = subject.truth.shape[:2]
    scale = min(1.0, model.descriptor.preferred_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    light = cv2.resize(subject.light[0, 0], size, interpolation=cv2.INTER_AREA)[None, None]
    said = model.predict(light)
    planes = [*said.ab[0], said.confidence[0, 0]]
    whole = np.stack([cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR) for p in planes], -1)
    return Written(whole[..., :2], whole[..., 2])


def measure(
    name: str,
    collections: Mapping[str, Sequence[Picture]],
    model: ColorModel,
    judge: Judge,
    options: ColorizationOptions,
) -> dict[str, Any]:
    """Measure collections together in both ways, at the pictures' own size, and the gain on each of them."""
    truth, grey = Tally(), Tally()
    ways = {"one pass": Collection(), "files": Collection()}
    pictures = [(source, picture) for source, some in collections.items() for picture in some]
    for number, (_, picture) in enumerate(track(pictures, name, transient=True)):
        subject = Subject.of(picture, max(picture.shape[:2]))
        truth.add(Seen.of(subject, subject.truth, judge), subject.truth)
        grey.add(Seen.of(subject, np.zeros_like(subject.truth), judge), subject.truth)
        ways["one pass"].add(subject, one_pass(subject, model), judge, number)
        ways["files"].add(subject, written(picture, model, options), judge, number)
    rows: dict[str, dict[str, float]] = {"grey": summary(grey, truth, grey)}
    rows |= {way: summary(c.tally, truth, grey) | c.figures() for way, c in ways.items()}
    columns = list(rows["files"])
    shown = [(way, *(figures.get(c, "") for c in columns)) for way, figures in rows.items()]
    show(f"{name}: {len(pictures)} photographs", ("", *columns), shown)
    gains = _gains([source for source, _ in pictures], grey.psnr, ways["files"].tally.psnr)
    show(f"{name}: PSNR of files above grey's, dB", tuple(gains), [tuple(gains.values())])
    return {"photographs": len(pictures), "gain dB": gains, **rows}


def _gains(sources: Sequence[str], grey: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Return the mean gain of each source of `LEAST` photographs, and of the rest together."""
    large = {source for source in sources if sources.count(source) >= LEAST}
    gains: dict[str, list[float]] = {}
    for source, before, after in zip(sources, grey, ours, strict=True):
        gains.setdefault(source if source in large else "the rest", []).append(after - before)
    return {source: float(np.mean(values)) for source, values in gains.items()}


def by_size(pictures: Sequence[Picture], model: ColorModel, options: ColorizationOptions) -> dict[str, Any]:
    """Measure the same large photographs stored at several sizes: nothing should depend on the size."""
    reached: dict[str, Any] = {}
    for side in (256, 512, 1024):
        ways = {"one pass": _Plain(), "files": _Plain()}
        for picture in pictures:
            scale = min(1.0, side / max(picture.shape[:2]))
            size = [round(s * scale) for s in picture.shape[1::-1]]
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            subject = Subject.of(small, side)
            ways["one pass"].add(subject, one_pass(subject, model))
            ways["files"].add(subject, written(small, model, options))
        reached[str(side)] = {way: plain.figures() for way, plain in ways.items()}
    rows = [(side, way, *f.values()) for side, ways in reached.items() for way, f in ways.items()]
    show(
        "the same photographs at several sizes", ("px", "way", "within 15", "said", "calibration error"), rows
    )
    return reached


def mosaics(pictures: Sequence[Picture], model: ColorModel, options: ColorizationOptions) -> dict[str, float]:
    """Return the a*b* error of photographs that share a page, over that of the same ones alone."""
    count = MOSAIC**2
    alone, together = [], []
    for first in range(0, len(pictures) - count + 1, count):
        cells = [_square(picture) for picture in pictures[first : first + count]]
        page = np.vstack([np.hstack(cells[i : i + MOSAIC]) for i in range(0, count, MOSAIC)])
        found = written(page, model, options).ab
        for number, cell in enumerate(cells):
            top, left = (CELL * place for place in divmod(number, MOSAIC))
            truth = Subject.of(cell, CELL).truth
            alone.append(_error(written(cell, model, options).ab, truth))
            together.append(_error(found[top : top + CELL, left : left + CELL], truth))
    figures = {
        "alone, a*b* error": float(np.mean(alone)),
        "in a mosaic of 16": float(np.mean(together)),
        "ratio": float(np.mean(together) / np.mean(alone)),
    }
    show(f"{len(alone)} photographs in mosaics", tuple(figures), [tuple(figures.values())])
    return figures


@dataclass
class _Plain:
    said: list[Array] = field(default_factory=list)
    near: list[Array] = field(default_factory=list)

    def add(self, subject: Subject, found: Written) -> None:
        self.said.append(found.confidence.ravel()[::17])
        self.near.append((np.linalg.norm(found.ab - subject.truth, axis=-1) <= 15).ravel()[::17])

    def figures(self) -> dict[str, float]:
        said, near = np.concatenate(self.said), np.concatenate(self.near)
        error = calibration_error(said, near)
        return {"within 15": float(near.mean()), "said": float(said.mean()), "calibration error": error}


def _square(picture: Picture) -> Picture:
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    return np.asarray(cv2.resize(square, (CELL, CELL), interpolation=cv2.INTER_AREA), np.uint8)


def _error(shown: Array, truth: Array) -> float:
    return float(np.linalg.norm(shown - truth, axis=-1).mean())
