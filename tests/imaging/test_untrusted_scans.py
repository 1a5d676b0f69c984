"""Damaged and hostile scans: refused from the header, or found at the latest while decoding."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from struct import pack, unpack
from typing import Any

import numpy as np
import pytest

from imaging.errors import CorruptScan, ScanError, ScanTooLarge
from imaging.scan import (
    DEFAULT_LIMITS,
    decoding,
    inspect_scan,
    open_scan,
)
from imaging.tiff import Tag, read_directories
from tests.imaging.conftest import Picture
from tests.imaging.tiffs import patch_value, write_tiff

Save = Callable[..., Path]


@pytest.mark.parametrize(
    "limits",
    [{"max_pixels": 4799}, {"max_side": 79}, {"max_bytes": 100}, {"max_pages": 1}],
)
def test_limits_are_checked_from_the_header(save: Save, colors: Picture, limits: dict[str, Any]) -> None:
    path = save(np.concatenate([colors, colors]), "a.tif", page_height=60)
    with pytest.raises(ScanTooLarge):
        inspect_scan(path, limits=replace(DEFAULT_LIMITS, **limits))


def test_a_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    write_tiff(path, width=60_000, height=60_000, bits=1, compression=5, data=b"\x80")
    with pytest.raises(ScanTooLarge, match="60000×60000"):
        open_scan(path)


def test_a_png_that_promises_too_much_is_refused(save: Save) -> None:
    path = save(np.zeros((8, 8), np.uint8), "a.png")
    data = bytearray(path.read_bytes())
    data[16:24] = pack(">II", 40_000, 40_000)
    import zlib

    data[29:33] = pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match="promises more"):
        open_scan(path)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("tag", [Tag.WIDTH, Tag.HEIGHT])
def test_a_tiff_that_lies_about_its_size_is_refused(save: Save, grey: Picture, tiled: bool, tag: Tag) -> None:
    path = save(grey, "a.tif", tile=tiled, tile_width=16, tile_height=16)
    patch_value(path, tag, 20_000)
    with pytest.raises(CorruptScan):
        open_scan(path)


def test_strips_outside_the_file_are_found_before_decoding(save: Save, grey: Picture) -> None:
    path = save(grey, "a.tif")
    patch_value(path, Tag.ROWS_PER_STRIP, 60)
    entry = read_directories(path, 9)[0].entries[Tag.STRIP_OFFSETS]
    data = bytearray(path.read_bytes())
    at = entry.value_at
    data[at : at + 4] = pack("<I", 2**31)
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match=r"promises more|too short"):
        inspect_scan(path)


def test_a_lying_count_costs_nothing(save: Save, grey: Picture) -> None:
    path = save(grey, "a.tif")
    data = bytearray(path.read_bytes())
    slot = read_directories(path, 9)[0].entries[Tag.STRIP_OFFSETS].slot
    data[slot + 4 : slot + 8] = pack("<I", 2**31)
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match="outside"):
        inspect_scan(path)


def test_pages_that_form_a_loop_are_refused(save: Save, colors: Picture) -> None:
    path = save(np.concatenate([colors, colors]), "a.tif", page_height=60)
    data = bytearray(path.read_bytes())
    first = unpack("<I", data[4:8])[0]
    second = read_directories(path, 9)[1]
    end = max(e.slot for e in second.entries.values()) + 12
    data[end : end + 4] = pack("<I", first)
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match="loop"):
        inspect_scan(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_are_found_at_the_latest_while_decoding(
    save: Save, colors: Picture, name: str, share: float
) -> None:
    path = save(np.tile(colors, (4, 4, 1)), name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(CorruptScan) as caught, decoding(path):
        open_scan(path, sequential=True).numpy()
    assert caught.value.subject == str(path)


def test_flipped_bytes_end_in_a_scan_error_or_in_a_picture(save: Save, colors: Picture) -> None:
    rng = np.random.default_rng(3)
    whole = {n: save(colors, n).read_bytes() for n in ("a.tif", "a.png", "a.jpg", "a.webp")}
    for name, content in whole.items():
        for _ in range(60):
            data = np.frombuffer(content, np.uint8).copy()
            places = rng.integers(0, min(len(data), 600), 4)
            data[places] = rng.integers(0, 256, 4)
            path = save(colors, name)
            path.write_bytes(data.tobytes())
            try:
                with decoding(path):
                    assert open_scan(path, sequential=True).numpy().size > 0
            except ScanError as error:
                assert error.remedy


def test_large_strips_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_tiff(path, width=8000, height=7000, data=b"\0" * 55_999_999 + b"\x09")
    assert open_scan(path, sequential=True).max() == 9
