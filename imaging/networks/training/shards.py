"""Photographs to learn from, read out of tar shards."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.errors import CorruptScan

Picture = NDArray[np.uint8]
"""H×W×3 RGB or H×W luma, 0–255."""

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def training_shards(photos: Path) -> list[Path]:
    """Return the shards of small photographs in a folder, in the order in which they are numbered."""
    return sorted(photos.glob("train-*.tar"))


def read_shard(path: Path, *, grey: bool = False) -> Iterator[tuple[str, Picture]]:
    """Yield name and picture of each photograph in a tar file, in its order.

    Parameters
    ----------
    path
        Uncompressed or compressed; members that are not JPEG, PNG or WebP are skipped.
    grey
        H×W luminance when true (Rec. 601 luma, as decoders give it), H×W×3 RGB when false.

    Raises
    ------
    CorruptScan
        A member that does not decode.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and member.name.lower().endswith(_SUFFIXES):
                yield member.name, _decode(content.read(), f"{path}:{member.name}", grey)


def read_photographs(
    shards: Iterable[Path],
    *,
    grey: bool = True,
    limit: int | None = None,
    names: list[tuple[str, str]] | None = None,
) -> list[Picture]:
    """Decode the photographs of `shards` in their order; see `read_shard`.

    Parameters
    ----------
    shards
        Tar files.
    grey
        Luminance or RGB.
    limit
        Photographs at most over all shards.
    names
        Takes shard (without suffix) and member of each photograph.
    """
    photographs: list[Picture] = []
    members = ((path.stem, *member) for path in shards for member in read_shard(path, grey=grey))
    for shard, name, picture in islice(members, limit):
        photographs.append(picture)
        if names is not None:
            names.append((shard, name))
    return photographs


def _decode(encoded: bytes, name: str, grey: bool) -> Picture:
    flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), flag)
    if decoded is None:
        raise CorruptScan(name, "does not decode", "Fetch the shard again and compare its checksum.")
    return np.ascontiguousarray(decoded, dtype=np.uint8)
