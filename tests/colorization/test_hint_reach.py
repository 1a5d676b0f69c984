import numpy as np
import pytest

from colorization.hint_reach import CUES, SIDE, Scene, cues, reach, within
from colorization.hints import Hint

HINT = Hint(0.25, 0.5, 0.02, 30, 0)


def halves(left: float, right: float) -> np.ndarray:
    light = np.full((96, 128), left, np.float32)
    light[:, 64:] = right
    return light


def test_what_is_of_another_tone_is_not_reached():
    light = halves(40, 70)
    (alike,) = reach(Scene.of(light, np.zeros((2, 96, 128), np.float32)), [HINT])
    assert alike[:, :60].mean() > 0.75
    assert alike[:, 68:].max() < 0.05


def test_the_network_tells_apart_what_lightness_does_not():
    light, chroma = halves(50, 50), np.zeros((2, 96, 128), np.float32)
    likelihood = np.full((2, 24, 32), 0.02, np.float32)
    likelihood[0, :, :16] = likelihood[1, :, 16:] = 0.98
    (told,) = reach(Scene.of(light, chroma, likelihood), [HINT])
    assert told[:, :56].mean() > 0.75
    assert told[:, 72:].mean() < 0.05


def test_a_wall_between_two_like_places_keeps_them_apart():
    light = np.full((96, 128), 60, np.float32)
    light[:, 60:70] = 15
    (alike,) = reach(Scene.of(light, np.zeros((2, 96, 128), np.float32)), [HINT])
    assert alike[:, :55].mean() > alike[:, 75:].mean() + 0.4


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (700, 900)])
def test_any_size_becomes_a_scene(size: tuple[int, int]):
    scene = Scene.of(np.full(size, 50, np.float32), np.zeros((2, *size), np.float32))
    assert max(scene.lightness.shape) == min(SIDE, max(size))
    seen = cues(scene, HINT)
    assert seen.shape == (*scene.lightness.shape, CUES)
    assert np.isfinite(seen).all()


def test_padding_is_left_out():
    assert within(np.zeros((5, 16, 24)), 50, 93).shape == (5, 13, 24)
