"""The working scale is as fine as the detail that matters, and L* is read right at any size."""

from pathlib import Path

import numpy as np
import pytest
import pyvips
from skimage import data

from colorization.working import finest_detail, read_lightness, resized, size_at
from imaging.lab import grey_to_lightness
from imaging.scan import DEFAULT_LIMITS


def lightness_of(pixels: np.ndarray) -> np.ndarray:
    return grey_to_lightness((pixels / 255).astype(np.float32))


def test_an_enlarged_photograph_needs_no_more_than_it_had() -> None:
    small = lightness_of(data.camera())
    enlarged = np.asarray(pyvips.Image.new_from_array(small).resize(4, kernel="cubic").numpy(), np.float32)
    assert finest_detail(enlarged) in (512, 1024)
    assert finest_detail(small) == 512


def test_grain_is_no_detail() -> None:
    soft = resized(lightness_of(data.moon()), 1024, 1024)
    grain = np.random.default_rng(0).normal(0, 4, soft.shape).astype(np.float32)
    assert finest_detail(soft + grain) <= 512


def test_a_flat_picture_is_seen_small() -> None:
    assert finest_detail(np.full((1000, 2000), 50, np.float32)) <= 500


@pytest.mark.parametrize(("size", "side", "expected"), [((400, 200), 100, (100, 50)), ((4, 9), 100, (4, 9))])
def test_sizes_keep_their_proportions_and_never_grow(
    size: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    assert size_at(*size, side) == expected
    assert size_at(300_000, 1, 2048) == (2048, 1)


@pytest.mark.parametrize("kind", ["uchar", "ushort"])
@pytest.mark.parametrize("bands", [1, 3])
def test_lightness_is_read_at_any_size(tmp_path: Path, kind: str, bands: int) -> None:
    pixels = (
        data.camera()[:, :, None].repeat(bands, axis=2).astype(np.uint16 if kind == "ushort" else np.uint8)
    )
    pixels = pixels * (257 if kind == "ushort" else 1)
    names = {(1, "uchar"): "b-w", (1, "ushort"): "grey16", (3, "uchar"): "srgb", (3, "ushort"): "rgb16"}
    image = pyvips.Image.new_from_array(pixels.squeeze()).copy(interpretation=names[bands, kind])
    image.tiffsave(str(tmp_path / "a.tif"))
    full = read_lightness(tmp_path / "a.tif", (512, 512), DEFAULT_LIMITS)
    assert np.abs(full - lightness_of(data.camera())).max() < 0.02
    small = read_lightness(tmp_path / "a.tif", (100, 100), DEFAULT_LIMITS)
    assert small.shape == (100, 100)
    assert abs(small.mean() - full.mean()) < 1
