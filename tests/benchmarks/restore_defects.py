"""Detection and mending of `make bench-restore`; alone: ``python -m tests.benchmarks.restore_defects``.

Held out: the outlines of film scans 9 and 10, composited on the last photographs of the grey shard, none of
them trained on. A pixel whose value damage changed by less than `SHOWS` counts neither way. Peers in the
same run: the classical detector; OpenCV's Telea and Navier-Stokes, scikit-image's biharmonic inpainting.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from skimage.restoration import inpaint_biharmonic

from imaging.networks.training.shards import read_photographs
from restoration.damage_components import damage_mask
from restoration.defects import Detector, NetworkDetector
from restoration.kinds import DamageKind
from restoration.mending import Mender
from restoration.noise import SILENT
from restoration.options import RestorationOptions
from restoration.training.backgrounds import add_grain, digitize
from restoration.training.command import HELD_OUT_PHOTOGRAPHS
from restoration.training.damage import SHOWS, Damaged, damage
from restoration.training.shapes import HELD_OUT_SCANS, Shapes
from tests.benchmarks.classical_detector import ClassicalDetector
from tests.benchmarks.frame import Reached, report, show

SHARED = Path(__file__).parents[2].parent / "shared"
SIDE = 320
PICTURES = 90
SENSITIVITY = RestorationOptions().sensitivity
SIZES = ((0, 30), (30, 100), (100, 400), (400, 10**9))
"""Defects by area, px."""
CONTRASTS = ((0, 0.5), (0.5, 1), (1, 2), (2, 4), (4, 10**9))
"""Defects by how much they stand out: the change they make over the deviation of what lies around them."""
_AROUND = 12
"""How far what lies around a defect reaches, px."""
BIHARMONIC_SHARE = 0.08
"""Share of holes up to which the biharmonic method is tried: its cost grows with the square of it."""

Grey = NDArray[np.float32]


def measure() -> tuple[dict[str, Any], list[Reached]]:
    """Return all figures of detection and mending and the promises among them."""
    detection, promised = measure_detection()
    mending, more = measure_mending()
    return {"detection": detection, "mending": mending}, promised + more


def held_out_photographs() -> list[Grey]:
    """Return the photographs that no network of restoration was trained on, encoded values in [0, 1]."""
    photographs = read_photographs([SHARED / "photos" / "grey-fullres.tar"])[-HELD_OUT_PHOTOGRAPHS:]
    return [photograph.astype(np.float32) / 255 for photograph in photographs]


def damaged_pictures(grain: bool) -> Iterator[Damaged]:
    """Yield the same damaged pictures each time, the kinds of damage in turn."""
    photographs, random = held_out_photographs(), np.random.default_rng(1888)
    shapes = Shapes(SHARED / "damage" / "film-defects.json.gz", HELD_OUT_SCANS)
    for number in range(PICTURES):
        photograph = photographs[number % len(photographs)]
        top, left = (int(random.integers(max(1, n - SIDE))) for n in photograph.shape)
        clean = photograph[top : top + SIDE, left : left + SIDE]
        sigma = 0.0
        if grain:
            clean, sigma = add_grain(clean, random)
        kinds = {list(DamageKind)[number % len(DamageKind)], DamageKind.DUST}
        hurt = damage(clean.clip(0, 1), shapes, random, kinds, shows=max(SHOWS, 1.6 * sigma))
        yield Damaged(digitize(hurt.picture, random) if grain else hurt.picture, *_truth(hurt))


def _truth(hurt: Damaged) -> tuple[Grey, NDArray[np.uint8], NDArray[np.bool_]]:
    return hurt.clean, hurt.kinds, hurt.doubtful


# --- detection --------------------------------------------------------------------------------------


@dataclass
class _Score:
    """Pixel counts of one detector."""

    table: NDArray[np.int64] = field(default_factory=lambda: np.zeros((7, 7), np.int64))
    sizes: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    contrasts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((7, len(CONTRASTS), 2), np.int64))
    """Found and all pixels of the defects of each kind, by contrast."""

    def add(self, truth: Damaged, found: NDArray[np.uint8]) -> None:
        known = ~truth.doubtful
        codes = truth.kinds[known].astype(np.int64) * 7 + found[known]
        self.table += np.bincount(codes, minlength=49).reshape(7, 7)
        _, labels, stats, _ = cv2.connectedComponentsWithStats((truth.kinds > 0).view(np.uint8))
        hits = np.bincount(labels[found > 0], minlength=len(stats))
        for label in range(1, len(stats)):
            area = int(stats[label, cv2.CC_STAT_AREA])
            size = next(size for size in SIZES if size[0] <= area < size[1])
            self.sizes[size][0] += int(hits[label])
            self.sizes[size][1] += area
        for kind in DamageKind:
            for part, contrast in _defects_of(truth, kind):
                column = next(i for i, (low, high) in enumerate(CONTRASTS) if low <= contrast < high)
                self.contrasts[kind, column] += int((found[part] > 0).sum()), len(part[0])

    def of(self, kind: int | None) -> dict[str, float]:
        """Return precision, recall, F1 and IoU of damage as such (``None``) or of one kind."""
        if kind is None:
            hit = self.table[1:, 1:].sum()
            found, true = self.table[:, 1:].sum(), self.table[1:].sum()
        else:
            hit, found, true = self.table[kind, kind], self.table[:, kind].sum(), self.table[kind].sum()
        return {
            "precision": float(hit / max(1, found)),
            "recall": float(hit / max(1, true)),
            "f1": float(2 * hit / max(1, found + true)),
            "iou": float(hit / max(1, found + true - hit)),
        }


def _defects_of(truth: Damaged, kind: DamageKind) -> Iterator[tuple[tuple[NDArray[np.intp], ...], float]]:
    """Yield the pixels of each defect of a kind, and how much it stands out."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((truth.kinds == kind).view(np.uint8))
    change = abs(truth.picture - truth.clean)
    reach = np.ones((2 * _AROUND + 1,) * 2, np.uint8)
    for label, (left, top, width, height, _) in enumerate(stats[1:], start=1):
        rows = slice(max(0, top - _AROUND), top + height + _AROUND)
        columns = slice(max(0, left - _AROUND), left + width + _AROUND)
        defect = labels[rows, columns] == label
        around = (cv2.dilate(defect.view(np.uint8), reach) > 0) & (truth.kinds[rows, columns] == 0)
        deviation = float(truth.clean[rows, columns][around].std()) if around.any() else 0.0
        contrast = float(np.median(change[rows, columns][defect])) / (deviation + 1e-3)
        yield np.nonzero(labels == label), contrast


def measure_detection() -> tuple[dict[str, Any], list[Reached]]:
    """Return scores of the network and of the classical detector on the same pictures."""
    detectors: dict[str, Detector] = {"network": NetworkDetector(), "classical": ClassicalDetector()}
    scores = {name: _Score() for name in detectors}
    for hurt in damaged_pictures(grain=True):
        for name, detector in detectors.items():
            scores[name].add(hurt, _found(detector, hurt.picture))
    figures: dict[str, Any] = {}
    for name, score in scores.items():
        rows = {"overall": score.of(None)} | {kind.label: score.of(kind) for kind in DamageKind}
        sizes = {
            f"{low}–{high} px": hit / max(1, area) for (low, high), (hit, area) in sorted(score.sizes.items())
        }
        show(
            f"{name} detector, held-out damage, {PICTURES} pictures",
            ("kind", "F1", "IoU", "precision", "recall"),
            [(kind, r["f1"], r["iou"], r["precision"], r["recall"]) for kind, r in rows.items()],
        )
        show(f"{name}: recall by size of the defect", tuple(sizes), [tuple(sizes.values())])
        contrasts = {
            kind.label: [
                (float(all_of / max(1, score.contrasts[kind, :, 1].sum())), float(hit / max(1, all_of)))
                for hit, all_of in score.contrasts[kind]
            ]
            for kind in DamageKind
        }
        show(
            f"{name}: recall by how much a defect stands out (in brackets: the share of such pixels)",
            ("kind", *(f"{low:g}–{high:g} σ" if high < 10**9 else f"> {low:g} σ" for low, high in CONTRASTS)),
            [(kind, *(f"{r:.2f} ({share:.2f})" for share, r in cells)) for kind, cells in contrasts.items()],
        )
        figures[name] = {"kinds": rows, "recall by size": sizes, "recall by contrast": contrasts}
    alarms = {name: false_alarms(detector) for name, detector in detectors.items()}
    figures["false alarms"] = alarms
    show(
        "false alarms, share of pixels in %",
        ("picture", *alarms),
        [(picture, *(100 * alarms[name][picture] for name in alarms)) for picture in alarms["network"]],
    )
    return figures, _detection_promises(figures)


def _detection_promises(figures: dict[str, Any]) -> list[Reached]:
    kinds, alarms = figures["network"]["kinds"], figures["false alarms"]["network"]
    promises = [Reached("detection F1, overall", kinds["overall"]["f1"], 0.80, at_most=False)]
    promises += [
        Reached(f"detection F1, {kind.label}", kinds[kind.label]["f1"], 0.70, at_most=False)
        for kind in DamageKind
    ]
    promises.append(Reached("false alarms on clean photographs, %", 100 * alarms[_CLEAN], 0.05))
    promises += [
        Reached(f"false alarms on {name}, %", 100 * share, 0.2)
        for name, share in alarms.items()
        if name != _CLEAN
    ]
    return promises


def _found(detector: Detector, picture: Grey) -> NDArray[np.uint8]:
    return damage_mask(detector.detect(picture, SENSITIVITY))


_CLEAN = "clean photographs"


def false_alarms(detector: Detector) -> dict[str, float]:
    """Return the share of pixels called damage in pictures that have none."""
    clean = held_out_photographs() + [
        photograph.astype(np.float32) / 255
        for photograph in read_photographs([SHARED / "photos" / "validation.tar"], limit=60)
    ]
    shares = {_CLEAN: fmean(float((_found(detector, p) > 0).mean()) for p in clean)}
    for name, picture in distractors().items():
        shares[name] = float((_found(detector, picture) > 0).mean())
    return shares


def distractors() -> dict[str, Grey]:
    """Return pictures easily mistaken for damaged ones, none of them from the training's generators."""
    ys, xs = np.mgrid[:512, :512].astype(np.float32)
    grid = np.where((xs % 32 < 2) | (ys % 32 < 2), np.float32(0.2), np.float32(0.85))
    twill = 0.5 + 0.25 * np.sign(np.sin(2 * np.pi * (xs + ys) / 7)) * np.sin(2 * np.pi * (xs - ys) / 19)
    stars = skimage.data.hubble_deep_field().astype(np.float32) @ np.array(
        [0.2126, 0.7152, 0.0722], np.float32
    )
    return {
        "page of text": skimage.data.page().astype(np.float32) / 255,
        "handwriting": skimage.data.text().astype(np.float32) / 255,
        "coins": skimage.data.coins().astype(np.float32) / 255,
        "starfield": stars / np.float32(255),
        "grid": grid,
        "fine fabric": np.asarray(cv2.GaussianBlur(twill, (0, 0), 0.7), np.float32),
    }


# --- mending ----------------------------------------------------------------------------------------

Fill = Callable[[Grey, NDArray[np.bool_]], Grey]


def _opencv(flag: int) -> Fill:
    def fill(picture: Grey, holes: NDArray[np.bool_]) -> Grey:
        coded = np.rint(picture.clip(0, 1) * 65535).astype(np.uint16)
        return np.asarray(cv2.inpaint(coded, holes.view(np.uint8), 5, flag) / np.float32(65535), np.float32)

    return fill


def measure_mending() -> tuple[dict[str, Any], list[Reached]]:
    """Return PSNR and SSIM inside holes, the truth of where they are given to all methods alike."""
    mender = Mender(SILENT)
    fills: dict[str, Fill] = {
        "ours": lambda picture, holes: mender(picture[:, :, None], holes, 0, 0)[:, :, 0],
        "Telea": _opencv(cv2.INPAINT_TELEA),
        "Navier-Stokes": _opencv(cv2.INPAINT_NS),
        "biharmonic": lambda picture, holes: np.asarray(inpaint_biharmonic(picture, holes), np.float32),
    }
    results: dict[str, dict[str, list[tuple[float, float, float]]]] = {n: defaultdict(list) for n in fills}
    for number, hurt in enumerate(damaged_pictures(grain=False)):
        holes = cv2.dilate((hurt.kinds > 0).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if not holes.any():
            continue
        kind = list(DamageKind)[number % len(DamageKind)].label
        for name, fill in fills.items():
            if name != "biharmonic" or holes.mean() < BIHARMONIC_SHARE:
                mended = np.where(holes, fill(hurt.picture, holes), hurt.picture)
                results[name][kind].append(_quality(mended, hurt.clean, holes))
    return _mending_report(results)


def _quality(mended: Grey, clean: Grey, holes: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return PSNR inside holes (dB), SSIM inside holes, PSNR overall (dB)."""
    error = np.square(mended.clip(0, 1) - clean)
    _, similarity = structural_similarity(mended, clean, data_range=1.0, full=True)
    inside, overall = (-10 * np.log10(max(1e-10, float(e))) for e in (error[holes].mean(), error.mean()))
    return float(inside), float(similarity[holes].mean()), float(overall)


def _mending_report(
    results: dict[str, dict[str, list[tuple[float, float, float]]]],
) -> tuple[dict[str, Any], list[Reached]]:
    figures: dict[str, Any] = {}
    for name, kinds in results.items():
        everything = [quality for qualities in kinds.values() for quality in qualities]
        figures[name] = {"all": _means(everything)} | {kind: _means(q) for kind, q in kinds.items()}
    columns = ["all", *(kind.label for kind in DamageKind)]
    for number, title in enumerate(("PSNR inside holes, dB", "SSIM inside holes", "PSNR overall, dB")):
        rows = [(n, *(f[c][number] if c in f else "" for c in columns)) for n, f in figures.items()]
        show(f"mending, mean over pictures: {title}", ("method", *columns), rows)
    gain = figures["ours"]["all"][0] - figures["Telea"]["all"][0]
    return figures, [Reached("mending over Telea inside holes, dB", gain, 1.5, at_most=False)]


def _means(qualities: Sequence[tuple[float, float, float]]) -> tuple[float, ...]:
    return tuple(fmean(part) for part in zip(*qualities, strict=True))


if __name__ == "__main__":
    sys.exit(report("restore_defects", *measure()))
