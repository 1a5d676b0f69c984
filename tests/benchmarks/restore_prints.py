"""What is found of the damage on two old prints; alone: ``python -m tests.benchmarks.restore_prints``.

Synthetic damage says how a detector compares; real prints say whether it helps. On the two scans of the
shared folder that are plainly damaged, what can be seen was marked by hand, as lines through its middle (px
of the scan). What is very small or doubtful was not marked, so that the share found beside the marks is no
share of errors.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.scan import open_scan
from restoration.area import area_of
from restoration.damage_components import damage_mask
from restoration.defects import NetworkDetector
from restoration.sampling import encoded, luma
from tests.benchmarks.frame import Reached, report, show
from tests.benchmarks.restore_defects import SHARED

Line = Sequence[tuple[int, int]]

MARKS: Mapping[str, Sequence[Line]] = {
    "bopb-08.png": (
        ((400, 267), (412, 261), (424, 256), (434, 250), (446, 244), (456, 241)),
        ((428, 256), (433, 268), (433, 286), (440, 295)),
        ((448, 141), (472, 154), (488, 164)),
        ((432, 152), (432, 170), (433, 180)),
        ((405, 208), (407, 219), (413, 229)),
        ((426, 76), (428, 91)),
        ((379, 114), (378, 125)),
        ((280, 137), (280, 143)),
        ((276, 4), (278, 29)),
        ((443, 197), (456, 202)),
        ((457, 290), (468, 305)),
        ((396, 193), (394, 201)),
        ((376, 229), (383, 235)),
        ((454, 275), (472, 276)),
        ((447, 350), (464, 337), (469, 324), (467, 312)),
        ((335, 610), (339, 621)),
        ((394, 596), (394, 621)),
        ((354, 557), (356, 556)),
        ((245, 342), (245, 346)),
        ((399, 513), (401, 512)),
        ((440, 473), (440, 473)),
        ((452, 471), (452, 471)),
        ((308, 472), (308, 472)),
        ((281, 475), (281, 475)),
        ((84, 529), (86, 530)),
        ((171, 499), (171, 500)),
        ((87, 470), (87, 470)),
        ((198, 338), (198, 338)),
        ((222, 363), (222, 363)),
        ((70, 176), (70, 176)),
        ((110, 246), (110, 246)),
        ((130, 240), (130, 240)),
        ((103, 60), (103, 60)),
        ((65, 51), (65, 51)),
    ),
    "bopb-10.png": (
        ((28, 3), (43, 13), (69, 32)),
        ((116, 62), (138, 78)),
        ((216, 136), (242, 155), (250, 159)),
        ((156, 85), (173, 86)),
        ((247, 33), (247, 33)),
        ((165, 124), (165, 124)),
        ((70, 100), (70, 100)),
        ((77, 96), (77, 96)),
        ((203, 188), (203, 188)),
    ),
}
"""What was marked."""
NEAR = 4
"""Pixels from a mark within which what is found may be it."""
ENOUGH = 0.3
"""Share of a mark's length from which it counts as found."""
SENSITIVITIES = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0)


def measure() -> tuple[dict[str, Any], list[Reached]]:
    """Return how many marks are found, and the share of the photograph found beside them."""
    detector = NetworkDetector()
    figures: dict[str, Any] = {}
    rows = []
    for name, marks in MARKS.items():
        image = open_scan(SHARED / "scans" / name)
        grey = luma(encoded(np.atleast_3d(image.numpy())))
        for sensitivity in SENSITIVITIES:
            found = _within_photograph(damage_mask(detector.detect(grey, sensitivity)) > 0, image)
            hits = sum(_covered(mark, found) >= ENOUGH for mark in marks)
            beside = float((found & ~_around(marks, found.shape)).mean())
            figures[f"{name} at {sensitivity}"] = {"found": hits, "marked": len(marks), "beside": beside}
            rows.append((name, sensitivity, f"{hits} of {len(marks)}", 100 * beside))
    show(
        "damage on old prints, marked by hand",
        ("scan", "sensitivity", "marks found", "found beside marks, % of the scan"),
        rows,
    )
    return figures, []


def _within_photograph(found: NDArray[np.bool_], image: pyvips.Image) -> NDArray[np.bool_]:
    rows, columns = area_of(image)
    inside = np.zeros_like(found)
    inside[rows, columns] = True
    return found & inside


def _drawn(mark: Line, shape: tuple[int, ...], thickness: int) -> NDArray[np.bool_]:
    canvas = np.zeros(shape, np.uint8)
    cv2.polylines(canvas, [np.array(mark, np.int32)], False, 1, thickness)
    return canvas > 0


def _covered(mark: Line, found: NDArray[np.bool_]) -> float:
    """Return the share of a mark's length with something found near."""
    near = cv2.dilate(found.view(np.uint8), np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)) > 0
    return float(near[_drawn(mark, found.shape, 1)].mean())


def _around(marks: Sequence[Line], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.any([_drawn(mark, shape, 4 * NEAR + 1) for mark in marks], axis=0)


if __name__ == "__main__":
    sys.exit(report("restore_prints", *measure()))
