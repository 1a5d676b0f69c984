import numpy as np
import pytest
import torch

from colorization import chroma
from colorization.chroma import Decoding, SoftEncoder


@pytest.fixture
def bins() -> torch.Tensor:
    axis = torch.arange(-60.0, 61.0, 10.0)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)


def test_bins_are_those_that_occur():
    colors = torch.tensor([[0.0, 0.0]] * 30 + [[41.0, -29.0]] * 10)
    bins, share = chroma.bins_from_histogram(chroma.histogram(colors))
    assert bins.tolist() == [[0.0, 0.0], [40.0, -30.0]]
    assert share.tolist() == [0.75, 0.25]


def test_soft_encoding_is_centered_on_its_color(bins):
    colors = torch.tensor([[12.0, -7.0], [40.0, 40.0], [-33.0, 5.0]])
    nearest, weight = SoftEncoder(bins)(colors)
    assert torch.allclose(weight.sum(1), torch.ones(3))
    assert torch.allclose((bins[nearest] * weight[..., None]).sum(1), colors, atol=2.5)


def test_annealed_mean_goes_from_mean_to_mode(bins):
    share = torch.full((len(bins),), 1e-9)
    share[0], share[-1] = 0.6, 0.4
    logits = share.log().view(1, -1, 1, 1)
    none = torch.zeros(len(bins))

    def shown(temperature: float) -> torch.Tensor:
        how = Decoding(temperature=temperature)
        return chroma.decode(logits, torch.zeros(1, 2, 1, 1), bins, none, how).flatten()

    assert torch.allclose(shown(1.0), 0.6 * bins[0] + 0.4 * bins[-1], atol=0.1)
    assert torch.allclose(shown(0.02), bins[0], atol=0.1)


def test_rebalancing_is_taken_back_from_the_likelihood(bins):
    weight = torch.rand(len(bins)) + 0.5
    share = torch.rand(len(bins))
    share /= share.sum()
    learned = (share * weight).log().view(1, -1, 1, 1)
    likely = chroma.likelihood(learned, weight.log(), Decoding()).flatten()
    assert torch.allclose(likely, share, atol=1e-6)


def test_confidence_is_the_chance_of_being_near(bins):
    share = torch.zeros(1, len(bins), 1, 1)
    at = int(((bins - torch.tensor([10.0, 10.0])).norm(dim=1)).argmin())
    share[0, at], share[0, 0] = 0.7, 0.3
    shown = torch.tensor([10.0, 10.0]).view(1, 2, 1, 1)
    assert float(chroma.confidence(share, shown, bins)) == pytest.approx(0.7, abs=0.01)
    assert float(chroma.doubt(share)) == pytest.approx(-(0.7 * np.log(0.7) + 0.3 * np.log(0.3)), abs=1e-4)
