import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb

from colorization.hint_solver import solve
from colorization.hints import Hint

RED, BLUE = (35.0, 20.0), (5.0, -30.0)


def picture() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return L*, predicted a*b* and the mask of a dark coat before a light wall, with grain."""
    coat = np.zeros((120, 160), np.uint8)
    cv2.ellipse(coat, (70, 75), (35, 30), 0, 0, 360, 1, -1)
    inside = coat.astype(bool)
    light = np.where(inside, 40, 70) + np.random.default_rng(0).normal(0, 1, coat.shape)
    chroma = np.where(inside, np.array([8, 3])[:, None, None], np.array([0, 6])[:, None, None])
    return light.astype(np.float32), chroma.astype(np.float32), inside


def at(row: int, column: int, color: tuple[float, float], radius: float = 0.02) -> Hint:
    return Hint((column + 0.5) / 160, (row + 0.5) / 120, radius, *color)


def away(chroma: np.ndarray, color: tuple[float, float]) -> np.ndarray:
    return np.linalg.norm(chroma - np.array(color)[:, None, None], axis=0)


def test_without_hints_nothing_changes():
    light, chroma, _ = picture()
    solution = solve(light, chroma, ())
    assert (solution.chroma == chroma).all()
    assert not solution.influence.any()
    assert solution.obeyed == ()


@pytest.mark.parametrize("likely", [False, True])
def test_a_hint_colors_its_region_and_nothing_else(likely: bool):
    light, chroma, inside = picture()
    likelihood = np.stack([inside, ~inside]).astype(np.float32)[:, ::4, ::4] * 0.9 + 0.05
    solution = solve(light, chroma, [at(75, 70, RED)], likelihood if likely else None)
    asked = np.linalg.norm(np.array(RED) - [8, 3])
    assert away(solution.chroma, RED)[70:80, 65:75].max() < 1
    assert away(solution.chroma, RED)[inside].mean() < 0.15 * asked
    changed = np.linalg.norm(solution.chroma - chroma, axis=0)
    assert changed[~cv2.dilate(inside.astype(np.uint8), np.ones((5, 5))).astype(bool)].mean() < 1
    assert solution.influence[inside].mean() > 0.85
    assert solution.influence[:15].max() < 0.05


def test_the_edge_of_the_region_is_where_lightness_has_it():
    light, chroma, inside = picture()
    influence = solve(light, chroma, [at(75, 70, RED)]).influence
    kernel = np.ones((5, 5), np.uint8)
    assert influence[cv2.erode(inside.astype(np.uint8), kernel).astype(bool)].min() > 0.7
    assert influence[~cv2.dilate(inside.astype(np.uint8), kernel).astype(bool)].max() < 0.35


def test_two_hints_of_one_color_agree():
    light, chroma, inside = picture()
    both = solve(light, chroma, [at(75, 55, RED), at(75, 90, RED)]).chroma
    assert away(both, RED)[inside].mean() < 3
    assert (
        away(both, RED)[inside].mean()
        <= away(solve(light, chroma, [at(75, 55, RED)]).chroma, RED)[inside].mean() + 0.1
    )


def test_conflicting_hints_each_hold_at_their_place():
    light, chroma, _ = picture()
    solution = solve(light, chroma, [at(75, 50, RED), at(75, 92, BLUE)])
    for outcome, color in zip(solution.obeyed, (RED, BLUE), strict=True):
        assert np.linalg.norm(np.subtract(outcome.reached, color)) < 1
        assert not outcome.limited
    between = solution.chroma[:, 75, 50:93]
    assert (np.diff(between[1]) < 3).all()
    assert np.isfinite(solution.chroma).all()


def test_a_later_hint_covers_an_earlier_one():
    light, chroma, inside = picture()
    solution = solve(light, chroma, [at(75, 70, RED), at(75, 70, BLUE)])
    alone = solve(light, chroma, [at(75, 70, BLUE)])
    assert np.abs(solution.chroma - alone.chroma)[:, inside].max() < 1e-3
    assert [o.covered for o in solution.obeyed] == [True, False]
    assert np.linalg.norm(np.subtract(solution.obeyed[1].reached, BLUE)) < 1


def test_a_color_that_lightness_cannot_hold_becomes_the_nearest_that_it_can():
    light, chroma, _ = picture()
    light[:] = 92
    outcome = solve(light, chroma, [at(60, 80, (20.0, -90.0))]).obeyed[0]
    assert outcome.limited
    assert np.linalg.norm(np.subtract(outcome.reached, outcome.holdable)) < 1
    axis = np.linspace(-60, 60, 241)
    colors = np.stack(np.meshgrid([92], axis, axis, indexing="ij"), -1)[0]
    rgb = lab2rgb(colors)
    kept = np.abs(_lab(rgb) - colors).max(-1) < 0.5
    nearest = np.linalg.norm(colors[kept][:, 1:] - [20, -90], axis=1).min()
    assert np.linalg.norm(np.subtract(outcome.holdable, (20, -90))) == pytest.approx(nearest, abs=1.5)


def _lab(rgb: np.ndarray) -> np.ndarray:
    from skimage.color import rgb2lab

    return rgb2lab(rgb)


@settings(max_examples=25, deadline=None)
@given(
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    radius=st.floats(1e-6, 0.5),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_a_hint_holds_anywhere_in_a_picture_of_any_size(x, y, radius, size):
    light = np.full(size, 60, np.float32)
    chroma = np.zeros((2, *size), np.float32)
    solution = solve(light, chroma, [Hint(x, y, radius, 20, -10)])
    assert np.linalg.norm(np.subtract(solution.obeyed[0].reached, (20, -10))) < 1
    assert solution.chroma.shape == chroma.shape
    assert 0 <= solution.influence.min() <= solution.influence.max() <= 1


def test_a_hint_that_says_what_is_predicted_keeps_its_region_from_another():
    light, chroma, _ = picture()
    light[:] = 60
    chroma[:] = np.array([0, 6])[:, None, None]
    hints = [at(60, 30, RED), at(60, 130, (0.0, 6.0))]
    solution = solve(light, chroma, hints)
    assert away(solution.chroma, (0, 6))[50:70, 120:140].max() < 6


def test_the_same_hints_give_the_same_bytes():
    light, chroma, _ = picture()
    hints = [at(75, 50, RED), at(20, 20, BLUE)]
    assert solve(light, chroma, hints).chroma.tobytes() == solve(light, chroma, hints).chroma.tobytes()
