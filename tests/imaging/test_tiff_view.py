"""Odd values beside the picture cost nothing, and what libtiff loses with a mere warning is refused."""

from __future__ import annotations

import gc
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.errors import CorruptScan
from imaging.scan import decoding, inspect_scan, open_scan
from tests.imaging.tiffs import Page, Tiff, assemble, lzw

GREY = np.add.outer(np.arange(48) * 3, np.arange(64)).astype(np.uint8)
STRUCTURAL = (256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293)
INCH, CM = 2, 3
ODD = [(274, 0), (274, 9), (296, 0), (296, 4), (266, 0), (266, 3), (284, 0), (284, 3), (339, 0), (317, 0)]


@pytest.mark.parametrize(("tag", "value"), ODD)
@pytest.mark.parametrize("order", "<>")
def test_an_odd_value_is_the_standards_default_with_a_remark(
    tmp_path: Path, tag: int, value: int, order: str
) -> None:
    tiff = Tiff(compression=5, order=order, tags={tag: [value]})
    path = tiff.write(tmp_path / "a.tif", GREY[..., None])
    properties = inspect_scan(path)
    assert (properties.orientation, properties.dpi) == (1, None)
    assert [remark for remark in properties.remarks if f"is {value}, which TIFF does not define" in remark]
    assert np.array_equal(open_scan(path).numpy(), GREY)


def test_an_odd_value_in_bigtiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, bigtiff=True, photometric="minisblack", extratags=[(274, "H", 1, 0, True)])
    assert inspect_scan(path).remarks
    assert np.array_equal(open_scan(path).numpy(), GREY)


def test_an_odd_value_of_another_page_does_not_matter(tmp_path: Path) -> None:
    odd = Tiff(tags={274: [0]}).page(GREY[::-1, :, None])
    (tmp_path / "a.tif").write_bytes(assemble([Tiff().page(GREY[..., None]), odd]))
    assert inspect_scan(tmp_path / "a.tif").remarks == ()
    assert np.array_equal(open_scan(tmp_path / "a.tif").numpy(), GREY)
    assert np.array_equal(open_scan(tmp_path / "a.tif", page=1).numpy(), GREY[::-1])


@pytest.mark.parametrize("kind", [1, 5])
def test_a_profile_outside_the_file_is_left_out_with_a_remark(tmp_path: Path, kind: int) -> None:
    tiff = Tiff(compression=kind)
    page = replace(tiff.page(GREY[..., None]), data={34675: b"p" * 400, 306: b"2020:01:01 00:00:00"})
    data = bytearray(assemble([page]))
    at = data.index((34675).to_bytes(2, "little") + b"\7\0")
    data[at + 8 : at + 12] = (2**31).to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(data)
    assert any("IccProfile" in remark for remark in inspect_scan(tmp_path / "a.tif").remarks)
    assert np.array_equal(open_scan(tmp_path / "a.tif").numpy(), GREY)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_damaged_fax_data_is_refused_and_an_odd_header_is_not(tmp_path: Path, compression: str) -> None:
    rng = np.random.default_rng(5)
    bits = (np.add.outer(np.arange(256), np.arange(256)) + rng.integers(0, 99, (256, 256))) % 256 > 128
    path = tmp_path / "a.tif"
    Image.fromarray(bits).save(path, compression=compression)
    page = replace(only_page(path), data={306: b"2020:01:01 00:00:00"})
    path.write_bytes(assemble([page]))
    assert np.array_equal(open_scan(path).numpy(), bits * np.uint8(255))
    (block,) = page.blocks
    for _ in range(8):
        at = int(rng.integers(len(block) // 8, len(block) // 2))
        path.write_bytes(assemble([replace(page, blocks=[block[:at] + rng.bytes(16) + block[at + 16 :]])]))
        assert_lost(path)
    path.write_bytes(assemble([replace(page, blocks=[block[: len(block) // 2]])]))
    assert_lost(path)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_a_strip_or_tile_that_ends_early_is_refused(tmp_path: Path, compression: int, tiled: bool) -> None:
    page = Tiff(compression=compression, tiled=tiled).page(GREY[..., None])
    blocks = [*page.blocks[:1], page.blocks[1][: len(page.blocks[1]) // 2], *page.blocks[2:]]
    (tmp_path / "a.tif").write_bytes(assemble([replace(page, blocks=blocks)]))
    assert_lost(tmp_path / "a.tif")


def test_lzw_without_its_last_code_loses_nothing(tmp_path: Path) -> None:
    page = Tiff(compression=5).page(GREY[..., None])
    blocks = [lzw(GREY[top : top + 16].tobytes(), end=False) for top in range(0, 48, 16)]
    (tmp_path / "a.tif").write_bytes(assemble([replace(page, blocks=blocks)]))
    assert np.array_equal(open_scan(tmp_path / "a.tif").numpy(), GREY)


def test_tags_in_any_order_and_of_unknown_meaning_lose_nothing(tmp_path: Path) -> None:
    tiff = Tiff(compression=32773, tags={65000: [1], 40000: [7] * 9})
    path = tiff.write(tmp_path / "a.tif", GREY[..., None])
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[4:8], "little") + 2
    data[at : at + 12], data[at + 12 : at + 24] = data[at + 12 : at + 24], data[at : at + 12]
    path.write_bytes(data)
    assert np.array_equal(open_scan(path).numpy(), GREY)


@pytest.mark.parametrize(("kind", "left_out"), [(999, 0), (2, 0), (1, 0), (0, 1), (77, 1)])
def test_what_a_further_sample_is(tmp_path: Path, kind: int, left_out: int) -> None:
    samples = np.stack([GREY, np.full_like(GREY, 255)], axis=-1)
    path = Tiff(tags={338: [kind]}).write(tmp_path / "a.tif", samples)
    assert inspect_scan(path).left_out == left_out
    assert np.array_equal(open_scan(path).numpy(), GREY)


@pytest.mark.parametrize(
    ("tags", "dpi"),
    [
        ({282: [600, 1], 283: [600, 1], 296: [INCH]}, 600),
        ({282: [600, 1], 283: [600, 1]}, 600),
        ({282: [2000, 10], 283: [2000, 10], 296: [CM]}, 508),
        ({282: [600, 1], 283: [600, 1], 296: [1]}, None),
        ({282: [600, 1], 283: [600, 1], 296: [4]}, None),
        ({282: [600, 0], 283: [600, 0], 296: [INCH]}, None),
        ({296: [INCH]}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_a_resolution_is_one_in_a_unit(
    tmp_path: Path, tags: dict[int, list[int]], dpi: float | None, order: str
) -> None:
    path = Tiff(order=order, tags=tags).write(tmp_path / "a.tif", GREY[..., None])
    assert inspect_scan(path).dpi == dpi
    assert np.array_equal(open_scan(path).numpy(), GREY)


def test_a_view_lives_and_closes_with_its_picture(tmp_path: Path) -> None:
    path = Tiff(tags={274: [0]}).write(tmp_path / "a.tif", GREY[..., None])
    before = len(os.listdir("/proc/self/fd"))
    inverted = open_scan(path).invert().copy()
    gc.collect()
    assert np.array_equal(inverted.numpy(), 255 - GREY)
    del inverted
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def only_page(path: Path) -> Page:
    """Take a file of one strip apart."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        tags = {tag.code: [int(tag.value)] for tag in page.tags if tag.code in STRUCTURAL}
        start, length = page.dataoffsets[0], page.databytecounts[0]
    return Page(tags, [path.read_bytes()[start : start + length]])


def assert_lost(path: Path) -> None:
    with pytest.raises(CorruptScan), decoding(path):
        open_scan(path, sequential=True).numpy()
