import numpy as np
import pytest
import torch

from colorization import models
from colorization.chroma import Decoding, calibrated
from colorization.network import ColorNetwork
from colorization.training.calibrate import (
    CELLS,
    PRIORS,
    TEMPERATURES,
    VIVIDNESS,
    _Cells,
    _confidence_temperature,
    calibrate,
    calibration_curve,
    spread,
    stated_confidence,
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
    decoding = calibrate(network, small_palette, photographs)
    assert decoding.temperature in TEMPERATURES
    assert decoding.restore_prior in PRIORS
    assert decoding.vividness in VIVIDNESS
    assert 0.6 <= decoding.confidence_temperature <= 2.5


def test_confidence_becomes_what_was_true(small_palette):
    """A boaster who says x is right in x² of all cases."""
    random = np.random.default_rng(1)
    said = random.uniform(0, 1, 60_000).astype(np.float32)
    near = random.uniform(0, 1, said.size) < said**2
    how = Decoding(calibration=calibration_curve(said, near))
    asked = np.linspace(0.1, 0.9, 9, dtype=np.float32)
    assert np.abs(calibrated(asked, how) - asked**2).max() < 0.04


@pytest.mark.parametrize("seed", range(8))
def test_confidence_never_falls_where_more_was_said(seed):
    random = np.random.default_rng(seed)
    said = random.uniform(0.3, 0.6, 500).astype(np.float32)
    line = np.array(calibration_curve(said, random.uniform(0, 1, 500) < 0.5))
    assert (np.diff(line[:, 0]) > 0).all()
    assert (np.diff(line[:, 1]) >= 0).all()
    assert line[0, 0] == 0
    assert line[-1, 0] == 1


def test_files_are_held_against_the_truth(museum):
    photograph = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    grey = np.repeat(photograph[..., :1], 3, -1)
    said, near = stated_confidence(models.load("tiny", folder=museum), [photograph, grey])
    assert said.shape == near.shape == (2 * CELLS,)
    assert near[CELLS:].mean() > near[:CELLS].mean()
