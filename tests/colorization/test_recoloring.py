import numpy as np

from colorization import models
from colorization.hints import Hint
from colorization.recoloring import SIDE, Recoloring


def view(side: int) -> np.ndarray:
    light = np.full((side * 3 // 4, side), 65, np.float32)
    light[side // 4 : side // 2, side // 4 : side // 2] = 35
    return light


def test_a_hint_holds_in_the_view(museum):
    light = view(1024)
    recoloring = Recoloring.prepare(models.load("tiny", folder=museum), light)
    hint = Hint(0.375, 0.5, 0.02, 30, 15)
    recolored = recoloring.recolor([hint])
    assert recolored.chroma.shape == (2, *light.shape)
    here = recolored.chroma[:, 374:394, 374:394].mean((1, 2))
    assert np.linalg.norm(here - (30, 15)) < 3
    assert np.linalg.norm(np.subtract(recolored.outcomes[0].reached, (30, 15))) < 1
    assert max(recolored.influence.shape) == SIDE


def test_without_hints_the_colors_given_are_shown(museum):
    light = view(200)
    chroma = np.stack([np.full_like(light, 7), np.full_like(light, -9)])
    recoloring = Recoloring.prepare(models.load("tiny", folder=museum), light, chroma)
    assert np.abs(recoloring.recolor([]).chroma - chroma).max() < 1e-4


def test_one_set_of_hints_leaves_nothing_behind_for_the_next(museum):
    recoloring = Recoloring.prepare(models.load("tiny", folder=museum), view(300))
    before = recoloring.recolor([]).chroma
    recoloring.recolor([Hint(0.4, 0.5, 0.02, 40, 40)])
    assert recoloring.recolor([]).chroma.tobytes() == before.tobytes()
