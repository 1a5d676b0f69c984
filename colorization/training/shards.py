"""The photographs of the color network, decoded once and kept in memory as 8-bit RGB."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.networks.training.shards import Picture, read_shard, training_shards

HELD_BACK = 1500
HELD_BACK_SHARD = "train-2.tar"
"""The last `HELD_BACK` photographs of this shard, in its order, are for measuring and never trained on."""

VALIDATION = "validation.tar"
OTHER = "other.tar"

SOURCE_WEIGHTS = {
    "fsac": 2.0,  # Kodachromes of 1939–1945: the closest to what museums hold
    "oldphotos": 2.0,
    "studio_london": 2.0,  # plain backdrops
    "flickr8k": 1.8,
    "openimages_nips17": 1.5,
    "imagen1k": 1.5,
    "crowds": 1.5,
    "voc_people": 1.3,
    "voc_animals": 1.2,
    "voc_bernie": 1.2,
    "div2k": 2.0,
    "houses": 0.8,
    "ccp": 0.6,
    "intel150": 0.6,  # 3,200 landscapes and streets of one make
    "caltech101": 0.5,
    "celeba": 0.5,
    "utkface": 0.4,
    "clothing_cc0": 0.2,  # flat-lay clothes of arbitrary color teach nothing but doubt
}
"""How often a source is drawn, relative to one photograph of a source not named here: collections of many
kinds count more than large ones of one kind."""


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


def load_training(photos: Path, without: Collection[str] = ()) -> Album:
    """Return the training photographs of every shard under `photos`, the held-back ones left out.

    Parameters
    ----------
    photos
        Folder of tar shards and their ``index.tsv``.
    without
        Sources that are not wanted, by their names in the index.

    Raises
    ------
    FileNotFoundError
        There is no shard.
    """
    sources = _sources(photos / "index.tsv")
    album = Album()
    for path in training_shards(photos):
        held_back = _held_back(path) if path.name == HELD_BACK_SHARD else frozenset()
        for name, picture in read_shard(path):
            source = sources.get(name, "")
            if name not in held_back and source not in without:
                album.photographs.append(picture)
                album.weights.append(SOURCE_WEIGHTS.get(source, 1.0))
    if not album.photographs:
        raise FileNotFoundError(f"{photos} holds no photographs to train on: expected train-*.tar")
    return album


def load_held_back(photos: Path) -> list[Picture]:
    """Return the photographs that are never trained on."""
    path = photos / HELD_BACK_SHARD
    kept = _held_back(path)
    return [picture for name, picture in read_shard(path) if name in kept]


def load_other(photos: Path) -> dict[str, list[Picture]]:
    """Return photographs of collections that no shard holds, by source, in the shard's order.

    For measuring and for choosing, never for training: of each source the even ones are to choose by and the
    odd ones to report (`choosing_half`, `measuring_half`).
    """
    sources = _sources(photos / "index.tsv")
    collections: dict[str, list[Picture]] = {}
    for name, picture in read_shard(photos / OTHER):
        collections.setdefault(sources.get(name, "unknown"), []).append(picture)
    return collections


def choosing_half(collections: Mapping[str, list[Picture]]) -> dict[str, list[Picture]]:
    """Return the photographs by which weights, decodings and thresholds may be chosen."""
    return {source: pictures[::2] for source, pictures in collections.items()}


def measuring_half(collections: Mapping[str, list[Picture]]) -> dict[str, list[Picture]]:
    """Return the photographs that figures are reported from, by which nothing is chosen."""
    return {source: pictures[1::2] for source, pictures in collections.items()}


def load_validation(photos: Path) -> list[Picture]:
    """Return the photographs by which runs are compared and temperatures fitted."""
    return [picture for _, picture in read_shard(photos / VALIDATION)]


def _held_back(path: Path) -> frozenset[str]:
    with tarfile.open(path) as archive:
        names = [member.name for member in archive if member.isfile()]
    return frozenset(names[-HELD_BACK:])


def _sources(index: Path) -> dict[str, str]:
    if not index.exists():
        return {}
    with index.open(newline="") as lines:
        return {row["file"]: row["source"] for row in csv.DictReader(lines, delimiter="\t")}
