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


def test_restraint_draws_unsure_colors_to_the_mean_and_leaves_sure_ones(bins):
    unsure = torch.zeros(len(bins)).view(1, -1, 1, 1).clone()
    unsure[0, 3] = 1.0
    sure = torch.zeros_like(unsure)
    sure[0, 3] = 60.0
    none, zeros = torch.zeros(len(bins)), torch.zeros(1, 2, 1, 1)

    def shown(logits: torch.Tensor, restraint: float) -> torch.Tensor:
        how = Decoding(temperature=0.1, restraint=restraint)
        return chroma.decode(logits, zeros, bins, none, how).flatten()

    assert torch.allclose(shown(sure, 1.0), bins[3], atol=0.5)
    assert shown(unsure, 0.0).norm() > 60
    assert shown(unsure, 1.0).norm() < 2
    halfway = (shown(unsure, 0.0) + shown(unsure, 1.0)) / 2
    assert torch.allclose(shown(unsure, 0.5), halfway, atol=1e-4)


def test_cells_of_one_tone_agree_and_cells_across_an_edge_do_not(bins):
    torch.manual_seed(0)
    logits = torch.randn(1, len(bins), 12, 16)
    logits[:, 5, :, :8] += 3
    logits[:, 9, :, 8:] += 3
    lightness = torch.full((1, 1, 48, 64), 30.0)
    lightness[..., 32:] = 80
    agreed = chroma.pooled(logits, lightness, 60)
    assert agreed[..., :8].std((2, 3)).mean() < 0.5 * logits[..., :8].std((2, 3)).mean()
    assert agreed[0, 5, :, 7].min() > agreed[0, 5, :, 8].max() + 2
    assert torch.equal(chroma.pooled(logits, lightness, 0), logits)
