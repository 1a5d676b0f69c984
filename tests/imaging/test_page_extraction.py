"""Cutting a page out of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips

from imaging.errors import OptionsError, UnsupportedScan
from imaging.page_extraction import extract_page


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Two pages of 30×20 px, grey values 40 and 200."""
    pages = [pyvips.Image.new_from_array(np.full((20, 30), value, np.uint8)) for value in (40, 200)]
    tall = pyvips.Image.arrayjoin(pages, across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", 20)
    tall.tiffsave(str(tmp_path / "page.tif"))
    return tmp_path / "page.tif"


def test_a_page_is_cut_out_as_it_is(scan: Path) -> None:
    output = extract_page(scan, 1, scan.with_name("second.tif"))
    assert (output.name, output.width, output.height, output.bits) == ("second.tif", 30, 20, 8)
    assert (pyvips.Image.tiffload(str(scan.with_name("second.tif"))).numpy() == 200).all()


def test_the_file_is_never_overwritten_by_a_page_of_it(scan: Path) -> None:
    before = scan.read_bytes()
    with pytest.raises(OptionsError, match="overwritten"):
        extract_page(scan, 1, scan)
    assert scan.read_bytes() == before


def test_a_page_that_is_not_there_is_refused(scan: Path) -> None:
    with pytest.raises(UnsupportedScan, match="no page 2"):
        extract_page(scan, 2, scan.with_name("third.tif"))
