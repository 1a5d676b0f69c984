import cv2
import numpy as np
import pytest

from imaging.lab import grey_to_lightness
from imaging.page_layout import PageLayout, read_layout
from tests.benchmarks import kind_samples


def layout_of(picture: np.ndarray) -> PageLayout:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return read_layout(grey_to_lightness(grey))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


def test_a_page_is_paper_and_letters_in_rows(random: np.random.Generator) -> None:
    layout = layout_of(kind_samples.text_page(random))
    assert layout.paper > 0.6
    assert layout.letters > 60
    assert layout.in_rows > 0.6


def test_white_letters_on_black_are_letters_too(random: np.random.Generator) -> None:
    layout = layout_of(255 - kind_samples.text_page(random))
    assert layout.letters > 60
    assert layout.in_rows > 0.6


@pytest.mark.parametrize("kind", ["drawing", "map"])
def test_what_a_drawing_holds_besides_paper_is_thin(kind: str, random: np.random.Generator) -> None:
    layout = layout_of(kind_samples.DOCUMENTS[kind](random))
    assert layout.paper > 0.55
    assert layout.strokes > 0.6


def test_uneven_light_is_still_paper() -> None:
    light = np.tile(np.linspace(70, 95, 600, dtype=np.float32), (400, 1))
    assert read_layout(light).paper > 0.95


def test_a_broad_dark_thing_is_no_stroke() -> None:
    lightness = np.full((400, 600), 90, np.float32)
    lightness[100:300, 200:400] = 20
    layout = read_layout(lightness)
    assert layout.paper == pytest.approx(1 - 200 * 200 / (400 * 600), abs=0.01)
    assert layout.strokes < 0.02


def test_grain_is_not_taken_for_letters(random: np.random.Generator) -> None:
    grain = np.clip(random.normal(50, 20, (500, 700)), 0, 100).astype(np.float32)
    assert read_layout(grain).in_rows < 0.55


@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_slivers_have_a_layout(size: tuple[int, int]) -> None:
    assert read_layout(np.full(size, 50, np.float32)).paper == 1.0
