"""Tiles cover every pixel exactly once after blending."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import OptionsError
from imaging.tiles import TileGrid


@st.composite
def grids(draw: st.DrawFn) -> TileGrid:
    tile = draw(st.integers(1, 60))
    return TileGrid(
        width=draw(st.integers(1, 300)),
        height=draw(st.integers(1, 120)),
        tile=tile,
        overlap=draw(
            st.integers(max(0, tile - 30), tile - 1) | st.integers(0, tile // 2).filter(lambda o: o < tile)
        ),
    )


@settings(deadline=None, max_examples=150)
@given(grids())
def test_windows_sum_to_one_at_every_pixel(grid: TileGrid) -> None:
    if len(grid) > 3000:
        return
    total = np.zeros((grid.height, grid.width))
    for tile in grid:
        window = grid.window(tile)
        assert window.dtype == np.float32
        assert window.min() > 0
        total[tile.slices] += window
    assert np.abs(total - 1).max() < 1e-5


@settings(deadline=None)
@given(grids())
def test_tiles_stay_inside_and_overlap_as_asked(grid: TileGrid) -> None:
    lefts = sorted({t.left for t in grid})
    length = min(grid.tile, grid.width)
    assert lefts[0] == 0
    assert lefts[-1] + length == grid.width
    assert all(a + length - b >= grid.overlap for a, b in pairwise(lefts))
    assert [t.index for t in grid] == list(range(len(grid)))


def test_windows_are_smooth_across_the_overlap() -> None:
    grid = TileGrid(200, 10, tile=120, overlap=40)
    row = grid.window(grid[0])[0]
    assert np.abs(np.diff(row)).max() < 0.05
    assert row[:80].min() == 1
    assert np.all(np.diff(row[80:]) < 0)


def test_extreme_aspect_ratio_has_few_tiles() -> None:
    assert len(TileGrid(300_000, 1, tile=512, overlap=64)) == 670


@pytest.mark.parametrize(("tile", "overlap"), [(0, 0), (8, 8), (8, -1)])
def test_overlap_must_fit_the_tile(tile: int, overlap: int) -> None:
    with pytest.raises(OptionsError):
        TileGrid(10, 10, tile, overlap)


def test_empty_picture_is_refused() -> None:
    with pytest.raises(OptionsError):
        TileGrid(0, 10, 4, 0)
