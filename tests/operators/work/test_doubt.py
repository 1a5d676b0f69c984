from __future__ import annotations

import numpy as np
import pytest

from operators.work.doubt import describe


def test_a_doubtful_corner_is_told_in_figures_and_words() -> None:
    confidence = np.full((200, 300), 0.9, np.float32)
    confidence[10:50, 20:80] = 0.2
    doubt = describe(confidence)
    (place,) = doubt.places
    assert (place.left, place.top) == (pytest.approx(20 / 300, abs=0.01), pytest.approx(0.05, abs=0.01))
    assert (place.width, place.height) == (pytest.approx(0.2, abs=0.01), pytest.approx(0.2, abs=0.01))
    assert place.where == "upper left"
    assert place.confidence == pytest.approx(0.2, abs=0.01)
    assert doubt.unsure_share == pytest.approx(0.04, abs=0.001)
    assert "upper left, 4% of the picture, 20%" in doubt.words
    assert "inferred by a model" in doubt.words


def test_specks_of_doubt_and_sure_pictures_name_no_place() -> None:
    confidence = np.full((200, 300), 0.9, np.float32)
    confidence[::40, ::40] = 0.1
    doubt = describe(confidence)
    assert doubt.places == ()
    assert "No place stands out" in doubt.words


def test_a_guess_all_over_is_called_so() -> None:
    (place,) = describe(np.full((50, 50), 0.3, np.float32)).places
    assert place.where == "most of the picture"
    assert (place.left, place.top, place.width, place.height) == (0, 0, 1, 1)
