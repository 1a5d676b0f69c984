"""The noise that was put on is the noise that is measured."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import pyvips

from restoration.noise import LUMINANCES, SILENT, estimate_noise, measure_noise
from restoration.sampling import encoded
from restoration.training.denoiser import grain_field
from tests.restoration.drawings import drawing


@pytest.mark.parametrize("kind", ["still-life", "slope"])
@pytest.mark.parametrize("sigma", [5, 10, 20, 40])
def test_strength_of_white_noise_is_found_within_15_percent(kind: str, sigma: int) -> None:
    random = np.random.default_rng(sigma)
    noisy = drawing(kind) + sigma / 255 * grain_field(random, (384, 384), 0)
    report = estimate_noise([noisy.astype(np.float32)])
    assert report.strength * 255 == pytest.approx(sigma, rel=0.15)
    assert report.grain < 0.45


@pytest.mark.parametrize("size", [0.7, 1.0, 1.4])
def test_grain_size_and_strength_are_found(size: float) -> None:
    noisy = drawing("still-life") + 15 / 255 * grain_field(np.random.default_rng(1), (384, 384), size)
    report = estimate_noise([noisy])
    assert report.strength * 255 == pytest.approx(15, rel=0.2)
    assert report.grain == pytest.approx(size, rel=0.3)


def test_grain_that_depends_on_luminance_is_found_as_a_curve() -> None:
    clean = drawing("slope")
    local = 0.02 + 0.06 * clean
    noisy = clean + local * grain_field(np.random.default_rng(2), clean.shape, 0)
    curve = estimate_noise([noisy]).curve
    for luminance in (0.375, 0.5, 0.625):
        found = float(np.interp(luminance, LUMINANCES, curve))
        assert found == pytest.approx(0.02 + 0.06 * luminance, rel=0.15)


def test_a_clean_picture_has_next_to_no_noise() -> None:
    assert estimate_noise([drawing("still-life")]).strength < 1 / 255


def test_a_black_border_does_not_hide_the_noise() -> None:
    noisy = drawing("slope") + 20 / 255 * grain_field(np.random.default_rng(11), (384, 384), 0)
    noisy[:, :100] = 0.1
    assert estimate_noise([noisy]).strength * 255 == pytest.approx(20, rel=0.15)


def test_a_clean_drawing_has_no_noise() -> None:
    plate = np.full((384, 384), 230, np.uint8)
    cv2.putText(plate, "Plate IV", (20, 200), cv2.FONT_HERSHEY_SIMPLEX, 2, 25, 3, cv2.LINE_AA)
    assert estimate_noise([encoded(plate)]).strength < 1 / 255


def test_a_picture_too_small_to_tell_is_left_alone() -> None:
    assert estimate_noise([np.full((20, 20), 0.5, np.float32)]) == SILENT
    assert estimate_noise([]) == SILENT


@pytest.mark.parametrize(("dtype", "bands"), [(np.uint8, 1), (np.uint16, 1), (np.uint16, 3)])
def test_noise_is_measured_alike_at_both_depths_and_in_color(dtype: type, bands: int) -> None:
    noisy = drawing("still-life") + 12 / 255 * grain_field(np.random.default_rng(3), (384, 384), 0)
    pixels = np.rint(noisy.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)
    image = pyvips.Image.new_from_array(np.repeat(pixels[:, :, None], bands, 2))
    assert measure_noise(image, samples=9, side=128).strength * 255 == pytest.approx(12, rel=0.15)
