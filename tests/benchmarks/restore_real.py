"""Damage found on real prints, marked by hand; alone: ``python -m tests.benchmarks.restore_real [SHEET]``.

The first table of `make bench-restore`: at the default settings, precision, recall and F1 of pixels pooled
over the pictures of the shared folder, with a tolerance of `TOLERANCE` px both ways; what was marked as "does
not count" is left out. Each picture is judged by a network that did not see it: `FOLDS` holds one for each
third of the pictures, made by ``python -m restoration.training.prints --fold``. With a path, a sheet of all
pictures is written: each with what was marked and what was found.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.damage_components import damage_mask
from restoration.defects import NetworkDetector, with_rims
from restoration.kinds import DamageKind
from restoration.options import RestorationOptions
from restoration.training.marked import DOUBTFUL, FOLDS, MarkedPrint, fold_of, read_marked
from tests.benchmarks.frame import Reached, report, show
from tests.benchmarks.restore_defects import SHARED

TOLERANCE = 2
"""Pixels by which a mark and what is found may miss each other."""
WEIGHTS = Path(__file__).parent / "real_folds"
"""Folders ``0``, ``1``, … with the weights of each fold."""
RECALLS: Mapping[DamageKind, float] = {
    DamageKind.SCRATCH: 0.6,
    DamageKind.CRACK: 0.6,
    DamageKind.DUST: 0.5,
    DamageKind.LOSS: 0.5,
    DamageKind.MOLD: 0.3,
}
"""What is promised by kind; creases and tears are cracks, specks dust, stains mold."""
_COLORS: Mapping[int, tuple[int, int, int]] = {
    DamageKind.DUST: (255, 0, 255),
    DamageKind.HAIR: (255, 255, 0),
    DamageKind.SCRATCH: (0, 0, 255),
    DamageKind.CRACK: (0, 255, 255),
    DamageKind.LOSS: (255, 128, 0),
    DamageKind.MOLD: (0, 255, 0),
    DOUBTFUL: (128, 128, 128),
}
"""B, G, R of the kinds on sheets."""


@dataclass
class Tally:
    """Pixels found and marked, pooled over pictures."""

    found: int = 0
    right: int = 0
    """Of those found, near a mark."""
    marked: dict[DamageKind, int] = field(default_factory=lambda: dict.fromkeys(DamageKind, 0))
    recovered: dict[DamageKind, int] = field(default_factory=lambda: dict.fromkeys(DamageKind, 0))
    """Of those marked, near something found."""
    sound: int = 0
    mistaken: int = 0
    """Of the pixels of sound pictures."""
    empty: list[str] = field(default_factory=list)
    """Damaged pictures in which nothing marked is found."""

    def add(self, one: MarkedPrint, found: NDArray[np.bool_]) -> None:
        """Count a picture, `found` H×W."""
        known = one.kinds != DOUBTFUL
        found = found & known
        if not one.damaged:
            self.sound += int(known.sum())
            self.mistaken += int(found.sum())
            return
        right = found & _grown(known & (one.kinds > 0))
        self.found += int(found.sum())
        self.right += int(right.sum())
        near = _grown(found)
        for kind in DamageKind:
            of_kind = one.kinds == kind
            self.marked[kind] += int(of_kind.sum())
            self.recovered[kind] += int((of_kind & near).sum())
        if not right.any():
            self.empty.append(one.name)

    @property
    def precision(self) -> float:
        """Share of what is found that was marked, 0–1."""
        return self.right / max(1, self.found)

    @property
    def recall(self) -> float:
        """Share of what was marked that is found, 0–1."""
        return sum(self.recovered.values()) / max(1, sum(self.marked.values()))

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def recall_of(self, kind: DamageKind) -> float:
        """Share of what was marked of one kind that is found, as whatever kind."""
        return self.recovered[kind] / max(1, self.marked[kind])


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE + 1, 2 * TOLERANCE + 1))
    return np.asarray(cv2.dilate(mask.view(np.uint8), disc) > 0)


def found_in_folds(sensitivity: float) -> Iterator[tuple[MarkedPrint, NDArray[np.uint8]]]:
    """Yield each marked print with the kinds that the network of its fold finds, H×W."""
    prints = read_marked(SHARED / "damage" / "real")
    detectors = [NetworkDetector(folder=WEIGHTS / str(fold)) for fold in range(FOLDS)]
    for one in prints:
        detector = detectors[fold_of(one.name, prints)]
        yield one, damage_mask(with_rims(detector.detect(one.picture, sensitivity)))


def measure() -> tuple[dict[str, Any], list[Reached]]:
    """Return the figures at the default sensitivity and the promises among them."""
    tally = Tally()
    for one, found in found_in_folds(RestorationOptions().sensitivity):
        tally.add(one, found > 0)
    mistaken = 100 * tally.mistaken / max(1, tally.sound)
    recalls = {kind.label: tally.recall_of(kind) for kind in RECALLS}
    show(
        "damage found on real prints, by networks that did not see them",
        (
            "precision",
            "recall",
            "F1",
            *(f"recall {label}" for label in recalls),
            "sound pictures mistaken, %",
        ),
        [(tally.precision, tally.recall, tally.f1, *recalls.values(), mistaken)],
    )
    if tally.empty:
        print("nothing is found in", ", ".join(tally.empty))
    figures = {
        "precision": tally.precision,
        "recall": tally.recall,
        "f1": tally.f1,
        "recall by kind": recalls,
        "mistaken": mistaken,
        "nothing found": tally.empty,
    }
    return figures, [
        Reached("real prints: F1", tally.f1, 0.65, at_most=False),
        *(
            Reached(f"real prints: recall of {kind.label}", tally.recall_of(kind), least, at_most=False)
            for kind, least in RECALLS.items()
        ),
        Reached("real prints: damaged pictures in which nothing is found", len(tally.empty), 0),
        Reached("real prints: sound pictures mistaken, %", mistaken, 0.1),
    ]


def write_sheet(path: Path, height: int = 420, width: int = 2400) -> None:
    """Write a sheet of all marked prints: each picture, what was marked, what is found."""
    rows: list[list[NDArray[np.uint8]]] = [[]]
    for one, found in found_in_folds(RestorationOptions().sensitivity):
        tile = np.hstack([_drawn(one.picture, kinds) for kinds in (None, one.kinds, found)])
        size = (max(1, round(tile.shape[1] * height / tile.shape[0])), height)
        tile = np.asarray(cv2.resize(tile, size, interpolation=cv2.INTER_AREA), np.uint8)
        cv2.putText(tile, one.name, (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 255, 0), 1, cv2.LINE_AA)
        if rows[-1] and sum(t.shape[1] for t in rows[-1]) + tile.shape[1] > width:
            rows.append([])
        rows[-1].append(tile[:, :width])
    cv2.imwrite(str(path), np.vstack([_row(tiles, width) for tiles in rows]))


def _row(tiles: Sequence[NDArray[np.uint8]], width: int) -> NDArray[np.uint8]:
    row = np.hstack(list(tiles))
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)))


def _drawn(picture: NDArray[np.float32], kinds: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    shown = cv2.cvtColor(np.rint(picture * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    if kinds is not None:
        for kind, color in _COLORS.items():
            shown[kinds == kind] = 0.35 * shown[kinds == kind] + 0.65 * np.array(color)
    return np.asarray(shown, np.uint8)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_sheet(Path(sys.argv[1]))
    sys.exit(report("restore_real", *measure()))
