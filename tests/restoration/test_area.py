"""Which part of a scan is photograph, and what finding it costs."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
import pyvips

from imaging.lab import grey_to_lightness
from restoration.area import SIDE, area_of, overview, scaled
from restoration.sampling import encoded, luma


def bordered(height: int, width: int, dtype: type = np.uint8, bands: int = 3) -> pyvips.Image:
    """Return noise in a frame of white paper a tenth of each side wide."""
    top = np.iinfo(dtype).max
    pixels = np.full((height, width, bands), top, dtype)
    inside = pixels[height // 10 : -(height // 10), width // 10 : -(width // 10)]
    inside[:] = np.random.default_rng(7).integers(top // 8, top // 2, inside.shape)
    return pyvips.Image.new_from_array(pixels)


@pytest.mark.parametrize(("width", "height", "step"), [(620, 400, 4), (617, 403, 4), (300, 200, 1)])
def test_an_ordinary_scan_is_reduced_strip_by_strip_at_full_width(width: int, height: int, step: int) -> None:
    image = bordered(height, width, np.uint16)
    strips = np.vsplit(luma(encoded(image.numpy())), range(8 * step, height, 8 * step))
    small = [
        cv2.resize(strip, (-(-width // step), -(-len(strip) // step)), interpolation=cv2.INTER_AREA)
        for strip in strips
    ]
    assert np.array_equal(overview(image, step), grey_to_lightness(np.concatenate(small)))


@pytest.mark.parametrize("piece", [1, 5000, 20_000])
def test_pieces_do_not_show(piece: int) -> None:
    image = bordered(400, 1200)
    assert np.allclose(overview(image, 4, piece), overview(image, 4), atol=1e-3)


def test_the_border_is_found_and_what_its_writing_may_reach() -> None:
    image = bordered(800, 3000)
    rows, columns = area_of(image)
    step = -(-3000 // SIDE)
    reach = 4 * step
    assert abs(rows.start - 80 - reach) <= step
    assert abs(rows.stop - 720 + reach) <= step
    assert abs(columns.start - 300 - reach) <= step
    assert abs(columns.stop - 2700 + reach) <= step


def test_the_cost_does_not_grow_with_the_square_of_the_width() -> None:
    image = pyvips.Image.black(60_000, 1000, bands=3)
    tracemalloc.start()
    try:
        assert area_of(image) == (slice(0, 1000), slice(0, 60_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * 2**20


def test_an_area_is_scaled_and_never_empty() -> None:
    area = (slice(100, 900), slice(0, 601))
    assert scaled(area, 500, 301, 0.5) == (slice(50, 450), slice(0, 300))
    thin = (slice(996, 1000), slice(0, 3))
    rows, columns = scaled(thin, 10, 1, 0.01)
    assert (rows, columns) == (slice(9, 10), slice(0, 1))
