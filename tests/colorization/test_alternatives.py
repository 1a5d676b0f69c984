import numpy as np
import pytest

from colorization import models
from colorization.alternatives import alternatives, undecided_regions
from colorization.hints import EXACT_TRUST
from colorization.models import Prediction


@pytest.fixture
def undecided() -> Prediction:
    """A sure left half and a right half that could be red or blue."""
    bins = np.array([[0, 0], [60, 40], [10, -50]], np.float32)
    probabilities = np.zeros((1, 3, 20, 20), np.float32)
    probabilities[0, 0, :, :10] = 1
    probabilities[0, 1, :, 10:], probabilities[0, 2, :, 10:] = 0.55, 0.45
    ab = np.zeros((1, 2, 80, 80), np.float32)
    ab[0, :, :, 40:] = bins[1][:, None, None]
    confidence = np.ones((1, 1, 80, 80), np.float32)
    confidence[..., 40:] = 0.55
    return Prediction(ab, confidence, probabilities, bins)


def test_only_the_undecided_half_is_found_and_its_other_color_is_named(undecided):
    (region,) = undecided_regions(undecided, None, 3)
    assert region.mask[:, 12:].all()
    assert not region.mask[:, :8].any()
    assert np.allclose(region.modes[0], [60, 40], atol=1)
    assert np.allclose(region.modes[1], [10, -50])


def test_hinted_places_are_decided(undecided):
    hints = np.zeros((1, 3, 80, 80), np.float32)
    hints[:, 2, :, 40:] = EXACT_TRUST
    assert all(not region.mask[:, 11:].any() for region in undecided_regions(undecided, hints, 3))


def test_the_default_comes_first_and_nothing_is_drawn_at_random(museum, grey):
    model = models.load("tiny", folder=museum)
    first, second = alternatives(model, grey), alternatives(model, grey)
    assert np.array_equal(first[0].ab, model.predict(grey).ab)
    assert all(np.array_equal(a.ab, b.ab) for a, b in zip(first, second, strict=True))
