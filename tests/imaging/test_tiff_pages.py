"""Which of a TIFF's directories are the pictures: never a thumbnail in a picture's stead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imaging.errors import CorruptScan, ScanTooLarge, UnsupportedScan
from imaging.scan import DEFAULT_LIMITS, inspect_scan, open_scan
from tests.imaging.tiffs import Page, Samples, Tiff, assemble

FULL = np.add.outer(np.arange(480) % 200, np.arange(640) % 50).astype(np.uint8)
REDUCED, MASK, OLD_REDUCED = {254: [1]}, {254: [4]}, {255: [2]}


def test_a_picture_below_its_thumbnail_is_the_scan(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    with tifffile.TiffWriter(path) as writer:
        writer.write(FULL[::10, ::10].copy(), photometric="minisblack", subfiletype=1, subifds=1)
        writer.write(FULL, photometric="minisblack", subfiletype=0)
    properties = inspect_scan(path)
    assert (properties.width, properties.height, properties.pages) == (640, 480, 1)
    assert any("SubIFD" in remark for remark in properties.remarks)
    assert "SubIFD" in str(properties.as_parameters()["source_remarks"])
    assert np.array_equal(open_scan(path).numpy(), FULL)


@pytest.mark.parametrize("mark", [REDUCED, OLD_REDUCED, {}])
@pytest.mark.parametrize("order", "<>")
def test_the_largest_picture_below_is_taken_and_turned_as_its_thumbnail_says(
    tmp_path: Path, mark: dict[int, list[int]], order: str
) -> None:
    page = encode(FULL[::10, ::10], mark | {274: [3]}, order)
    below = [encode(FULL[::2, ::2], {}, order), encode(FULL, {}, order), encode(FULL[::4, ::4], {}, order)]
    path = write(tmp_path, [replace(page, below=below)], order)
    properties = inspect_scan(path)
    assert (properties.width, properties.orientation, properties.pages) == (640, 3, 1)
    assert np.array_equal(open_scan(path).numpy(), FULL[::-1, ::-1])


def test_smaller_copies_below_a_picture_are_no_pages(tmp_path: Path) -> None:
    page = replace(encode(FULL), below=[encode(FULL[::2, ::2], REDUCED), encode(FULL[::4, ::4], REDUCED)])
    path = write(tmp_path, [page])
    properties = inspect_scan(path)
    assert (properties.width, properties.pages, properties.remarks) == (640, 1, ())
    assert np.array_equal(open_scan(path).numpy(), FULL)


def test_raw_data_below_a_preview_is_refused_as_such(tmp_path: Path) -> None:
    raw = Tiff(32803, 16).page(FULL[..., None].astype(np.uint16))
    path = write(tmp_path, [replace(encode(FULL[::10, ::10], REDUCED), below=[raw])])
    with pytest.raises(UnsupportedScan, match=r"raw data.*Develop it"):
        inspect_scan(path)


@pytest.mark.parametrize("mark", [REDUCED, OLD_REDUCED, MASK])
def test_a_file_of_reduced_copies_alone_is_refused(tmp_path: Path, mark: dict[int, list[int]]) -> None:
    with pytest.raises(UnsupportedScan, match="only a reduced copy"):
        inspect_scan(write(tmp_path, [encode(FULL, mark)]))


def test_a_thumbnail_that_nobody_marked_is_left_out_with_a_remark(tmp_path: Path) -> None:
    path = tmp_path / "1991.7.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(FULL, photometric="minisblack")
        writer.write(FULL[::4, ::4].copy(), photometric="minisblack")
    properties = inspect_scan(path)
    assert properties.pages == 1
    assert any("small copy" in remark for remark in properties.remarks)
    with pytest.raises(UnsupportedScan, match="no page 1"):
        inspect_scan(path, page=1)


@pytest.mark.parametrize(
    "second", [FULL, FULL[::2, ::2], FULL[:100, :100], FULL[::4, ::5]], ids=["same", "half", "square", "odd"]
)
def test_pages_of_their_own_stay_pages(tmp_path: Path, second: Samples) -> None:
    path = write(tmp_path, [encode(FULL), encode(second)])
    assert (inspect_scan(path).pages, inspect_scan(path).remarks) == (2, ())
    assert np.array_equal(open_scan(path, page=1).numpy(), second)


def test_a_thumbnail_first_hides_no_picture(tmp_path: Path) -> None:
    path = write(tmp_path, [encode(FULL[::4, ::4], REDUCED), encode(FULL), encode(FULL, MASK)])
    assert inspect_scan(path).pages == 1
    assert np.array_equal(open_scan(path).numpy(), FULL)


def test_directories_below_count_as_pages_do(tmp_path: Path) -> None:
    page = replace(encode(FULL), below=[encode(FULL[::2, ::2], REDUCED)] * 3)
    path = write(tmp_path, [page, page])
    assert inspect_scan(path, limits=replace(DEFAULT_LIMITS, max_pages=8)).pages == 2
    with pytest.raises(ScanTooLarge):
        inspect_scan(path, limits=replace(DEFAULT_LIMITS, max_pages=7))


@pytest.mark.parametrize("place", [0, 2**31, 2**32 - 1])
def test_a_subifd_outside_the_file_is_found(tmp_path: Path, place: int) -> None:
    page = encode(FULL)
    path = write(tmp_path, [replace(page, tags={**page.tags, 330: [place]})])
    with pytest.raises(CorruptScan):
        inspect_scan(path)


def encode(picture: Samples, tags: dict[int, list[int]] | None = None, order: str = "<") -> Page:
    return Tiff(order=order, tags=tags or {}).page(picture[..., None])


def write(folder: Path, pages: list[Page], order: str = "<") -> Path:
    path = folder / "a.tif"
    path.write_bytes(assemble(pages, order))
    return path
