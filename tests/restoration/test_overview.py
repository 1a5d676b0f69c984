"""The overview of a scan: where its pixels lie, and what a tile gets of it."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from restoration.overview import LARGEST, Evidence, Grey, Overview


def _judge(grey: Grey) -> Evidence:
    """Return the picture itself as log-odds, so that places can be told."""
    return np.stack([grey, 1 - grey])


@pytest.mark.parametrize(("width", "step"), [(LARGEST, 1), (LARGEST + 1, 2), (3 * LARGEST, 3)])
def test_a_scan_is_reduced_no_more_than_it_must_be(width: int, step: int) -> None:
    overview = Overview.of(pyvips.Image.black(width, 40), _judge)
    assert overview.step == step
    assert overview.evidence.shape == (2, -(-40 // step), -(-width // step))


def test_a_small_scan_is_seen_pixel_by_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90), np.uint8)
    overview = Overview.of(pyvips.Image.new_from_array(pixels), _judge)
    part = overview.under((20, 30), 40, 10)
    np.testing.assert_allclose(part[0], pixels[10:30, 40:70] / 255, atol=1e-3)


def test_tiles_lie_where_they_lie_in_the_scan() -> None:
    # A ramp is the same ramp at every scale: what is enlarged must agree with it, but for the scan's rim.
    columns = np.tile(np.linspace(0, 1, 4 * LARGEST, dtype=np.float64), (64, 1))
    ramp = np.rint(columns * 65535).astype(np.uint16)
    overview = Overview.of(pyvips.Image.new_from_array(ramp), _judge)
    assert overview.step == 4
    for left in (401, 1000, 3002):
        tile = overview.under((16, 200), left, 20)
        assert tile.shape == (2, 16, 200)
        np.testing.assert_allclose(tile[0], columns[20:36, left : left + 200], atol=1e-3)
