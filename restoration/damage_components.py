"""Connected components of damage: which of them are defects, and how many there are, band by band.

A defect is an 8-connected component of pixels that a detector finds damaged, where the detector is sure of at
least one pixel of the component's most frequent kind (hysteresis, as in Canny's edge detector): a scratch
that fades stays one scratch, a rope does not become a defect because of a speck on it, and doubtful specks
are left out. Specks come in groups: near enough sure defects, a suspected speck is a defect too, so that a
worn print is searched more thoroughly than a clean one; suspected lines are not, for they may be the legs of
a tripod. A
defect that crosses from band to band is counted once.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from restoration.bands import BandFolder
from restoration.kinds import KIND, SURE, SUSPECTED, DamageKind

Kinds = npt.NDArray[np.uint8]
"""H×W `DamageKind` values, 0 where the photograph is sound."""
Verdicts = npt.NDArray[np.uint8]
"""H×W kinds, with `SUSPECTED` or `SURE` added where the detector suspects or is sure of damage."""

MINIMUM_NEIGHBORS = 2
"""Sure defects that a suspected speck needs nearby to count as a defect."""
NEIGHBORHOOD = 256
"""Nearby means in the same cell of a grid of this pitch, px, or in one of its eight neighbors."""

_SPECKS = (DamageKind.DUST, DamageKind.MOLD)
_KINDS = max(DamageKind) + 1
_MOST_VERTICES = 48
_POLYGON_SIDE = 512
"""A defect's outline is traced on a picture of it at most this large, px."""


@dataclass(frozen=True)
class DamageComponents:
    """The defects of one photograph.

    Parameters
    ----------
    areas
        N×K pixels of each defect by kind; column 0 is unused.
    boxes
        N×4 left, top, right, bottom of each defect, px, right and bottom exclusive.
    pixels
        Of the photograph.
    """

    areas: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int64]
    pixels: int

    @property
    def count(self) -> int:
        """Number of defects."""
        return len(self.areas)

    @property
    def kinds(self) -> npt.NDArray[np.int64]:
        """Kind of each defect."""
        return np.asarray(self.areas.argmax(axis=1), np.int64)

    @property
    def damage_share(self) -> float:
        """Damaged share of the photograph, 0–1."""
        return float(self.areas.sum() / self.pixels)

    def share(self, kind: DamageKind) -> float:
        """Share of the photograph, 0–1, that is damaged in this way."""
        return float(self.areas[:, kind].sum() / self.pixels)

    def count_of(self, kind: DamageKind) -> int:
        """Return the number of defects of `kind`."""
        return int((self.kinds == kind).sum())


def find_components(bands: BandFolder, found: str, mask: str) -> DamageComponents:
    """Turn the layer `found` of a detector's verdicts into the layer `mask` of kinds, and count the defects.

    A verdict is a `DamageKind`, plus `SUSPECTED` or `SURE`; 0 is sound. One band is in memory at a time.
    """
    tally = _BandJoiner()
    for band in bands:
        tally.add(bands.rows(found, band.top, band.top + band.height), band.top)
    areas, boxes, grades, which = tally.total()
    counting = _are_defects(grades, boxes, areas)
    kept = counting[which]
    first = 0
    for band in bands:
        verdicts = bands.rows(found, band.top, band.top + band.height)
        count, labels, _, _ = _components(verdicts)
        keep = np.concatenate(([False], kept[first : first + count - 1]))
        first += count - 1
        if not bands.has(mask, band):
            bands.save(mask, band, np.where(keep[labels], verdicts & KIND, 0).astype(np.uint8))
    return DamageComponents(areas=areas[counting], boxes=boxes[counting], pixels=bands.width * bands.height)


def damage_mask(verdicts: Verdicts) -> Kinds:
    """Return the damage mask of a picture that is a single band; see `find_components`."""
    count, labels, stats, _ = _components(verdicts)
    areas = _areas(verdicts, labels, count)
    keep = np.concatenate(([False], _are_defects(_grades(verdicts, labels, count), _boxes(stats), areas)))
    return np.where(keep[labels], verdicts & KIND, 0).astype(np.uint8)


def _components(verdicts: Verdicts) -> tuple[int, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    return cv2.connectedComponentsWithStats((verdicts > 0).view(np.uint8), connectivity=8)


def _grades(verdicts: Verdicts, labels: npt.NDArray[Any], count: int) -> npt.NDArray[np.uint8]:
    """Return the highest verdict on each component but the background by kind: `SURE`, `SUSPECTED` or 0."""
    grades = np.zeros((count, _KINDS), np.uint8)
    for grade in (SUSPECTED, SURE):
        graded = verdicts >= grade
        grades[labels[graded], verdicts[graded] & KIND] = grade
    return grades[1:]


def _boxes(stats: npt.NDArray[Any], first_row: int = 0) -> npt.NDArray[np.int64]:
    """Return left, top, right and bottom of each component but the background."""
    left, top, width, height = stats[1:, :4].astype(np.int64).T
    top = top + first_row
    return np.stack((left, top, left + width, top + height), axis=1)


def _areas(verdicts: Verdicts, labels: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    """Return the pixels of each component but the background, by kind."""
    found = verdicts > 0  # few pixels: counting all of them would take hundreds of megabytes
    codes = labels[found].astype(np.int64) * _KINDS + (verdicts[found] & KIND)
    per_kind = np.bincount(codes, minlength=count * _KINDS)
    return per_kind.reshape(count, _KINDS)[1:].astype(np.int64)


def _are_defects(
    grades: npt.NDArray[np.uint8], boxes: npt.NDArray[np.int64], areas: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which components are defects: the sure ones, and suspected specks with enough neighbors."""
    kinds = areas.argmax(axis=1)
    grade = grades[np.arange(len(kinds)), kinds]
    sure: npt.NDArray[np.bool_] = grade == SURE
    if not sure.any():
        return sure
    columns, rows = ((boxes[:, :2] + boxes[:, 2:]) // (2 * NEIGHBORHOOD)).T
    per_cell = np.zeros((rows.max() + 1, columns.max() + 1), np.float32)
    np.add.at(per_cell, (rows[sure], columns[sure]), 1)
    neighbors = cv2.boxFilter(per_cell, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    specks = np.isin(kinds, _SPECKS) & (neighbors[rows, columns] >= MINIMUM_NEIGHBORS)
    return np.asarray(sure | ((grade == SUSPECTED) & specks), np.bool_)


class _BandJoiner:
    """Union-find over the components of successive bands."""

    def __init__(self) -> None:
        self.areas: list[npt.NDArray[np.int64]] = [np.zeros((0, _KINDS), np.int64)]
        self.boxes: list[npt.NDArray[np.int64]] = [np.zeros((0, 4), np.int64)]
        self.grades: list[npt.NDArray[np.uint8]] = [np.zeros((0, _KINDS), np.uint8)]
        self.parents: list[int] = []
        self.last: npt.NDArray[np.int64] | None = None

    def add(self, verdicts: Verdicts, top: int) -> None:
        count, labels, stats, _ = _components(verdicts)
        first = len(self.parents)
        self.parents += range(first, first + count - 1)
        self.areas.append(_areas(verdicts, labels, count))
        self.grades.append(_grades(verdicts, labels, count))
        self.boxes.append(_boxes(stats, top))
        # 0 means sound; a component's own number is one less.
        numbered = np.where(labels[[0, -1]] > 0, labels[[0, -1]].astype(np.int64) + first, 0)
        if self.last is not None:
            self._join(self.last, numbered[0])
        self.last = numbered[1]

    def _join(self, above: npt.NDArray[np.int64], below: npt.NDArray[np.int64]) -> None:
        for shift in (-1, 0, 1):
            shifted = below[max(0, shift) : len(below) + min(0, shift)]
            facing = above[max(0, -shift) : len(above) + min(0, -shift)]
            touching = (shifted > 0) & (facing > 0)
            for a, b in np.unique(np.stack((facing[touching], shifted[touching]), axis=1), axis=0):
                self.parents[self._root(int(a) - 1)] = self._root(int(b) - 1)

    def _root(self, number: int) -> int:
        while self.parents[number] != number:
            self.parents[number] = self.parents[self.parents[number]]
            number = self.parents[number]
        return number

    def total(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Return areas by kind, boxes and grades of each defect, and which defect each component is of."""
        roots = np.array([self._root(i) for i in range(len(self.parents))], np.int64)
        _, which = np.unique(roots, return_inverse=True)
        count = int(which.max()) + 1 if len(which) else 0
        areas = np.zeros((count, _KINDS), np.int64)
        np.add.at(areas, which, np.concatenate(self.areas))
        grades = np.zeros((count, _KINDS), np.uint8)
        np.maximum.at(grades, which, np.concatenate(self.grades))
        boxes = np.tile(np.array([2**62, 2**62, 0, 0], np.int64), (count, 1))
        parts = np.concatenate(self.boxes)
        np.minimum.at(boxes[:, :2], which, parts[:, :2])
        np.maximum.at(boxes[:, 2:], which, parts[:, 2:])
        return areas, boxes, grades, which


def trace_regions(
    components: DamageComponents,
    bands: BandFolder,
    layer: str,
    mended: Container[DamageKind] = (),
    most: int = 500,
) -> tuple[Mapping[str, Any], ...]:
    """Outline the `most` largest defects, largest first, and say which are all of kinds that were `mended`.

    Each is ``{"kind", "mended", "polygon"}``, the polygon in full-size pixels.
    """
    sizes = components.areas.sum(axis=1)
    largest = np.argsort(-sizes, kind="stable")[:most]
    # From top to bottom, so that each band is read about once.
    outlines = {}
    for i in sorted(largest, key=lambda i: int(components.boxes[i, 1])):
        outlines[i] = _outline(bands, layer, components.boxes[i], int(sizes[i]))
    kinds = {i: DamageKind(int(components.kinds[i])) for i in largest}
    return tuple(
        {
            "kind": kinds[i].label,
            "mended": all(kind in mended for kind in DamageKind if components.areas[i, kind]),
            "polygon": outlines[i],
        }
        for i in largest
    )


def _outline(bands: BandFolder, layer: str, box: npt.NDArray[np.int64], area: int) -> Sequence[Sequence[int]]:
    left, top, right, bottom = (int(v) for v in box)
    step = max(1, -(-max(right - left, bottom - top) // _POLYGON_SIDE))
    picture = _reduced(bands, layer, (left, top, right, bottom), step)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(picture, connectivity=8)
    # The box may contain other defects, too; this one touches all four of its sides.
    fills = (stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] == picture.shape[::-1]).all(axis=1)
    off = abs(stats[1:, cv2.CC_STAT_AREA] * step * step - area)
    which = 1 + int(np.argmin(np.where(fills, off, np.inf) if fills.any() else off))
    part = (labels == which).astype(np.uint8)
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contour = _simplified(max(contours, key=len))
    if len(contour) < 3:  # a line one pixel wide: a polygon needs an inside
        x, y, width, height = cv2.boundingRect(part)
        corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
        contour = np.array(corners, np.int32)
    return [[left + int(x) * step, top + int(y) * step] for x, y in contour]


def _simplified(contour: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    for tolerance in 0.75 * 1.5 ** np.arange(24):
        simple = cv2.approxPolyDP(contour, float(tolerance), True)
        if len(simple) <= _MOST_VERTICES:
            break
    return np.asarray(simple[:, 0, :], np.int32)


def _reduced(bands: BandFolder, layer: str, box: tuple[int, int, int, int], step: int) -> Kinds:
    """Return whether there is damage in each `step`×`step` cell of `box`, as 0/1."""
    left, top, right, bottom = box
    rows = []
    for y in range(top, bottom, step * 64):
        damaged = bands.rows(layer, y, min(bottom, y + step * 64))[:, left:right] > 0
        padded = np.pad(damaged, ((0, -damaged.shape[0] % step), (0, -damaged.shape[1] % step)))
        height, width = padded.shape
        rows.append(padded.reshape(height // step, step, width // step, step).any(axis=(1, 3)))
    return np.concatenate(rows).astype(np.uint8)
