"""An aged print is a reproducible, believable scan of the picture it was made from."""

import numpy as np
import pytest

from operators.demo.ageing import Ageing, age


@pytest.fixture
def grey() -> np.ndarray:
    return np.tile(np.linspace(0, 1, 300, dtype=np.float32), (200, 1))


def test_the_same_seed_ages_the_same_way(grey):
    assert np.array_equal(age(grey, Ageing(), 3), age(grey, Ageing(), 3))
    assert not np.array_equal(age(grey, Ageing(), 3), age(grey, Ageing(), 4))


def test_margin_surrounds_the_picture(grey):
    aged = age(grey, Ageing(border=0.1), 0)

    assert aged.shape == (240, 340, 3)


def test_fading_lifts_the_blacks_and_leaves_the_paper(grey):
    fresh = Ageing(fading=0, stain=0, grain=0, dust=0, scratches=0, tear=False, border=0)
    faded = Ageing(fading=0.5, stain=0, grain=0, dust=0, scratches=0, tear=False, border=0)

    before, after = age(grey, fresh, 0), age(grey, faded, 0)

    assert after[:, 0].mean() > before[:, 0].mean() + 0.15
    assert np.allclose(after[:, -1], before[:, -1], atol=1e-6)


def test_unharmed_grey_print_shows_the_picture_itself(grey):
    untouched = Ageing(0, 0, 0, 0, 0, False, (1, 1, 1), 0)

    aged = age(grey, untouched, 0)

    # Below reflectance 10^-1.6 the paper has no deeper black to give.
    printable = grey > 0.2
    assert np.abs(aged[..., 0] - grey)[printable].max() < 1e-4


def test_damage_shows_the_paper_only_where_it_struck(grey):
    whole = Ageing(stain=0, grain=0, dust=0, scratches=0, tear=False)
    torn = Ageing(stain=0, grain=0, dust=0, scratches=0, tear=True)

    change = np.abs(age(grey, torn, 5) - age(grey, whole, 5)).max(axis=-1)

    assert 0.0005 < (change > 0.02).mean() < 0.05
