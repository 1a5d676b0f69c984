"""Where a photograph is looked at."""

from __future__ import annotations

import pytest
import pyvips

from restoration.sampling import places_of_squares, sample_squares


@pytest.mark.parametrize(("width", "height"), [(100, 90), (5000, 300), (300, 5000), (3000, 2000), (16, 16)])
def test_squares_stay_inside_and_few(width: int, height: int) -> None:
    image = pyvips.Image.black(width, height)
    squares = list(sample_squares(image, 16, 256))
    assert 1 <= len(squares) <= 16
    assert all(square.shape == (min(256, height), min(256, width)) for square in squares)


@pytest.mark.parametrize(("width", "height"), [(1500, 60_000), (60_000, 1500)])
def test_a_strip_of_film_is_sampled_along_its_middle(width: int, height: int) -> None:
    """Not along an edge of it, where its margin is."""
    for left, top, across, down in places_of_squares(width, height):
        along, short = (left, top) if width < height else (top, left)
        assert abs(2 * along + (across if width < height else down) - 1500) <= 1
        assert 0 <= short <= 60_000 - 256
