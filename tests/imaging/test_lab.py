"""L*a*b* agrees with scikit-image; gamut fitting loses chroma and never L*."""

import doctest

import numpy as np
import pytest
import pyvips
from skimage import color

from imaging import lab, tiles

COLORS = np.random.default_rng(4).random((64, 64, 3), dtype=np.float32)


def test_srgb_to_lab_agrees_with_skimage() -> None:
    assert np.abs(lab.srgb_to_lab(COLORS) - color.rgb2lab(COLORS.astype(np.float64))).max() < 2e-3


def test_lab_to_srgb_agrees_with_skimage_inside_the_gamut() -> None:
    expected = color.lab2rgb(color.rgb2lab(COLORS.astype(np.float64)))
    assert np.abs(lab.lab_to_srgb(lab.srgb_to_lab(COLORS)) - expected).max() < 2e-4


def test_round_trip_is_exact_to_a_sixteenth_of_an_8_bit_code() -> None:
    assert np.abs(lab.lab_to_srgb(lab.srgb_to_lab(COLORS)) - COLORS).max() < 1 / 255 / 16


def test_grey_lightness_agrees_with_skimage_for_every_16_bit_code() -> None:
    grey = (np.arange(65536) / 65535).astype(np.float32)
    expected = color.rgb2lab(np.repeat(grey[:, None], 3, axis=1).astype(np.float64))[:, 0]
    assert np.abs(lab.grey_to_lightness(grey) - expected).max() < 1e-4


def test_fit_gamut_keeps_lightness_and_hue_and_fits() -> None:
    rng = np.random.default_rng(5)
    wild = np.stack([rng.uniform(0, 100, 20000), *rng.uniform(-128, 128, (2, 20000))], axis=-1).astype(
        np.float32
    )
    fitted = lab.fit_gamut(wild)
    rgb = lab.lab_to_srgb(fitted)
    assert np.array_equal(fitted[:, 0], wild[:, 0])
    assert rgb.min() > -0.002
    assert rgb.max() < 1.0005
    chroma_before, chroma_after = (np.hypot(x[:, 1], x[:, 2]) for x in (wild, fitted))
    assert np.all(chroma_after <= chroma_before + 1e-4)
    cross = wild[:, 1] * fitted[:, 2] - wild[:, 2] * fitted[:, 1]
    assert np.abs(cross / np.maximum(chroma_before, 1)).max() < 1e-3


def test_fit_gamut_leaves_colors_that_fit() -> None:
    inside = lab.srgb_to_lab(COLORS)
    assert np.array_equal(lab.fit_gamut(inside), inside)


def test_fit_gamut_goes_no_further_than_needed() -> None:
    wild = np.array([[60, 120, 40], [90, -128, 90], [20, 60, -120]], np.float32)
    fitted = lab.fit_gamut(wild)
    more = fitted * np.array([1, 1.01, 1.01], np.float32)
    assert not lab._in_gamut(more).any()


def test_lightness_outside_its_range_is_clipped() -> None:
    assert lab.fit_gamut(np.array([[140, 0, 0], [-3, 0, 0]], np.float32))[:, 0].tolist() == [100, 0]


@pytest.mark.parametrize("codes", [256, 65536])
def test_lazy_lightness_is_exact_for_grey(codes: int) -> None:
    grey = np.arange(codes).reshape(1, -1).astype(np.uint8 if codes == 256 else np.uint16)
    expected = color.rgb2lab(np.repeat(grey[..., None] / (codes - 1), 3, axis=-1))[..., 0]
    assert np.abs(lab.lightness(pyvips.Image.new_from_array(grey)).numpy() - expected).max() < 1e-4


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_lazy_lightness_is_exact_for_rgb(kind: type[np.unsignedinteger]) -> None:
    top = np.iinfo(kind).max
    rgb = (COLORS * top).round().astype(kind)
    expected = color.rgb2lab(rgb / top)[..., 0]
    image = lab.lightness(pyvips.Image.new_from_array(rgb))
    assert image.format == "float"
    assert np.abs(image.numpy() - expected).max() < 1e-3


@pytest.mark.parametrize("module", [lab, tiles])
def test_examples_in_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
