"""Mending: equality outside holes, continuity inside, grain given back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray

from restoration.mending import CoarseFill, GrainSynthesizer, Mender, fill_smoothly
from restoration.noise import LUMINANCES, SILENT, NoiseReport

Picture = NDArray[np.float32]


@pytest.fixture(scope="module")
def mender() -> Mender:
    return Mender(SILENT)


@pytest.fixture
def holes(photograph: Picture) -> NDArray[np.bool_]:
    mask = np.zeros(photograph.shape, np.uint8)
    cv2.line(mask, (10, 20), (200, 270), 1, 3)
    cv2.circle(mask, (60, 100), 6, 1, -1)
    return mask > 0


def test_sound_pixels_are_equal_and_holes_are_near_the_truth(
    photograph: Picture, holes: NDArray[np.bool_], mender: Mender
) -> None:
    broken = np.where(holes, np.float32(1), photograph)
    mended = mender(broken[:, :, None], holes, 0, 0)[:, :, 0]
    assert np.array_equal(mended[~holes], photograph[~holes])
    assert np.sqrt(np.square(mended - photograph)[holes].mean()) < 0.03


def test_what_was_in_the_hole_does_not_matter(
    photograph: Picture, holes: NDArray[np.bool_], mender: Mender
) -> None:
    light, dark = (
        mender(np.where(holes, np.float32(v), photograph)[:, :, None], holes, 0, 0) for v in (0, 1)
    )
    assert np.array_equal(light, dark)


def test_nothing_is_filled_from_damage_that_is_left(mender: Mender) -> None:
    picture = np.full((96, 96, 1), 0.4, np.float32)
    loss, scratch = np.zeros((2, 96, 96), bool)
    loss[:, :40], scratch[:, 40:46] = True, True
    picture[loss | scratch] = 0.97
    mended = mender(picture, scratch, 0, 0, damaged=loss | scratch)
    assert np.array_equal(mended[~scratch], picture[~scratch])
    assert abs(mended[scratch] - 0.4).max() < 0.05
    assert mender(picture, scratch, 0, 0)[scratch].max() > 0.6  # what the loss would have made of it


def test_bands_of_a_neutral_scan_stay_neutral(
    photograph: Picture, holes: NDArray[np.bool_], mender: Mender
) -> None:
    mended = mender(np.repeat(photograph[:, :, None], 3, 2), holes, 0, 0)
    assert abs(mended - mended[:, :, :1]).max() < 1e-5


def test_a_smooth_fill_reproduces_a_gradient() -> None:
    picture = np.tile(np.linspace(0, 1, 90, dtype=np.float32), (70, 1))
    mask = np.zeros(picture.shape, bool)
    mask[20:32, 30:42] = True
    assert abs(fill_smoothly(picture, mask) - picture).max() < 0.05


def test_a_picture_that_is_one_hole_is_filled_without_a_fault() -> None:
    assert np.isfinite(fill_smoothly(np.ones((40, 30), np.float32), np.ones((40, 30), bool))).all()


def test_grain_depends_on_the_place_and_not_on_the_tile() -> None:
    noise = NoiseReport(0.03, (0.03,) * len(LUMINANCES), 0.3, 0.7, 1.0)
    grain, grey = GrainSynthesizer(noise), np.full((64, 64, 1), 0.5, np.float32)
    whole = grain.add(grey, 1000, 2000)
    assert np.array_equal(whole[10:, 20:], grain.add(grey, 1020, 2010)[:-10, :-20])
    assert whole.std() == pytest.approx(0.03, rel=0.15)


def test_the_coarse_fill_agrees_from_tile_to_tile_in_holes_larger_than_tiles() -> None:
    ramp = np.tile(np.linspace(40, 220, 2600, dtype=np.float32), (2200, 1)).astype(np.uint8)
    hole = np.zeros(ramp.shape, np.uint8)
    cv2.circle(hole, (1300, 1100), 700, 5, -1)
    coarse_fill = CoarseFill.of(pyvips.Image.new_from_array(ramp), pyvips.Image.new_from_array(hole), 1024)
    assert coarse_fill is not None
    seen = coarse_fill.enlarged((2200, 2600, 1), 0, 0)[:, :, 0] * 255
    assert abs(seen - ramp)[hole > 0].max() < 40
    assert abs(seen - ramp)[hole == 0].mean() < 3
    assert np.allclose(
        coarse_fill.enlarged((100, 100, 1), 700, 500),
        coarse_fill.enlarged((300, 300, 1), 600, 400)[100:200, 100:200],
    )


def test_small_photographs_need_no_coarse_fill() -> None:
    image = pyvips.Image.black(600, 400)
    side = max(image.width, image.height)
    assert CoarseFill.of(image, image, side) is None
    assert CoarseFill.of(image, image, side - 1) is not None


def test_where_nothing_is_sound_nothing_is_mended() -> None:
    picture = np.random.default_rng(0).random((3, 3, 1), np.float32)
    assert np.array_equal(Mender(SILENT)(picture, np.ones((3, 3), bool), 0, 0), picture)
