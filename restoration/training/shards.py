"""Photographs to learn from, read out of tar shards into memory."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.errors import CorruptScan


def small_shards(photos: Path) -> list[Path]:
    """Return the shards of small photographs in a folder, in the order in which they are numbered."""
    return sorted(photos.glob("train-*.tar"))


def read_photographs(
    shards: Iterable[Path],
    *,
    grey: bool = True,
    limit: int | None = None,
    names: list[tuple[str, str]] | None = None,
) -> list[NDArray[np.uint8]]:
    """Decode the photographs of tar `shards` in their order.

    Parameters
    ----------
    shards
        Uncompressed or compressed tar files; members that are not JPEG, PNG or WebP are skipped.
    grey
        H×W luminance when true (Rec. 601 luma, as decoders give it), H×W×3 RGB when false.
    limit
        Photographs at most over all shards.
    names
        Takes shard (without suffix) and member of each photograph.

    Raises
    ------
    CorruptScan
        A member that does not decode.
    """
    photographs: list[NDArray[np.uint8]] = []
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                if limit is not None and len(photographs) >= limit:
                    return photographs
                if not member.name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                    continue
                stream = tar.extractfile(member)
                if stream is not None:
                    photographs.append(_decode(stream.read(), f"{shard}:{member.name}", grey))
                    if names is not None:
                        names.append((shard.stem, member.name))
    return photographs


def _decode(encoded: bytes, name: str, grey: bool) -> NDArray[np.uint8]:
    flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), flag)
    if decoded is None:
        raise CorruptScan(name, "does not decode", "Fetch the shard again and compare its checksum.")
    return np.ascontiguousarray(decoded, dtype=np.uint8)
