"""Where a photograph is looked at."""

from __future__ import annotations

import pytest
import pyvips

from restoration.sampling import sample_squares


@pytest.mark.parametrize(("width", "height"), [(100, 90), (5000, 300), (300, 5000), (3000, 2000), (16, 16)])
def test_squares_stay_inside_and_few(width: int, height: int) -> None:
    image = pyvips.Image.black(width, height)
    squares = list(sample_squares(image, 16, 256))
    assert 1 <= len(squares) <= 16
    assert all(square.shape == (min(256, height), min(256, width)) for square in squares)
