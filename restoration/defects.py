"""Finding damage: a detector turns a tile of the photograph into a map of damage kinds.

Its result depends on the tile alone, so that tiles can be processed in any order, and again after a crash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from imaging.networks.descriptor import SizeRequirements
from imaging.stage import ModelReference
from restoration.kinds import KIND, SURE, SUSPECTED, DamageKind
from restoration.models import WEIGHTS, load_once
from restoration.network import PretrainedUNet, TileRunner

Grey = npt.NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Verdicts = npt.NDArray[np.uint8]
"""H×W; 0 where the photograph is sound, else a `DamageKind`, with `SUSPECTED` or `SURE` added where the
detector suspects or is sure of damage."""


DETECTOR = "detector"
"""Name of the detector's weights."""


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

    def detect(self, grey: Grey, sensitivity: float) -> Verdicts:
        """Return the verdicts on a tile; higher `sensitivity`, 0–1: fewer misses, more false alarms."""
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
        descriptor, network = load_once(DETECTOR, PretrainedUNet, folder)
        self.model: ModelReference | None = descriptor.reference
        self.context: int = descriptor.context
        self._size = descriptor.size
        self._runner = TileRunner(network, descriptor.size, device)

    def detect(self, grey: Grey, sensitivity: float) -> Verdicts:
        """Return the verdicts on a tile; see `Detector.detect`."""
        return verdicts(self.evidence(grey), sensitivity)

    def evidence(self, grey: Grey) -> Grey:
        """Return log-odds on a tile, C×H×W: that there is damage, then for each kind that it is this one.

        Where damage seems broad, the network runs again at half size, where its context is twice as wide.
        """
        height, width = grey.shape
        found = self._two_passes(grey)
        reduced = cv2.resize(
            _filled(grey, SizeRequirements(multiple_of=2)), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
        )
        coarse = self._two_passes(np.asarray(reduced, np.float32))[0]
        again = cv2.resize(coarse, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
        broad = np.isin(kinds_of(found), _BROAD)
        found[0] = np.where(broad, (found[0] + again) / 2, found[0])
        return found

    def _two_passes(self, grey: Grey) -> Grey:
        """Return the mean of the evidence upright and upside down.

        A false alarm in one is seldom one in the other, which halves their number.
        """
        height, width = grey.shape
        # Padded first, so that pixels fall into the same cells of the network's grid in both passes.
        filled = _filled(grey, self._size)
        found = self._runner(cues_of(filled))
        found += self._runner(cues_of(np.ascontiguousarray(filled[::-1, ::-1])))[:, ::-1, ::-1]
        found *= np.float32(0.5)
        return found[:, :height, :width]


def _filled(grey: Grey, size: SizeRequirements) -> Grey:
    """Return a tile extended downward and to the right to a size that the network takes."""
    below, right = size.padding(*grey.shape)
    return np.pad(grey, ((0, below), (0, right)), mode="edge")


def kinds_of(evidence: Grey) -> npt.NDArray[np.uint8]:
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


def verdicts(evidence: Grey, sensitivity: float) -> Verdicts:
    """Return the verdicts for a network's `evidence`, C×H×W; see `Detector.detect`."""
    sure, suspected, likely = thresholds(sensitivity)
    kinds = kinds_of(evidence)
    found = evidence[0] > likely
    evident = (
        evidence[0]
        - _CAUTION[kinds]
        - _BROAD_CAUTION * _broad_scratches(found & (kinds == DamageKind.SCRATCH))
    )
    grade = np.select([evident > sure, evident > suspected], [SURE, SUSPECTED])
    return np.where((grade > 0) | found, kinds + grade, 0).astype(np.uint8)


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

    Chosen by `restoration.training.sensitivity` (at 0.5 some 0.01 % of a clean photograph are false alarms)
    and by inspection of real scans: lower ones find little more and remove a rod and a ribbon.
    """
    sure = 9 - 11 * sensitivity
    suspected = min(sure, 0.46 * sure)
    return sure, suspected, min(suspected - 0.5, sure / 4 - 1.4)


_BROAD = (DamageKind.LOSS, DamageKind.MOLD)
"""Kinds recognized better at half size; thin ones and cracks fade there."""
_CAUTION = np.array([0.0, -1.5, -0.5, -1.0, -1.0, 0.5, -2.0], np.float32)
"""Additional log-odds required to be sure, by kind: large false alarms do more harm than specks."""
_BROAD_SCRATCH = 5
"""Pixels from which a scratch is broad. Most are thin; rods and the legs of tripods are broad."""
_BROAD_CAUTION = np.float32(0.8)
"""Additional log-odds required to be sure of a broad scratch."""
