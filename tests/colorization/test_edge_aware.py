import numpy as np
import pytest
from scipy.sparse import diags_array
from scipy.sparse.linalg import spsolve

from colorization.edge_aware import smoothed


def test_a_constant_stays_and_the_mean_of_a_flat_picture_is_kept():
    random = np.random.default_rng(0)
    flat = np.full((20, 30), 40, np.float32)
    assert np.allclose(
        smoothed(np.full((2, 20, 30), 7, np.float32), flat, smoothness=9, edge=3), 7, atol=1e-4
    )
    noise = random.normal(size=(1, 20, 30)).astype(np.float32)
    calm = smoothed(noise, flat, smoothness=9, edge=3)
    assert calm.std() < 0.5 * noise.std()
    assert calm.mean() == pytest.approx(noise.mean(), abs=1e-4)


def test_a_single_row_is_the_least_squares_solution():
    """Along one row the rounds are exact solutions of tridiagonal systems: the oracle is a sparse solver."""
    random = np.random.default_rng(1)
    values = random.normal(size=(1, 1, 40)).astype(np.float32)
    lightness = random.uniform(0, 30, (1, 40)).astype(np.float32)
    expected = values[0, 0].astype(float)
    link = np.exp(-np.abs(np.diff(lightness[0])) / 5)
    for turn in range(3):
        strength = 1.5 * 10 * 4.0 ** (2 - turn) / 63 * link
        middle = 1 + np.append(strength, 0) + np.append(0, strength)
        expected = spsolve(diags_array([middle, -strength, -strength], offsets=[0, 1, -1]).tocsc(), expected)
    found = smoothed(values, lightness, smoothness=10, edge=5)[0, 0]
    assert np.allclose(found, expected, atol=1e-4)


def test_what_is_not_trusted_takes_the_value_of_its_region():
    lightness = np.full((16, 16), 50, np.float32)
    lightness[:, 8:] = 90
    planes = np.zeros((1, 16, 16), np.float32)
    weight = np.full((16, 16), 1e-3, np.float32)
    planes[0, 8, 2], weight[8, 2] = 10, 1e4
    found = smoothed(planes, lightness, smoothness=20, edge=2, weight=weight)[0]
    assert found[8, 2] == pytest.approx(10, abs=0.1)
    assert found[4, 5] > 5
    assert abs(found[4, 12]) < 0.2
