import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorization.hints import EXACT_TRUST, Hint, rasterize
from imaging.errors import OptionsError


@given(
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    radius=st.floats(1e-6, 0.5),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
)
def test_every_hint_marks_at_least_its_own_pixel(x, y, radius, height, width):
    planes = rasterize([Hint(x, y, radius, 20, -30)], height, width)
    row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
    assert planes[:, row, column].tolist() == [20, -30, EXACT_TRUST]
    assert set(np.unique(planes[2])) <= {0.0, EXACT_TRUST}


def test_no_hints_leave_the_planes_empty():
    assert not rasterize([], 8, 9).any()


def test_radius_is_a_share_of_the_longer_side():
    planes = rasterize([Hint(0.5, 0.5, 0.1, 1, 1)], 50, 100)
    assert planes[2].sum() == pytest.approx(np.pi * 10**2, rel=0.05)


@pytest.mark.parametrize(
    "fault", [{"x": 1.5}, {"y": -0.1}, {"radius": 0.0}, {"a": 200.0}, {"b": float("nan")}]
)
def test_values_out_of_range_are_refused(fault):
    with pytest.raises(OptionsError, match=next(iter(fault))):
        Hint(**{"x": 0.5, "y": 0.5, "radius": 0.1, "a": 0.0, "b": 0.0, **fault})
