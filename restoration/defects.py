"""Finding damage: a detector turns a tile of the photograph into a map of damage kinds.

Its result depends on the tile alone, so that tiles can be processed in any order, and again after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial
from itertools import product
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import pyvips
import torch
from torch import Tensor, nn

from imaging.networks.descriptor import SizeRequirements
from imaging.stage import ModelReference
from restoration.condition import Condition
from restoration.kinds import KIND, SURE, SUSPECTED, DamageKind
from restoration.models import WEIGHTS, load_once
from restoration.network import MultiscaleDetector, TileRunner
from restoration.overview import Evidence, Overview

Grey = npt.NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Mapping = Callable[[Callable[[tuple[int, int]], None], list[tuple[int, int]]], Iterable[None]]
"""`map`, or that of a pool."""
Verdicts = npt.NDArray[np.uint8]
"""H×W; 0 where the photograph is sound, else a `DamageKind`, with `SUSPECTED` or `SURE` added where the
detector suspects or is sure of damage."""


DETECTOR = "detector"
"""Name of the detector's weights."""
_PART = 1024
"""Longest side of what the network is shown at once, margins apart, px: its feature maps are large."""
_STRIP = 128
"""Rows whose looks are fused together."""
_NEAR_CAUTION = np.float32(2.0)
"""Further log-odds that it takes from near, where the rest of the picture is not seen."""
_SEEN_AT_HALF = 2
"""Step of an overview that is half the scan's size already."""


CUE_SIDES = (7, 21)
"""Sides of the structuring elements of the top-hats that the network takes, px."""
CUES = 1 + 2 * len(CUE_SIDES)
"""Input channels of the network."""


def cues_of(grey: Grey) -> Grey:
    """Return the network's input for a tile, C×H×W: the picture, and its white and black top-hats.

    A top-hat keeps what is narrower than its square, which convolutions learn to detect only slowly.
    """
    cues = [np.float32(2) * (grey - np.float32(0.5))]
    for side in CUE_SIDES:
        square = np.ones((side, side), np.uint8)
        for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
            cues.append(np.float32(6) * np.asarray(cv2.morphologyEx(grey, operation, square), np.float32))
    return np.stack(cues)


def cues_on_device(pictures: Tensor) -> Tensor:
    """Return what `cues_of` returns of each of N×H×W pictures, N×C×H×W, on their device."""
    if pictures.device.type == "cpu":  # OpenCV's morphology takes a hundredth of the time of pooling
        return torch.from_numpy(np.stack([cues_of(picture) for picture in pictures.numpy()]))
    return pooled_cues(pictures)


def pooled_cues(pictures: Tensor) -> Tensor:
    """Return what `cues_of` returns of each of N×H×W pictures, N×C×H×W, by pooling, as GPUs do fast."""
    grey = pictures[:, None]
    cues = [2 * (grey - 0.5)]
    for side in CUE_SIDES:
        widest = nn.MaxPool2d(side, stride=1, padding=side // 2)
        cues.append(6 * (grey - widest(-widest(-grey))))
        cues.append(6 * (-widest(-widest(grey)) - grey))
    return torch.cat(cues, 1)


class Detector(Protocol):
    """What the restoration stage needs of a detector."""

    @property
    def context(self) -> int:
        """Pixels around a place that its verdict may depend on: the margin that tiles need."""
        ...

    def survey(self, image: pyvips.Image, over: Mapping = map) -> Overview | None:
        """Look at the whole scan from afar; ``None`` for a detector that works on tiles alone."""
        ...

    def detect(
        self, grey: Grey, sensitivity: float, overview: Overview | None = None, left: int = 0, top: int = 0
    ) -> Verdicts:
        """Return the verdicts on a tile; a higher `sensitivity`, 0–1, misses less and errs more.

        `overview` is what `survey` said of the scan in which the tile lies at `left`, `top`; without it the
        tile is a whole picture.
        """
        ...

    @property
    def model(self) -> ModelReference | None:
        """The weights used, ``None`` for a classical method."""
        ...


class NetworkDetector:
    """The trained detector.

    Parameters
    ----------
    device
        ``cpu`` or ``cuda``.
    folder
        Where the weights are.
    """

    def __init__(self, device: str = "cpu", folder: Path = WEIGHTS) -> None:
        descriptor, network = load_once(DETECTOR, MultiscaleDetector, folder)
        self.model: ModelReference | None = descriptor.reference
        self.context: int = descriptor.context
        self._size = descriptor.size
        self._runner = TileRunner(network, descriptor.size, device)
        self._fusion = deepcopy(network.fuse).float().to(self._runner.device)

    def survey(self, image: pyvips.Image, over: Mapping = map) -> Overview:
        """Look at the whole scan from afar; see `Detector.survey`. `over` maps, side by side if it can."""
        return Overview.of(image, partial(self.judge, over=over))

    def detect(
        self, grey: Grey, sensitivity: float, overview: Overview | None = None, left: int = 0, top: int = 0
    ) -> Verdicts:
        """Return the verdicts on a tile; see `Detector.detect`."""
        evidence = self.evidence(grey, overview, left, top)
        condition = Condition.of(evidence) if overview is None else overview.condition
        return verdicts(evidence, sensitivity, condition.boldness)

    def evidence(self, grey: Grey, overview: Overview | None = None, left: int = 0, top: int = 0) -> Evidence:
        """Return log-odds on a tile, C×H×W: that there is damage, then for each kind that it is this one.

        What the overview says counts, or what a look at the tile is surer of: specks are too small for it.
        """
        if overview is None:
            return self.judge(grey)
        evidence = overview.under(grey.shape, left, top)
        if overview.step > 1:
            _let_count(evidence, self.look(grey))
        if overview.step > _SEEN_AT_HALF:
            height, width = grey.shape
            half = np.asarray(_halved(_filled(grey, SizeRequirements(multiple_of=2))), np.float32)
            _let_count(evidence, np.stack([_enlarged(part, 2)[:height, :width] for part in self.look(half)]))
        return evidence

    def judge(self, grey: Grey, over: Mapping = map) -> Evidence:
        """Return what looks at a whole picture, at half and at a quarter of its size come to together."""
        height, width = grey.shape
        reduced = _filled(grey, SizeRequirements(multiple_of=2 ** (MultiscaleDetector.SCALES - 1)))
        looks = list(self.look(reduced, over))
        for scale in range(1, MultiscaleDetector.SCALES):
            reduced = _halved(reduced)
            looks += [_enlarged(part, 2**scale) for part in self.look(reduced, over)]
        return self._fused(looks, over)[:, :height, :width]

    def _fused(self, looks: Sequence[Grey], over: Mapping) -> Evidence:
        """Return what the looks' maps, all of one size, come to; strip by strip, for they are many."""
        height, width = looks[0].shape
        fused = np.empty((1 + len(DamageKind), height, width), np.float32)

        def work(place: tuple[int, int]) -> None:
            top, bottom = place
            first = max(0, top - 1)  # the fusion sees one pixel around each
            strip = np.stack([part[first : bottom + 1] for part in looks])
            with torch.inference_mode():
                said = self._fusion(torch.from_numpy(strip).to(self._runner.device)[None])[0]
            fused[:, top:bottom] = said.cpu().numpy()[:, top - first : bottom - first]

        list(over(work, [(top, min(height, top + _STRIP)) for top in range(0, height, _STRIP)]))
        return fused

    def look(self, grey: Grey, over: Mapping = map) -> Evidence:
        """Return what the network says of a picture at the size it is given, in parts when it is large."""
        height, width = grey.shape
        if height * width <= _PART**2:
            return self._look(grey)
        found = np.empty((1 + len(DamageKind), height, width), np.float32)
        places = list(product(range(0, height, _PART), range(0, width, _PART)))

        def work(place: tuple[int, int]) -> None:
            first, last = ([max(0, at - self.context) for at in place], [at + _PART for at in place])
            reach = tuple(slice(a, b + self.context) for a, b in zip(first, last, strict=True))
            inner = tuple(slice(at - a, at - a + _PART) for at, a in zip(place, first, strict=True))
            rows, columns = (slice(at, end) for at, end in zip(place, last, strict=True))
            found[:, rows, columns] = self._look(np.ascontiguousarray(grey[reach]))[(slice(None), *inner)]

        list(over(work, places))
        return found

    def _look(self, grey: Grey) -> Evidence:
        height, width = grey.shape
        filled = _filled(grey, self._size)
        return self._runner(cues_of(filled))[:, :height, :width]


def _let_count(evidence: Evidence, near: Evidence) -> None:
    """Let `evidence` say what a look from near does wherever that is surer of damage; C×H×W, in place."""
    near[0] -= _NEAR_CAUTION
    np.copyto(evidence, near, where=near[0] > evidence[0])


def _halved(grey: Grey) -> Grey:
    return np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)


def _enlarged(grey: Grey, times: int) -> Grey:
    """Return a map at some times its size, bilinear between the centers of pixels, as PyTorch's is."""
    return np.asarray(cv2.resize(grey, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR), np.float32)


def _filled(grey: Grey, size: SizeRequirements) -> Grey:
    """Return a tile extended downward and to the right to a size that the network takes."""
    below, right = size.padding(*grey.shape)
    return np.pad(grey, ((0, below), (0, right)), mode="edge")


def kinds_of(evidence: Evidence) -> npt.NDArray[np.uint8]:
    """Return the likeliest kind of damage at each pixel, H×W.

    Averaged over neighbors, for the kind does not change within a few pixels.
    """
    likeliest = cv2.blur(evidence[1], (5, 5))
    kinds = np.ones(evidence.shape[1:], np.uint8)
    for kind in range(2, len(evidence)):  # one by one: all of them at once would take much memory
        likelihood = cv2.blur(evidence[kind], (5, 5))
        kinds[likelihood > likeliest] = kind
        np.maximum(likeliest, likelihood, out=likeliest)
    return kinds


def verdicts(evidence: Evidence, sensitivity: float, boldness: float = 0.0) -> Verdicts:
    """Return the verdicts for a network's `evidence`, C×H×W, see `Detector.detect`.

    `boldness` is what the photograph's condition takes off the evidence that is asked for, log-odds.
    """
    sure, suspected, likely = (threshold - boldness for threshold in thresholds(sensitivity))
    kinds = kinds_of(evidence)
    found = evidence[0] > likely
    scratches = found & (kinds == DamageKind.SCRATCH)
    evident = evidence[0] - _SCRATCH_CAUTION * scratches - _BROAD_CAUTION * _broad_scratches(scratches)
    grade = np.select([evident > sure, evident > suspected], [SURE, SUSPECTED])
    return np.where(found, kinds + grade, 0).astype(np.uint8)


def _broad_scratches(scratches: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return where an apparent scratch is broad, H×W."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_BROAD_SCRATCH, _BROAD_SCRATCH))
    broad = cv2.morphologyEx(scratches.view(np.uint8), cv2.MORPH_OPEN, disc)
    return np.asarray(scratches & (cv2.dilate(broad, np.ones((5, 5), np.uint8)) > 0))


def with_rims(found: Verdicts) -> Verdicts:
    """Return verdicts with the pixels around each defect: its blurred rim, too faint to be detected."""
    around = cv2.dilate(found & KIND, np.ones((3, 3), np.uint8))
    return np.where(found > 0, found, around).astype(np.uint8)


def thresholds(sensitivity: float) -> tuple[float, float, float]:
    """Return the log-odds from which damage is sure, from which suspected and from which likely.

    Chosen on marked prints by networks that did not see them (`tests.benchmarks.restore_real`).
    """
    sure = 1.75 - 3 * sensitivity
    return sure, sure - 0.5, sure - 1


_BROAD_SCRATCH = 5
"""Pixels from which a scratch is broad. Most are thin; rods and the legs of tripods are broad."""
_SCRATCH_CAUTION, _BROAD_CAUTION = np.float32(1.25), np.float32(1.0)
"""Additional log-odds required to be sure of a scratch, and again of a broad one."""
