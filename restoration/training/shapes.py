"""Outlines of real defects, drawn on film scans by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restoration.kinds import DamageKind

Polygon = NDArray[np.float32]
"""N×2 vertices, px at the resolution of its film scan, centered on its mean."""
Random = np.random.Generator

HELD_OUT_SCANS = (9, 10)
"""Film scans whose defects are kept for measuring."""

_REAL_KINDS = {
    "dust": DamageKind.DUST,
    "dirt": DamageKind.DUST,
    "short hair": DamageKind.HAIR,
    "long hair": DamageKind.HAIR,
    "scratch": DamageKind.SCRATCH,
}


class Shapes:
    """Outlines of real defects by kind.

    Parameters
    ----------
    path
        Gzipped JSON: a list of ``{"scan": int, "defects": [{"kind", "polygon"}]}``.
    scans
        Film scans to take them from.
    """

    def __init__(self, path: Path, scans: Collection[int]) -> None:
        self._polygons: dict[DamageKind, list[Polygon]] = {kind: [] for kind in DamageKind}
        with gzip.open(path) as stream:
            for scan in json.load(stream):
                if scan["scan"] in scans:
                    for defect in scan["defects"]:
                        self._add(_REAL_KINDS[defect["kind"]], defect["polygon"])

    def _add(self, kind: DamageKind, polygon: Sequence[Sequence[float]]) -> None:
        vertices = np.asarray(polygon, np.float32)
        self._polygons[kind].append(vertices - vertices.mean(axis=0))

    def draw(self, kind: DamageKind, random: Random) -> Polygon | None:
        """Return a random outline, ``None`` when there is none of this kind."""
        polygons = self._polygons[kind]
        return polygons[random.integers(len(polygons))] if polygons else None
