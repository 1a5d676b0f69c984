"""The map is viridis: its oracle is OpenCV's table and the evenness of its lightness."""

import numpy as np
import pyvips

from imaging.false_color import legend, overlay
from imaging.lab import srgb_to_lab


def test_the_legend_rises_evenly_in_lightness():
    ramp = legend(256, 3).numpy()[1]
    lightness = srgb_to_lab((ramp / 255).astype(np.float32))[:, 0]
    steps = np.diff(lightness)
    assert steps.min() > -0.2
    assert 10 < lightness[0] < 20
    assert lightness[-1] > 85


def test_a_share_of_another_size_is_drawn_over_the_photograph_at_its_size():
    photograph = pyvips.Image.new_from_array(np.full((40, 60), 120, np.uint8)).copy(interpretation="b-w")
    share = np.zeros((10, 15), np.uint8)
    share[:, 8:] = 255
    drawn = overlay(pyvips.Image.new_from_array(share), photograph)
    assert (drawn.width, drawn.height, drawn.bands) == (60, 40, 3)
    pixels = drawn.numpy().astype(int)
    assert pixels[20, 5, 2] > pixels[20, 5, 1]
    assert pixels[20, 55, 0] > pixels[20, 55, 2] + 60


def test_the_photograph_shows_through():
    grey = np.full((32, 32), 60, np.uint8)
    grey[:, 16:] = 200
    flat = pyvips.Image.new_from_array(np.full((32, 32), 128, np.uint8))
    pixels = overlay(flat, pyvips.Image.new_from_array(grey).copy(interpretation="b-w")).numpy()
    assert pixels[16, 28].astype(int).sum() > pixels[16, 4].astype(int).sum() + 120
