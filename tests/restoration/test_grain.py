import cv2
import numpy as np
import pytest
import pyvips
import torch

from restoration import grain
from restoration.denoiser import GrainNetwork, level_map
from restoration.grain import SILENT, NoiseReport, Quieter, estimate_noise, measure_noise, sample_squares
from restoration.training.grain import grain_field

PHOTOGRAPHIC = ("still-life", "slope")


def picture(kind: str, side: int = 384) -> np.ndarray:
    """Draw something with flat parts, slopes, edges and texture, range 0–1, free of noise."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    slope = 0.25 + 0.5 * (0.6 * x + 0.4 * y)
    if kind == "slope":
        return slope
    drawn = slope.copy()
    cv2.circle(drawn, (side // 3, side // 3), side // 5, 0.75, -1, cv2.LINE_AA)
    cv2.rectangle(drawn, (side // 2, side // 2), (side - 40, side - 60), 0.2, -1)
    texture = 0.1 * np.sin(90 * x) * np.sin(70 * y)
    return np.where(y > 0.8, drawn + texture, drawn).astype(np.float32)


@pytest.mark.parametrize("kind", PHOTOGRAPHIC)
@pytest.mark.parametrize("sigma", [5, 10, 20, 40])
def test_strength_of_white_noise_is_found_within_15_percent(kind, sigma):
    random = np.random.default_rng(sigma)
    noisy = picture(kind) + sigma / 255 * grain_field(random, (384, 384), 0)
    report = estimate_noise([noisy.astype(np.float32)])
    assert report.strength * 255 == pytest.approx(sigma, rel=0.15)
    assert report.grain < 0.45


@pytest.mark.parametrize("size", [0.7, 1.0, 1.4])
def test_grain_size_and_strength_are_found(size):
    noisy = picture("still-life") + 15 / 255 * grain_field(np.random.default_rng(1), (384, 384), size)
    report = estimate_noise([noisy])
    assert report.strength * 255 == pytest.approx(15, rel=0.2)
    assert report.grain == pytest.approx(size, rel=0.3)


def test_grain_that_depends_on_luminance_is_found_as_a_curve():
    clean = picture("slope")
    local = 0.02 + 0.06 * clean
    noisy = clean + local * grain_field(np.random.default_rng(2), clean.shape, 0)
    curve = estimate_noise([noisy]).curve
    for luminance in (0.375, 0.5, 0.625):
        found = float(np.interp(luminance, grain.LUMINANCES, curve))
        assert found == pytest.approx(0.02 + 0.06 * luminance, rel=0.15)


def test_a_clean_picture_has_next_to_no_noise():
    assert estimate_noise([picture("still-life")]).strength < 1 / 255


def test_a_black_border_does_not_hide_the_noise():
    noisy = picture("slope") + 20 / 255 * grain_field(np.random.default_rng(11), (384, 384), 0)
    noisy[:, :100] = 0.1
    assert estimate_noise([noisy]).strength * 255 == pytest.approx(20, rel=0.15)


def test_a_clean_drawing_has_no_noise():
    drawing = np.full((384, 384), 230, np.uint8)
    cv2.putText(drawing, "Plate IV", (20, 200), cv2.FONT_HERSHEY_SIMPLEX, 2, 25, 3, cv2.LINE_AA)
    assert estimate_noise([grain.encoded(drawing)]).strength < 1 / 255


def test_a_picture_too_small_to_tell_is_left_alone():
    assert estimate_noise([np.full((20, 20), 0.5, np.float32)]) == SILENT
    assert estimate_noise([]) == SILENT


@pytest.mark.parametrize(("dtype", "bands"), [(np.uint8, 1), (np.uint16, 1), (np.uint16, 3)])
def test_noise_is_measured_alike_at_both_depths_and_in_color(dtype, bands):
    noisy = picture("still-life") + 12 / 255 * grain_field(np.random.default_rng(3), (384, 384), 0)
    pixels = np.rint(noisy.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)
    image = pyvips.Image.new_from_array(np.repeat(pixels[:, :, None], bands, 2))
    assert measure_noise(image, samples=9, side=128).strength * 255 == pytest.approx(12, rel=0.15)


@pytest.mark.parametrize(("width", "height"), [(100, 90), (5000, 300), (300, 5000), (3000, 2000), (16, 16)])
def test_squares_stay_inside_and_few(width, height):
    image = pyvips.Image.black(width, height)
    squares = list(sample_squares(image, 16, 256))
    assert 1 <= len(squares) <= 16
    assert all(square.shape == (min(256, height), min(256, width)) for square in squares)


NOISE = NoiseReport(20 / 255, (20 / 255,) * 9, 0.0, 0.0, 1.0)


def psnr(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


@pytest.mark.parametrize(("sigma", "gain"), [(15, 4.0), (25, 5.0), (50, 6.0)])
def test_white_noise_is_reduced_towards_the_truth(sigma, gain):
    clean = picture("still-life")
    noisy = clean + sigma / 255 * grain_field(np.random.default_rng(4), clean.shape, 0)
    quiet = Quieter(estimate_noise([noisy]), 1.0)(noisy)
    assert psnr(quiet, clean) > psnr(noisy, clean) + gain


def test_film_grain_is_reduced_towards_the_truth():
    clean = picture("still-life")
    noisy = clean + (0.03 + 0.05 * clean) * grain_field(np.random.default_rng(5), clean.shape, 0.9)
    quiet = Quieter(estimate_noise([noisy]), 1.0)(noisy)
    assert psnr(quiet, clean) > psnr(noisy, clean) + 3


def test_more_strength_leaves_less_noise():
    noisy = picture("still-life") + 20 / 255 * grain_field(np.random.default_rng(6), (384, 384), 0)
    left = [estimate_noise([Quieter(NOISE, strength)(noisy)]).strength for strength in (0.0, 0.5, 1.0)]
    assert left[0] > 1.3 * left[1] > 1.6 * left[2]


def test_strength_zero_is_identity_bit_for_bit():
    noisy = np.random.default_rng(7).random((65, 43), dtype=np.float32)
    assert Quieter(NOISE, 0.0)(noisy) is noisy


def test_no_noise_is_identity_bit_for_bit():
    noisy = np.random.default_rng(8).random((65, 43), dtype=np.float32)
    assert Quieter(SILENT, 1.0)(noisy) is noisy


def test_the_network_predicts_no_noise_where_the_map_says_none():
    network = GrainNetwork(2, (8, 8), (1, 1), (1,))
    tile = torch.rand(1, 1, 32, 32)
    assert not network(tile, torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 1, 1)).any()


def test_sixteen_bits_pass_without_an_eight_bit_step():
    ramp = np.tile(np.linspace(0.3, 0.3 + 8 / 255, 512, dtype=np.float32), (64, 1))
    weak = NoiseReport(2 / 255, (2 / 255,) * 9, 0.0, 0.0, 1.0)
    quiet = Quieter(weak, 1.0)(ramp)
    levels = np.unique(np.rint(quiet * 65535))
    assert len(levels) > 1000


def test_tiles_with_context_equal_the_whole():
    noisy = picture("still-life") + 20 / 255 * grain_field(np.random.default_rng(9), (384, 384), 0)
    quieter = Quieter(NOISE, 1.0)
    whole = quieter(noisy)
    context = quieter.context
    tile = quieter(noisy[:, 128 - context : 256 + context])[:, context:-context]
    assert np.abs(tile - whole[:, 128:256]).max() < 1 / 255


def test_bands_keep_their_tint():
    grey = picture("slope") * 0.8
    print_ = np.stack([grey + 0.06, grey, grey - 0.05], 2)
    noisy = print_ + (15 / 255 * grain_field(np.random.default_rng(10), grey.shape, 0))[:, :, None]
    quiet = Quieter(NOISE, 1.0)(noisy)
    assert quiet[:, :, 0] - quiet[:, :, 1] == pytest.approx(noisy[:, :, 0] - noisy[:, :, 1], abs=1e-5)
    assert psnr(quiet, print_) > psnr(noisy, print_) + 5


def test_level_map_reads_the_curve_at_the_surroundings():
    curve = torch.linspace(0, 0.16, 9)[None]
    level = level_map(torch.full((1, 1, 16, 16), 0.3), curve, 2)
    assert level.shape == (1, 1, 8, 8)
    assert torch.allclose(level, torch.full_like(level, 0.048))
