import numpy as np
import torch

from colorization.training import photometry
from colorization.training.augment import crop, develop


def photographs(count: int = 24) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_a_batch_is_a_function_of_its_seed():
    first, second = (develop(photographs(), torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first.lightness, second.lightness)
    assert torch.equal(first.chroma, second.chroma)


def test_lightness_stays_in_range_and_color_stays_true():
    rgb = photographs()
    sample = develop(rgb, torch.Generator().manual_seed(2))
    assert sample.lightness.min() >= 0
    assert sample.lightness.max() <= 100
    true = photometry.chroma(photometry.linear_light(torch.from_numpy(rgb).permute(0, 3, 1, 2)))
    differs = ~torch.isclose(sample.chroma, true).all(1)
    assert (sample.chroma.norm(dim=1)[differs] == 0).all()


def test_crops_have_the_asked_side_whatever_the_photograph():
    random = np.random.default_rng(0)
    for shape in ((20, 300, 3), (192, 256, 3), (17, 17, 3)):
        assert crop(np.zeros(shape, np.uint8), 64, random).shape == (64, 64, 3)
