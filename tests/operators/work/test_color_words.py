from __future__ import annotations

import pytest

from imaging.errors import OptionsError
from operators.work.color_words import PIGMENTS, PLACES, color_of, place_of


@pytest.mark.parametrize(
    ("words", "color"),
    [
        ("Prussian blue", "#003153"),
        ("  the  RED ", "#ff0000"),
        ("dark blue", "#00008b"),
        ("#1B3A5E", "#1b3a5e"),
        ("field grey", "#5d6753"),
    ],
)
def test_colors_are_understood_in_words(words: str, color: str) -> None:
    assert color_of(words) == color


@pytest.mark.parametrize("words", ["", "mauve-ish", "#12", "blue; drop table"])
def test_what_is_no_color_is_told_with_those_that_are(words: str) -> None:
    with pytest.raises(OptionsError, match="prussian blue"):
        color_of(words)


def test_every_pigment_is_a_color() -> None:
    assert all(color_of(name) == color for name, color in PIGMENTS.items())


def test_places_are_understood_in_words_and_figures() -> None:
    assert len(PLACES) == 9
    assert place_of("Upper left") == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert place_of("center") == (0.5, 0.5)
    assert place_of("lower center") == (0.5, pytest.approx(5 / 6))
    assert place_of("0.1,0.9") == (0.1, 0.9)


@pytest.mark.parametrize("words", ["", "left of the dog", "1.2, 0.5", "nan, 0", "0.5"])
def test_what_is_no_place_is_told_with_those_that_are(words: str) -> None:
    with pytest.raises(OptionsError, match="upper left"):
        place_of(words)
