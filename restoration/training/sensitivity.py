"""Choose the default sensitivity: ``python -m restoration.training.sensitivity --photos … --defects …``.

Prints F1 on damaged and false alarms on clean photographs at every sensitivity. The photographs are those of
``validation.tar`` after the first `BENCHMARKED`; neither training nor the benchmark uses them. The outlines
are those used in training, which flatters F1 at every sensitivity alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.networks.training.shards import read_photographs
from restoration.damage_components import damage_mask
from restoration.defects import Grey, NetworkDetector, verdicts
from restoration.kinds import DamageKind
from restoration.training.backgrounds import add_grain, digitize
from restoration.training.damage import SHOWS, Damaged, damage
from restoration.training.detector import OUTPUTS, f1_scores
from restoration.training.shapes import HELD_OUT_SCANS, Shapes

BENCHMARKED = 60
"""Photographs of ``validation.tar`` that the benchmark takes, its first."""
SIDE = 320
CLEAN_SIZES = (1.0, 0.7, 1.4)
"""Scales of the clean photographs: few of them have false alarms, so several views of each are taken."""
SENSITIVITIES = tuple(round(0.05 * step, 2) for step in range(2, 20))


def damaged_photographs(photographs: Sequence[NDArray[np.uint8]], shapes: Shapes) -> Iterator[Damaged]:
    """Yield each photograph's crop with dust and one other kind of damage, the kinds in turn."""
    random = np.random.default_rng(1839)
    for number, photograph in enumerate(photographs):
        top, left = (int(random.integers(max(1, side - SIDE))) for side in photograph.shape)
        clean, sigma = add_grain(_grey(photograph[top : top + SIDE, left : left + SIDE]), random)
        kinds = {list(DamageKind)[number % len(DamageKind)], DamageKind.DUST}
        hurt = damage(clean.clip(0, 1), shapes, random, kinds, shows=max(SHOWS, 1.6 * sigma))
        yield Damaged(digitize(hurt.picture, random), hurt.clean, hurt.kinds, hurt.doubtful)


def clean_photographs(photographs: Sequence[NDArray[np.uint8]]) -> Iterator[Grey]:
    """Yield each photograph at each of `CLEAN_SIZES`."""
    for size in CLEAN_SIZES:
        method = cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
        for photograph in photographs:
            resized = cv2.resize(_grey(photograph), None, fx=size, fy=size, interpolation=method)
            yield np.asarray(resized.clip(0, 1), np.float32)


def _grey(coded: NDArray[np.uint8]) -> Grey:
    return np.asarray(coded / np.float32(255), np.float32)


def scores(judged: Iterable[tuple[Damaged, Grey]], sensitivity: float) -> dict[str, float]:
    """Return F1, overall and by kind, of the damage masks that the evidence yields."""
    table = np.zeros((OUTPUTS, OUTPUTS), np.int64)
    for hurt, evidence in judged:
        known = ~hurt.doubtful
        found = damage_mask(verdicts(evidence, sensitivity))[known]
        codes = hurt.kinds[known].astype(np.int64) * OUTPUTS + found
        table += np.bincount(codes, minlength=OUTPUTS**2).reshape(OUTPUTS, OUTPUTS)
    return f1_scores(table)


def false_alarms(evidence: Sequence[Grey], sensitivity: float) -> float:
    """Return the mean share of clean photographs that is called damage."""
    return float(np.mean([(damage_mask(verdicts(one, sensitivity)) > 0).mean() for one in evidence]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder of the tar shards")
    parser.add_argument("--defects", type=Path, required=True, help="outlines of real defects, gzipped JSON")
    chosen = parser.parse_args(arguments)
    photographs = read_photographs([chosen.photos / "validation.tar"])[BENCHMARKED:]
    shapes = Shapes(chosen.defects, [scan for scan in range(1, 11) if scan not in HELD_OUT_SCANS])
    detector = NetworkDetector()
    judged = [(hurt, detector.evidence(hurt.picture)) for hurt in damaged_photographs(photographs, shapes)]
    clean = [detector.evidence(photograph) for photograph in clean_photographs(photographs)]
    print("sensitivity  false alarms %  F1 overall and by kind")
    for sensitivity in SENSITIVITIES:
        alarms, reached = 100 * false_alarms(clean, sensitivity), scores(judged, sensitivity)
        columns = "  ".join(f"{name.removeprefix('f1_')} {score:.2f}" for name, score in reached.items())
        print(f"{sensitivity:11.2f}  {alarms:14.3f}  {columns}")


if __name__ == "__main__":
    main()
