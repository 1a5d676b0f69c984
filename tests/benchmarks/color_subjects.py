"""Photographs of known color, colored in some way and held against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from imaging import lab
from imaging.networks.training.shards import Picture
from tests.benchmarks.color_figures import Array, ErrorCurve, Judge, colorfulness, frechet, psnr


@dataclass(frozen=True)
class Subject:
    """A photograph at the size it is measured at, and as the network sees it."""

    rgb: Array
    truth: Array
    light: Array

    @classmethod
    def of(cls, picture: Picture, side: int) -> Subject:
        """Take a photograph, brought to a long side of at most `side` px."""
        scale = min(1.0, side / max(picture.shape[:2]))
        size = [max(1, round(s * scale)) for s in picture.shape[1::-1]]
        rgb = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        truth = lab.srgb_to_lab(rgb)
        return cls(rgb, truth[..., 1:], np.ascontiguousarray(truth[..., 0])[None, None])

    def shown(self, ab: Array) -> Array:
        """Return the picture with other color (H×W×2) and its own L*."""
        both = np.concatenate([self.light[0, 0, ..., None], ab], -1)
        return lab.lab_to_srgb(lab.fit_gamut(both)).clip(0, 1)


@dataclass(frozen=True)
class Seen:
    """One photograph colored in one way, held against the truth."""

    distance: Array
    psnr: float
    colorfulness: float
    features: Array
    label: int

    @classmethod
    def of(cls, subject: Subject, ab: Array, judge: Judge) -> Seen:
        """Measure one photograph."""
        shown = subject.rgb if ab is subject.truth else subject.shown(ab)
        distance = np.linalg.norm(ab - subject.truth, axis=-1)
        return cls(distance, psnr(shown, subject.rgb), colorfulness(shown), *judge.look(shown))


@dataclass
class Tally:
    """What one way of coloring reached, photograph by photograph."""

    curve: ErrorCurve = field(default_factory=ErrorCurve)
    psnr: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    colorfulness: list[float] = field(default_factory=list)
    features: list[Array] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def add(self, seen: Seen, truth: Array) -> None:
        """Take one photograph in, whose true a*b* is `truth`."""
        self.curve.add(seen.distance, truth)
        self.psnr.append(seen.psnr)
        self.error.append(float(seen.distance.mean()))
        self.colorfulness.append(seen.colorfulness)
        self.features.append(seen.features)
        self.labels.append(seen.label)


def summary(tally: Tally, truth: Tally, grey: Tally) -> dict[str, float]:
    """Return the figures of one way of coloring, beside the truth's and grey's."""
    distance = frechet(np.stack(tally.features), np.stack(truth.features))
    least = frechet(np.stack(grey.features), np.stack(truth.features))
    colorful = float(np.mean(tally.colorfulness))
    return {
        "PSNR dB": float(np.mean(tally.psnr)),
        "a*b* error": float(np.mean(tally.error)),
        "AuC %": tally.curve.area,
        "rebalanced AuC %": tally.curve.rebalanced_area,
        "colorfulness": colorful,
        "of the truth's": colorful / float(np.mean(truth.colorfulness)),
        "Fréchet": distance,
        "of grey's": distance / least,
        "label agreement": float(np.mean(np.equal(tally.labels, truth.labels))),
    }
