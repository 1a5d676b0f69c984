import numpy as np
import torch

from colorization.network import ColorNetwork
from colorization.training.calibrate import (
    PRIORS,
    TEMPERATURES,
    _Cells,
    _confidence_temperature,
    calibrate,
    spread,
)


def test_overconfident_distributions_get_a_temperature_above_one(small_palette):
    torch.manual_seed(0)
    logits = torch.randn(40, len(small_palette.bins), 50, 1)
    drawn = torch.distributions.Categorical(logits=logits.permute(0, 2, 3, 1)).sample()
    true = small_palette.bins[drawn].permute(0, 3, 1, 2)
    none = torch.zeros(len(small_palette.bins))
    honest = _confidence_temperature(_Cells(logits, true, true), small_palette.bins, none)
    boastful = _confidence_temperature(_Cells(2 * logits, true, true), small_palette.bins, none)
    assert 1.7 < boastful / honest < 2.3


def test_spread_grows_with_chroma():
    chroma = torch.randn(3, 2, 100, 1)
    assert spread(2 * chroma) > 1.9 * spread(chroma)


def test_a_network_gets_a_decoding_of_the_grid_and_a_confidence_of_its_own(small_palette):
    torch.manual_seed(0)
    network = ColorNetwork(small_palette.bins, 24)
    random = np.random.default_rng(0)
    photographs = [random.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(3)]
    decoding = calibrate(network, small_palette, photographs[:2], photographs[1:])
    assert decoding.temperature in TEMPERATURES
    assert decoding.restore_prior in PRIORS
    assert 0.6 <= decoding.confidence_temperature <= 2.5
