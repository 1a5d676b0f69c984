"""Photographs from tar shards, decoded once and kept in memory as 8-bit RGB."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HELD_BACK = 1500
"""The last photographs of the last shard, in shard order, are for measuring and never trained on."""

SHARDS = ("train-0.tar", "train-1.tar", "train-2.tar")
VALIDATION = "validation.tar"

SOURCE_WEIGHTS = {
    "fsac": 3.0,  # Kodachromes of 1939–1945: the closest to what museums hold
    "intel150": 1.2,
    "sun": 1.1,
    "caltech101": 0.7,
    "clothing_cc0": 0.25,  # flat-lay clothes of arbitrary color teach nothing but doubt
}
"""How often a source is drawn, relative to one photograph of a source not named here."""

Picture = NDArray[np.uint8]


@dataclass
class Album:
    """Photographs (H×W×3 RGB, 0–255) and how often each is drawn."""

    photographs: list[Picture] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def draw(self, random: np.random.Generator, count: int) -> list[Picture]:
        """Return `count` photographs, each drawn by its weight."""
        ends = self._ends
        return [self.photographs[i] for i in np.searchsorted(ends, random.random(count) * ends[-1], "right")]

    @cached_property
    def _ends(self) -> NDArray[np.float64]:
        return np.cumsum(self.weights)


def load_training(photos: Path, shards: Sequence[str] = SHARDS) -> Album:
    """Return every training photograph under `photos`, the held-back ones left out."""
    sources = _sources(photos / "index.tsv")
    album = Album()
    for shard in shards:
        names = _names(photos / shard)
        kept = set(names[:-HELD_BACK] if shard == SHARDS[-1] else names)
        for name, picture in read_shard(photos / shard):
            if name in kept:
                album.photographs.append(picture)
                album.weights.append(SOURCE_WEIGHTS.get(sources.get(name, ""), 1.0))
    return album


def load_held_back(photos: Path) -> list[Picture]:
    """Return the photographs that are never trained on."""
    kept = set(_names(photos / SHARDS[-1])[-HELD_BACK:])
    return [picture for name, picture in read_shard(photos / SHARDS[-1]) if name in kept]


def load_validation(photos: Path) -> list[Picture]:
    """Return the photographs by which runs are compared and temperatures fitted."""
    return [picture for _, picture in read_shard(photos / VALIDATION)]


def read_shard(path: Path) -> Iterator[tuple[str, Picture]]:
    """Yield name and RGB picture of each photograph in a tar file, in its order."""
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            decoded = cv2.imdecode(np.frombuffer(content.read(), np.uint8), cv2.IMREAD_COLOR)
            if decoded is not None:
                yield member.name, np.ascontiguousarray(decoded[..., ::-1], dtype=np.uint8)


def _names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return [member.name for member in archive if member.isfile()]


def _sources(index: Path) -> dict[str, str]:
    if not index.exists():
        return {}
    with index.open(newline="") as lines:
        return {row["file"]: row["source"] for row in csv.DictReader(lines, delimiter="\t")}
