import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.lab import lab_to_srgb
from imaging.toning import read_toning
from tests.benchmarks import kind_samples


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def scene(random: np.random.Generator) -> NDArray[np.uint8]:
    """A picture of soft shapes, each with a color of its own that its tone does not tell."""
    coarse = random.uniform(0, 1, (9, 12, 3)).astype(np.float32)
    fine = random.normal(0, 0.04, (240, 320, 1)).astype(np.float32)
    return (np.clip(cv2.resize(coarse, (320, 240)) + fine, 0, 1) * 255).astype(np.uint8)


def as_floats(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return picture.astype(np.float32) / 255


def test_grey_is_neutral_whatever_its_contrast(random: np.random.Generator) -> None:
    toning = read_toning(as_floats(kind_samples.grey_of(scene(random))))
    assert toning.neutral and toning.one_hue
    assert toning.chroma < 0.1


@pytest.mark.parametrize("name", kind_samples.TONINGS)
def test_a_toned_print_has_one_hue(name: str, random: np.random.Generator) -> None:
    toning = read_toning(as_floats(kind_samples.toned(scene(random), name, random)))
    assert toning.one_hue and not toning.neutral


def test_a_print_that_yellowed_unevenly_has_one_hue(random: np.random.Generator) -> None:
    assert read_toning(as_floats(kind_samples.faded(scene(random), random))).one_hue


def test_colors_of_a_scene_follow_no_tone(random: np.random.Generator) -> None:
    toning = read_toning(as_floats(scene(random)))
    assert not toning.one_hue and not toning.painted


def test_a_small_place_of_color_on_grey_is_seen(random: np.random.Generator) -> None:
    grey = as_floats(kind_samples.grey_of(scene(random)))
    grey[80:160, 100:190] *= np.float32([1.0, 0.55, 0.5])
    assert not read_toning(grey).one_hue


def test_flat_hues_on_grey_were_painted(random: np.random.Generator) -> None:
    tinted = [kind_samples.hand_tinted(scene(random), random) for _ in range(10)]
    found = [read_toning(as_floats(picture)) for picture in tinted]
    assert sum(toning.painted and not toning.one_hue for toning in found) >= 9


def test_chroma_is_measured_in_lab_units() -> None:
    lab = np.full((64, 64, 3), (60, 3, 4), np.float32)
    toning = read_toning(np.clip(lab_to_srgb(lab), 0, 1))
    assert toning.chroma == pytest.approx(5, abs=0.05)
    assert toning.residual == pytest.approx(0, abs=0.01)


def test_black_says_nothing() -> None:
    assert read_toning(np.zeros((50, 50, 3), np.float32)).neutral
