"""Borders, rebates and captions are found; photographs without them are left alone."""

import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2gray

from imaging.borders import photograph_mask
from imaging.lab import grey_to_lightness


def photograph(name: str) -> np.ndarray:
    pixels = getattr(data, name)()
    return grey_to_lightness(rgb2gray(pixels) if pixels.ndim == 3 else pixels / 255)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "camera", "rocket", "moon"])
def test_a_photograph_without_border_keeps_its_color_everywhere(name: str) -> None:
    assert photograph_mask(photograph(name)).all()


def test_a_bright_sky_is_no_border() -> None:
    rng = np.random.default_rng(0)
    horizon = 120 + np.cumsum(rng.normal(0, 3, 400)).clip(-60, 60)
    lightness = np.where(np.arange(300)[:, None] < horizon, 88, 40) + rng.normal(0, 1, (300, 400))
    assert photograph_mask(lightness.astype(np.float32)).all()


@pytest.mark.parametrize(("tone", "grain"), [(90, 1.5), (5, 1), (72, 2)])
def test_paper_borders_and_rebates_are_found(tone: float, grain: float) -> None:
    inner = photograph("astronaut")
    page = np.full((600, 580), tone, np.float32)
    page[40:552, 30:542] = inner
    page += np.random.default_rng(0).normal(0, grain, page.shape).astype(np.float32)
    mask = photograph_mask(page)
    assert mask[:39].max() == mask[:, :29].max() == mask[:, 543:].max() == 0
    assert mask[50:540, 40:530].min() == 1
    # The photograph's own foot is black: no edge parts it from a black rebate.
    assert tone < 10 or mask[553:].max() == 0


def test_a_rebate_within_a_margin_or_a_ragged_sliver_is_found() -> None:
    scan = np.full((600, 580), 95, np.float32)
    scan[20:580, 2:] = 3  # a negative's rebate: a paper margin above and below it, a sliver beside it
    scan[:, :2] -= 80 * (np.random.default_rng(1).random((600, 2)) < 0.4)
    scan[44:556, 40:552] = 12 + 0.85 * photograph("astronaut")
    mask = photograph_mask(scan)
    assert mask[:43].max() == mask[:, :39].max() == mask[:, 553:].max() == 0
    assert mask[56:540, 50:540].min() == 1


def test_a_caption_strip_with_writing_is_found() -> None:
    page = np.full((560, 512), 92, np.float32)
    page[:512] = photograph("astronaut")
    page[530:540, 100:220:3] = 15
    mask = photograph_mask(page)
    assert mask[516:].max() == 0
    assert mask[:500].min() == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (8, 8)])
def test_tiny_pictures_have_no_border(shape: tuple[int, int]) -> None:
    assert photograph_mask(np.full(shape, 95, np.float32)).all()
