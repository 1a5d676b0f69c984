"""The map is viridis: its oracle is OpenCV's table and the evenness of its lightness."""

import numpy as np
import pyvips

from imaging.false_color import colors, legend, over_photograph
from imaging.lab import srgb_to_lab


def test_the_legend_rises_evenly_in_lightness():
    ramp = legend(256, 3).numpy()[1]
    lightness = srgb_to_lab((ramp / 255).astype(np.float32))[:, 0]
    steps = np.diff(lightness)
    assert steps.min() > -0.2
    assert 10 < lightness[0] < 20
    assert lightness[-1] > 85


def test_the_colors_are_those_that_its_authors_published():
    # https://github.com/BIDS/colormap, option_d.py: the first, the middle and the last of 256.
    published = [
        (0.267004, 0.004874, 0.329415),
        (0.127568, 0.566949, 0.550556),
        (0.993248, 0.906157, 0.143936),
    ]
    written = ["#" + "".join(f"{round(255 * share):02x}" for share in color) for color in published]
    assert [colors()[at] for at in (0, 128, 255)] == written
    assert len(colors()) == 256


def test_a_share_of_another_size_is_drawn_over_the_photograph_at_its_size():
    photograph = pyvips.Image.new_from_array(np.full((40, 60), 120, np.uint8)).copy(interpretation="b-w")
    share = np.zeros((10, 15), np.uint8)
    share[:, 8:] = 255
    drawn = over_photograph(pyvips.Image.new_from_array(share), photograph)
    assert (drawn.width, drawn.height, drawn.bands) == (60, 40, 3)
    pixels = drawn.numpy().astype(int)
    assert pixels[20, 5, 2] > pixels[20, 5, 1]
    assert pixels[20, 55, 0] > pixels[20, 55, 2] + 60


def test_the_photograph_shows_through():
    grey = np.full((32, 32), 60, np.uint8)
    grey[:, 16:] = 200
    flat = pyvips.Image.new_from_array(np.full((32, 32), 128, np.uint8))
    pixels = over_photograph(flat, pyvips.Image.new_from_array(grey).copy(interpretation="b-w")).numpy()
    assert pixels[16, 28].astype(int).sum() > pixels[16, 4].astype(int).sum() + 120
