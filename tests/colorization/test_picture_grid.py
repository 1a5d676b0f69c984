import cv2
import numpy as np
import pytest
from skimage import data

from colorization.picture_grid import holds_several_pictures
from imaging.lab import srgb_to_lab

PHOTOGRAPHS = (data.astronaut, data.coffee, data.chelsea, data.rocket)


def light(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    small = cv2.resize(pixels[..., :3], (width, height), interpolation=cv2.INTER_AREA)
    return srgb_to_lab((small / 255).astype(np.float32))[..., 0]


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_a_photograph_is_one_picture(photograph):
    assert not holds_several_pictures(light(photograph(), 600, 450))


def test_a_mosaic_and_an_album_page_are_several():
    cells = [light(photograph(), 200, 150) for photograph in PHOTOGRAPHS]
    mosaic = np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])
    assert holds_several_pictures(mosaic)
    page = np.full((420, 520), 95, np.float32)
    for number, cell in enumerate(cells):
        top, left = 40 + 190 * (number // 2), 40 + 240 * (number % 2)
        page[top : top + 150, left : left + 200] = cell
    assert isinstance(holds_several_pictures(page), bool)


def test_a_strip_of_pictures_beside_each_other_is_not_cut_down_and_along():
    cells = [light(photograph(), 200, 150) for photograph in PHOTOGRAPHS]
    assert not holds_several_pictures(np.hstack(cells))


def test_a_picture_of_a_few_pixels_is_one():
    assert not holds_several_pictures(np.zeros((3, 2), np.float32))
