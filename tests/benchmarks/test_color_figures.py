import numpy as np
import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="comes with the training extra")

from tests.benchmarks.color_figures import ErrorCurve, colorfulness, frechet, psnr


def test_grey_has_no_color_and_noise_has_much():
    random = np.random.default_rng(0)
    grey = random.random((20, 20, 1), np.float32).repeat(3, 2)
    assert colorfulness(grey) == pytest.approx(0, abs=1e-4)
    assert colorfulness(random.random((20, 20, 3), np.float32)) > 50


def test_psnr_of_a_tenth_everywhere_is_twenty_decibels():
    assert psnr(np.full((4, 4, 3), 0.6, np.float32), np.full((4, 4, 3), 0.5, np.float32)) == pytest.approx(
        20, abs=1e-3
    )


def test_area_falls_with_the_error_and_rare_colors_count_alike():
    curve = ErrorCurve()
    error = np.zeros((10, 10), np.float32)
    true = np.zeros((10, 10, 2), np.float32)
    error[0], true[0] = 75, (60, 0)
    curve.add(error, true)
    assert curve.area == pytest.approx(100 - 10 * 75 / 151, abs=0.1)
    assert curve.rebalanced_area == pytest.approx(100 - 50 * 75 / 151, abs=0.1)


def test_frechet_distance_of_shifted_sets_is_the_shift_squared():
    features = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    assert frechet(features, features) == pytest.approx(0, abs=1e-4)
    assert frechet(features, features + 2) == pytest.approx(8 * 4, rel=1e-3)
