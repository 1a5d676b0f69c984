"""Chroma follows the edges of L*."""

import cv2
import numpy as np
import pytest
from skimage import color, data

from colorization.fullscale import Coefficients
from colorization.guided_filter import fit, masked
from colorization.working import resized


def chroma_of(coefficients: Coefficients, lightness: np.ndarray) -> np.ndarray:
    """Undo `Coefficients.from_affine`: a*b* at working scale."""
    field = cv2.resize(coefficients.field, lightness.shape[::-1], interpolation=cv2.INTER_LINEAR)
    slope = (field[..., :2] - 1) / (116 * np.array([1 / 500, -1 / 200]))
    intercept = field[..., 2:] / np.array([1 / 500, -1 / 200]) + 16 * slope
    return np.moveaxis(slope * lightness[..., None] + intercept, -1, 0)


def test_chroma_that_is_linear_in_lightness_is_carried_to_every_pixel() -> None:
    lightness = np.random.default_rng(0).uniform(45, 55, (64, 80)).astype(np.float32)
    lightness += 40 * np.sin(np.arange(80) / 6).astype(np.float32)
    chroma = np.stack([0.4 * lightness - 10, -0.2 * lightness + 5]).astype(np.float32)
    assert np.abs(chroma_of(fit(lightness, chroma), lightness) - chroma).mean() < 1.5


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
def test_edges_are_nearer_to_the_truth_than_by_interpolation(name: str) -> None:
    lab = np.moveaxis(color.rgb2lab(getattr(data, name)()), -1, 0).astype(np.float32)
    lightness, chroma = lab[0], lab[1:]
    height, width = lightness.shape
    plain = np.stack([resized(resized(p, -(-width // 4), -(-height // 4)), width, height) for p in chroma])
    fitted = chroma_of(fit(lightness, plain), lightness)
    step = (
        cv2.dilate((np.abs(np.diff(lightness, axis=1, append=50)) > 12).astype(np.uint8), np.ones((9, 9))) > 0
    )
    error = [np.hypot(*(p - chroma))[step].mean() for p in (plain, fitted)]
    assert error[1] < 0.95 * error[0]


def test_flat_lightness_keeps_the_color_of_every_cell() -> None:
    chroma = np.repeat(np.repeat(np.random.default_rng(1).normal(0, 30, (2, 12, 10)), 4, 1), 4, 2).astype(
        np.float32
    )
    fitted = fit(np.full((48, 40), 50, np.float32), chroma)
    small = fitted.field[..., 2:] / np.array([1 / 500, -1 / 200])
    assert np.abs(np.moveaxis(small, -1, 0) - chroma[:, ::4, ::4]).max() < 1e-3


def test_masked_places_have_no_chroma() -> None:
    light = np.random.default_rng(2).uniform(0, 100, (40, 60)).astype(np.float32)
    mask = np.ones((40, 60), np.float32)
    mask[:8] = 0
    field = masked(fit(light, np.full((2, 40, 60), 30, np.float32)), mask).field
    assert np.array_equal(field[:8], np.broadcast_to([1, 1, 0, 0], (8, 60, 4)))
    assert np.abs(field[8:, :, 2:]).max() > 0.05


def test_a_single_pixel_has_coefficients() -> None:
    one = fit(np.full((1, 1), 50, np.float32), np.full((2, 1, 1), 12, np.float32))
    assert np.abs(chroma_of(one, np.full((1, 1), 50, np.float32)) - 12).max() < 1e-2
