import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from colorization.gamut import nearest


def test_what_fits_stays():
    light = np.array([30, 50, 70], np.float32)
    assert np.allclose(nearest(light, np.array([12, -8], np.float32)), [[12, -8]] * 3)


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB:UserWarning")
@pytest.mark.parametrize("lightness", [5, 30, 60, 92])
@pytest.mark.parametrize("color", [(20, -90), (-100, 100), (120, 10), (-80, -40)])
def test_nothing_that_srgb_holds_is_nearer(lightness: int, color: tuple[int, int]):
    found = nearest(np.array([lightness], np.float32), np.array(color, np.float32))[0]
    axis = np.arange(-128, 129, 1.0)
    colors = np.stack(np.meshgrid([lightness], axis, axis, indexing="ij"), -1)[0]
    held = np.abs(rgb2lab(lab2rgb(colors)) - colors).max(-1) < 0.05
    least = np.linalg.norm(colors[held][:, 1:] - color, axis=1).min()
    assert np.linalg.norm(found - color) == pytest.approx(least, abs=1.2)
    there = np.array([lightness, *found])
    assert np.abs(rgb2lab(lab2rgb(there)) - there).max() < 1


def test_black_and_white_hold_no_color():
    assert np.abs(nearest(np.array([0, 100], np.float32), np.array([40, 40], np.float32))).max() < 1
