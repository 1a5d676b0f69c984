"""The denoising network and the noise level map that it takes."""

from __future__ import annotations

import torch

from restoration.denoising_network import DenoisingNetwork, level_map


def test_the_network_predicts_no_noise_where_the_map_says_none() -> None:
    network = DenoisingNetwork(2, (8, 8), (1, 1), (1,))
    tile = torch.rand(1, 1, 32, 32)
    assert not network(tile, torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 1, 1)).any()


def test_level_map_reads_the_curve_at_the_surroundings() -> None:
    curve = torch.linspace(0, 0.16, 9)[None]
    level = level_map(torch.full((1, 1, 16, 16), 0.3), curve, 2)
    assert level.shape == (1, 1, 8, 8)
    assert torch.allclose(level, torch.full_like(level, 0.048))
