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


def test_lightness_stays_in_range_and_chromaticity_stays_true():
    """X/Y and Z/Y of the color to be learned are those of the picture, whatever luminance the film saw."""
    rgb = np.random.default_rng(1).integers(60, 200, (48, 32, 32, 3), dtype=np.uint8)
    sample = develop(rgb, torch.Generator().manual_seed(2))
    assert sample.lightness.min() >= 0
    assert sample.lightness.max() <= 100
    true = photometry.chroma(photometry.linear_light(torch.from_numpy(rgb).permute(0, 3, 1, 2)))
    learned = sample.chroma.norm(dim=1) > 0
    cosine = torch.nn.functional.cosine_similarity(sample.chroma, true)[learned]
    assert cosine.min() > 0.999
    plain = torch.isclose(sample.chroma, true, atol=1e-4).all(1).flatten(1).float().mean(1) > 0.5
    assert 0.25 < plain.float().mean() < 0.65


def test_some_emulsions_see_red_as_dark_and_blue_as_light():
    rgb = np.zeros((400, 8, 8, 3), np.uint8)
    rgb[:200], rgb[200:] = (200, 40, 40), (40, 40, 200)
    lightness = develop(rgb, torch.Generator().manual_seed(0)).lightness.flatten(1).median(1).values
    red, blue = lightness[:200], lightness[200:]
    eye = photometry.lightness(
        photometry.luminance(photometry.linear_light(torch.from_numpy(rgb).permute(0, 3, 1, 2)))
    ).flatten(1)[:, 0]
    assert red.quantile(0.1) < eye[0] - 10
    assert blue.quantile(0.9) > eye[-1] + 10


def test_crops_have_the_asked_side_whatever_the_photograph():
    random = np.random.default_rng(0)
    for shape in ((20, 300, 3), (192, 256, 3), (17, 17, 3)):
        assert crop(np.zeros(shape, np.uint8), 64, random).shape == (64, 64, 3)
