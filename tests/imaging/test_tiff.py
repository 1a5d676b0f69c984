"""Directories that lie: what reading them may cost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from struct import pack

import numpy as np
import pytest

from imaging.errors import CorruptScan
from imaging.tiff import Tag, read_directories
from tests.imaging.conftest import Picture

BYTE = 1


@pytest.mark.parametrize("value", [b"\1", b"\xff"])
def test_a_region_that_every_tag_of_many_pages_names_is_not_read_for_each(
    tmp_path: Path, value: bytes
) -> None:
    region, pages = 2**18, 10
    path = tmp_path / "a.tif"
    write_directories(path, value * region, [[(tag, BYTE, region, 8) for tag in Tag]] * pages)
    tracemalloc.start()
    try:
        directories = read_directories(path, pages)
        assert len(directories[0].values) == 4
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(directories) == pages
    assert peak < 4 * region


def test_a_directory_of_more_entries_than_there_are_tags_is_refused(tmp_path: Path) -> None:
    """Up to 500 directories may overlap, so that a small file would hold millions of entries."""
    path = tmp_path / "a.tif"
    write_directories(path, b"", [[(number, BYTE, 1, 0) for number in range(1000)]])
    with pytest.raises(CorruptScan, match="cut off"):
        read_directories(path, 1)


@pytest.mark.parametrize("tiled", [False, True])
def test_tables_hold_a_segment_for_each_that_the_page_needs(
    save: Callable[..., Path], grey: Picture, tiled: bool
) -> None:
    path = save(grey, "a.tif", tile=tiled, tile_width=16, tile_height=16)
    values = read_directories(path, 1)[0].values
    kind = "TILE" if tiled else "STRIP"
    offsets, lengths = Tag[f"{kind}_OFFSETS"], Tag[f"{kind}_BYTE_COUNTS"]
    assert len(values[offsets]) == len(values[lengths]) == (5 * 4 if tiled else 4)
    assert values[lengths].sum() == (80 * 64 if tiled else 80 * 60)
    assert np.all(values[offsets] > 0)


def write_directories(path: Path, data: bytes, pages: list[list[tuple[int, int, int, int]]]) -> None:
    """Write a classic little-endian TIFF: `data` from byte 8 on, then a chain of directories.

    Each of a page's entries is a tag, a type, a count and an offset or inline value.
    """
    at = 8 + len(data)
    content = b"II*\0" + pack("<I", at) + data
    for left, page in zip(range(len(pages) - 1, -1, -1), pages, strict=True):
        at += 2 + 12 * len(page) + 4
        content += pack("<H", len(page)) + b"".join(pack("<HHII", *entry) for entry in page)
        content += pack("<I", at if left else 0)
    path.write_bytes(content)
