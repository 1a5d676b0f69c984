"""The contact sheet shows every picture, at one size, whatever its depth."""

import numpy as np
import pytest
import pyvips

from operators.demo.contact_sheet import (
    CELL,
    GAP,
    LEGEND_HEIGHT,
    LEGEND_WIDTH,
    SheetEntry,
    write_contact_sheet,
)


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

    target = write_contact_sheet(entries, ("grey", "red", "confidence"), tmp_path / "sheet.png")

    sheet = pyvips.Image.new_from_file(str(target)).numpy()
    red = (sheet == (255, 0, 0)).all(axis=-1).sum()
    white = (sheet == (255, 255, 255)).all(axis=-1).sum()
    assert sheet.shape[1] == 6 * (CELL + GAP)
    assert red == pytest.approx(3 * CELL * CELL / 4, rel=0.02)
    assert white == pytest.approx(2 * CELL * CELL * 2 / 3, rel=0.02)


def test_confidence_is_drawn_in_colors_over_the_photograph_with_a_legend(tmp_path):
    photograph, share = tmp_path / "photograph.png", tmp_path / "share.tif"
    pyvips.Image.new_from_array(np.full((200, 200, 3), 128, np.uint8)).write_to_file(str(photograph))
    sure = np.full((50, 50), 26, np.uint8)
    sure[:, 25:] = 230
    pyvips.Image.new_from_array(sure).copy(interpretation="b-w").write_to_file(str(share))
    target = write_contact_sheet(
        [SheetEntry("A", (photograph,), share)], ("scan", "confidence"), tmp_path / "sheet.png"
    )
    cell = pyvips.Image.new_from_file(str(target)).numpy()[:, CELL + GAP :].astype(int)
    guess, known = cell[CELL // 2, CELL // 4], cell[CELL // 2, 3 * CELL // 4]
    assert guess[2] > guess[1] + 20
    assert known[1] > known[2] + 20
    assert known.sum() > guess.sum() + 60
    foot = cell[-LEGEND_HEIGHT - GAP // 2 - 2, GAP:LEGEND_WIDTH].sum(1)
    assert foot[-8:].mean() > foot[:8].mean() + 200


def test_a_sheet_without_photographs_has_its_headings(tmp_path):
    target = write_contact_sheet([], ("scan", "restored"), tmp_path / "sheet.png")

    sheet = pyvips.Image.new_from_file(str(target)).numpy()
    assert sheet.min() < 100
