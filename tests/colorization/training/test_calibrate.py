import torch

from colorization.training.calibrate import _Cells, _confidence_temperature, spread


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
