"""The contact sheet shows every picture, at one size, whatever its depth."""

import numpy as np
import pytest
import pyvips

from operators.demo.contact_sheet import CELL, GAP, SheetEntry, write_contact_sheet


@pytest.fixture
def pictures(tmp_path):
    grey16 = tmp_path / "grey.tif"
    pyvips.Image.new_from_array(np.full((300, 200), 65535, np.uint16)).write_to_file(str(grey16))
    red = tmp_path / "red.png"
    pyvips.Image.new_from_array(np.full((100, 400, 3), (255, 0, 0), np.uint8)).write_to_file(str(red))
    return grey16, red


def test_every_picture_is_on_the_sheet(tmp_path, pictures):
    entries = [
        SheetEntry("A <b> & c", pictures),
        SheetEntry("B", (None, pictures[1])),
        SheetEntry("C", pictures),
    ]

    target = write_contact_sheet(entries, ("grey", "red"), tmp_path / "sheet.png")

    sheet = pyvips.Image.new_from_file(str(target)).numpy()
    red = (sheet == (255, 0, 0)).all(axis=-1).sum()
    white = (sheet == (255, 255, 255)).all(axis=-1).sum()
    assert sheet.shape[1] == 4 * (CELL + GAP)
    assert red == pytest.approx(3 * CELL * CELL / 4, rel=0.02)
    assert white == pytest.approx(2 * CELL * CELL * 2 / 3, rel=0.02)


def test_a_sheet_without_photographs_has_its_headings(tmp_path):
    target = write_contact_sheet([], ("scan", "restored"), tmp_path / "sheet.png")

    sheet = pyvips.Image.new_from_file(str(target)).numpy()
    assert sheet.min() < 100
