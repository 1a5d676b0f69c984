"""Noise is taken away towards the truth, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from restoration.denoiser import Denoiser
from restoration.noise import SILENT, NoiseReport, estimate_noise
from restoration.training.denoiser import grain_field
from tests.restoration.drawings import drawing

NOISE = NoiseReport(20 / 255, (20 / 255,) * 9, 0.0, 0.0, 1.0)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2)))


@pytest.mark.parametrize(("sigma", "gain"), [(15, 4.0), (25, 5.0), (50, 6.0)])
def test_white_noise_is_reduced_towards_the_truth(sigma: int, gain: float) -> None:
    clean = drawing("still-life")
    noisy = clean + sigma / 255 * grain_field(np.random.default_rng(4), clean.shape, 0)
    quiet = Denoiser(estimate_noise([noisy]), 1.0)(noisy)
    assert psnr(quiet, clean) > psnr(noisy, clean) + gain


def test_film_grain_is_reduced_towards_the_truth() -> None:
    clean = drawing("still-life")
    noisy = clean + (0.03 + 0.05 * clean) * grain_field(np.random.default_rng(5), clean.shape, 0.9)
    quiet = Denoiser(estimate_noise([noisy]), 1.0)(noisy)
    assert psnr(quiet, clean) > psnr(noisy, clean) + 3


def test_more_strength_leaves_less_noise() -> None:
    noisy = drawing("still-life") + 20 / 255 * grain_field(np.random.default_rng(6), (384, 384), 0)
    left = [estimate_noise([Denoiser(NOISE, strength)(noisy)]).strength for strength in (0.0, 0.5, 1.0)]
    assert left[0] > 1.3 * left[1] > 1.6 * left[2]


def test_strength_zero_is_identity_bit_for_bit() -> None:
    noisy = np.random.default_rng(7).random((65, 43), dtype=np.float32)
    assert Denoiser(NOISE, 0.0)(noisy) is noisy


def test_no_noise_is_identity_bit_for_bit() -> None:
    noisy = np.random.default_rng(8).random((65, 43), dtype=np.float32)
    assert Denoiser(SILENT, 1.0)(noisy) is noisy


def test_sixteen_bits_pass_without_an_eight_bit_step() -> None:
    ramp = np.tile(np.linspace(0.3, 0.3 + 8 / 255, 512, dtype=np.float32), (64, 1))
    weak = NoiseReport(2 / 255, (2 / 255,) * 9, 0.0, 0.0, 1.0)
    quiet = Denoiser(weak, 1.0)(ramp)
    levels = np.unique(np.rint(quiet * 65535))
    assert len(levels) > 1000


def test_tiles_with_context_equal_the_whole() -> None:
    noisy = drawing("still-life") + 20 / 255 * grain_field(np.random.default_rng(9), (384, 384), 0)
    denoiser = Denoiser(NOISE, 1.0)
    whole = denoiser(noisy)
    context = denoiser.context
    tile = denoiser(noisy[:, 128 - context : 256 + context])[:, context:-context]
    assert np.abs(tile - whole[:, 128:256]).max() < 1 / 255


def test_bands_keep_their_tint() -> None:
    grey = drawing("slope") * 0.8
    print_ = np.stack([grey + 0.06, grey, grey - 0.05], 2)
    noisy = print_ + (15 / 255 * grain_field(np.random.default_rng(10), grey.shape, 0))[:, :, None]
    quiet = Denoiser(NOISE, 1.0)(noisy)
    assert quiet[:, :, 0] - quiet[:, :, 1] == pytest.approx(noisy[:, :, 0] - noisy[:, :, 1], abs=1e-5)
    assert psnr(quiet, print_) > psnr(noisy, print_) + 5
