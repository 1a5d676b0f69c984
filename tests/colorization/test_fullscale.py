"""Full-size color has the chroma asked for and the very L* of the scan."""

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color, data

from colorization import fullscale
from colorization.fullscale import Coefficients, Primaries, colored_strips
from imaging.lab import decode_srgb, encode_srgb, grey_to_lightness

ALLOWED = {8: 1.0, 16: 32.0}
"""Code values by which L* (as the grey code that has it) may differ."""


def scan(bits: int, bands: int = 1, size: tuple[int, int] = (200, 260)) -> np.ndarray:
    """Every tone from black to white, with grain."""
    rng = np.random.default_rng(bits)
    tone = np.linspace(0, 1, size[1])[:, None] + rng.normal(0, 0.03, (*size, bands))
    return (
        (tone.clip(0, 1) * ((1 << bits) - 1)).round().astype(np.uint8 if bits == 8 else np.uint16).squeeze()
    )


def run(
    pixels: np.ndarray, field: Coefficients, bits: int, primaries: Primaries = Primaries.SRGB
) -> np.ndarray:
    image = pyvips.Image.new_from_array(pixels)
    return np.concatenate(list(colored_strips(image, field, bits, primaries)))


def grey_code(pixels: np.ndarray, primaries: Primaries = Primaries.SRGB) -> np.ndarray:
    """The code value of the grey that has the pixels' luminance."""
    top = 255 if pixels.dtype == np.uint8 else 65535
    weights = np.linalg.inv(fullscale._RGB_FROM_XYZ[primaries])[1]
    luminance = decode_srgb((pixels / top).astype(np.float32)).astype(np.float64) @ weights
    return encode_srgb(luminance.astype(np.float32)) * top


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("strength", [0, 1, 20, 100])
@pytest.mark.parametrize("primaries", list(Primaries))
def test_lightness_is_unchanged_however_wild_the_color(
    bits: int, strength: float, primaries: Primaries
) -> None:
    rng = np.random.default_rng(1)
    slope, intercept = rng.normal(0, strength / 30, (20, 26, 2)), rng.normal(0, strength, (20, 26, 2))
    pixels = scan(bits)
    colored = run(pixels, Coefficients.from_affine(slope, intercept), bits, primaries)
    assert np.abs(grey_code(colored, primaries) - pixels).max() <= ALLOWED[bits]


@pytest.mark.parametrize("bits", [8, 16])
def test_lightness_of_a_toned_scan_is_unchanged(bits: int) -> None:
    pixels = scan(bits, bands=3)
    field = Coefficients.from_affine(np.zeros((4, 4, 2)), np.full((4, 4, 2), 25.0))
    assert np.abs(grey_code(run(pixels, field, bits)) - grey_code(pixels)).max() <= ALLOWED[bits]


@pytest.mark.parametrize("bits", [8, 16])
def test_no_chroma_is_exactly_neutral(bits: int) -> None:
    pixels = scan(bits)
    colored = run(pixels, Coefficients.from_affine(np.zeros((3, 3, 2)), np.zeros((3, 3, 2))), bits)
    assert np.array_equal(colored[..., 0], colored[..., 1])
    assert np.array_equal(colored[..., 0], colored[..., 2])
    assert np.abs(colored[..., 0].astype(int) - pixels).max() <= (0 if bits == 8 else 7)


@pytest.mark.parametrize("primaries", list(Primaries))
def test_chroma_is_the_one_asked_for_inside_the_gamut(primaries: Primaries) -> None:
    lab = color.rgb2lab(data.astronaut()[:300, :300]) * [1, 0.6, 0.6]
    grey = (color.lab2rgb(np.dstack([lab[..., 0], lab[..., 0] * 0, lab[..., 0] * 0])) * 65535).round()
    pixels = grey[..., 1].astype(np.uint16)
    colored = (
        run(pixels, Coefficients.from_affine(np.zeros_like(lab[..., 1:]), lab[..., 1:]), 16, primaries)
        / 65535
    )
    if primaries is Primaries.DISPLAY_P3:
        linear = decode_srgb(colored.astype(np.float32)) @ np.linalg.inv(fullscale._RGB_FROM_XYZ[primaries]).T
        measured = color.xyz2lab(linear)
    else:
        measured = color.rgb2lab(colored)
    error = np.linalg.norm(measured - lab, axis=-1)
    # Below L* = 20 some channel nears zero, where CIE L*a*b* has its straight toe.
    assert np.quantile(error[lab[..., 0] > 20], 0.999) < 0.3
    assert error.mean() < 0.2


def test_slope_follows_lightness_at_full_size() -> None:
    pixels = scan(16)
    colored = run(pixels, Coefficients.from_affine(np.full((2, 2, 2), 0.2), np.full((2, 2, 2), 3.0)), 16)
    lab = color.rgb2lab(colored / 65535)
    expected = 0.2 * grey_to_lightness((pixels / 65535).astype(np.float32)) + 3
    inside = (lab[..., 0] > 15) & (lab[..., 0] < 70)
    assert np.abs(lab[..., 1] - expected)[inside].max() < 0.1
    assert np.abs(lab[..., 2] - expected)[inside].max() < 0.1


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 12), st.integers(1, 12))
def test_interpolation_aligns_pixel_centers_at_any_size(width: int, height: int, w: int, h: int) -> None:
    w, h = min(w, width), min(h, height)
    ramp = np.dstack(
        [np.tile((np.arange(w) + 0.5) / w, (h, 1)), np.tile((np.arange(h) + 0.5)[:, None] / h, (1, w))]
    )
    field = np.concatenate([ramp, ramp], axis=-1).astype(np.float32)
    rows = []
    for top in range(0, height, 7):
        strip = fullscale._StripField(field, top, min(7, height - top), (width, height))
        rows.append(np.stack(strip.planes(slice(0, 7)), axis=-1))
    wide = np.concatenate(rows)
    x = ((np.arange(width) + 0.5) / width).clip(0.5 / w, 1 - 0.5 / w)
    y = ((np.arange(height) + 0.5) / height).clip(0.5 / h, 1 - 0.5 / h)
    assert wide.shape == (height, width, 4)
    assert np.abs(wide[..., 0] - x).max() < 1e-5
    assert np.abs(wide[..., 1] - y[:, None]).max() < 1e-5


@pytest.mark.parametrize("size", [(1, 1), (1, 70_000), (70_000, 1), (3, 5)])
def test_extreme_sizes_are_colored(size: tuple[int, int]) -> None:
    pixels = np.full(size, 128, np.uint8)
    field = Coefficients.from_affine(np.zeros((1, 1, 2)), np.full((1, 1, 2), 20.0))
    colored = run(pixels, field, 8)
    assert colored.shape == (*size, 3)
    assert (colored == colored[0, 0]).all()
    assert colored[0, 0, 0] > colored[0, 0, 2]
