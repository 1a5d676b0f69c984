import numpy as np
import torch

from colorization.hint_reach import CUES
from colorization.training.reach import Samples, even_region, fit


def test_a_region_is_what_is_connected_and_of_one_color():
    light = np.full((60, 80), 50, np.float32)
    chroma = np.zeros((2, 60, 80), np.float32)
    chroma[0, 10:30, 10:30] = 40
    chroma[0, 40:50, 50:70] = 40
    found = even_region(light, chroma, np.random.default_rng(3), 0.05, 0.2)
    assert found is not None
    region, (row, column) = found
    assert region[row, column]
    assert 10 <= row < 30
    assert 10 <= column < 30
    assert region[12:28, 12:28].all()
    assert not region[:, 35:].any()


def test_no_region_of_that_size_is_none():
    flat = np.full((30, 30), 50, np.float32)
    assert even_region(flat, np.zeros((2, 30, 30), np.float32), np.random.default_rng(0), 0.1, 0.2) is None


def test_cues_that_tell_are_weighed_and_others_are_not():
    random = torch.Generator().manual_seed(0)
    inside = torch.rand((200, 20, CUES), generator=random)
    outside = torch.rand((200, 60, CUES), generator=random)
    outside[..., 2] += 2
    weights = fit(Samples(inside, outside))

    def judged(seen: torch.Tensor) -> torch.Tensor:
        hidden = (seen @ weights["hidden"] + weights["hidden_bias"]).relu()
        return (hidden @ weights["out"] + weights["out_bias"]).sigmoid()

    assert judged(inside).mean() > 0.7
    assert judged(outside).mean() < 0.1
