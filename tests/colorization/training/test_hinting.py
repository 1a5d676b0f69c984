import pytest
import torch

from colorization.hints import COARSE_TRUST, EXACT_TRUST
from colorization.training.hinting import draw_patches, recolor_region, simulate


@pytest.fixture
def chroma() -> torch.Tensor:
    torch.manual_seed(3)
    return torch.nn.functional.interpolate(torch.randn(64, 2, 2, 2) * 30, size=(96, 96), mode="bilinear")


def simulated(chroma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return simulate(chroma, torch.full_like(chroma[:, :1], 50), torch.Generator().manual_seed(5))


def test_hints_range_from_none_to_all(chroma):
    trust = torch.cat(
        [
            simulate(chroma, torch.full_like(chroma[:, :1], 50), torch.Generator().manual_seed(s))[0][:, 2]
            for s in range(4)
        ]
    )
    share = (trust > 0).float().mean((1, 2))
    assert 0.45 < (share == 0).float().mean() < 0.75
    assert (share == 1).float().mean() > 0.05
    assert set(trust.unique().tolist()) == {0.0, COARSE_TRUST, EXACT_TRUST}


def test_exact_hints_say_the_color_of_their_place(chroma):
    planes, means = simulated(chroma)
    told = (planes[:, 2:] == EXACT_TRUST).expand(-1, 2, -1, -1)
    error = (planes[:, :2] - means)[told].abs()
    assert error.mean() < 3


def test_untold_places_are_empty(chroma):
    planes, _ = simulated(chroma)
    assert not planes[:, :2][(planes[:, 2:] == 0).expand(-1, 2, -1, -1)].any()


def test_some_colors_are_turned_only_where_hints_say_so(chroma):
    planes, means = simulated(chroma)
    turned = (means - chroma).abs().amax((1, 2, 3)) > 1
    assert not (planes[turned, 2] > 0).flatten(1).sum(1).eq(0).any()


def test_a_patch_says_the_mean_of_what_it_covers():
    chroma = torch.arange(50.0).view(1, 2, 5, 5)
    points = torch.zeros(1, 1, 5, 5)
    points[..., 2, 2] = 1
    planes = draw_patches(chroma, points, 3)
    assert planes[0, 2].sum() == 9
    assert torch.allclose(planes[0, :2, 1:4, 1:4], torch.tensor([12.0, 37.0]).view(2, 1, 1).expand(2, 3, 3))


def test_a_recolored_region_is_alike_and_near_and_leaves_the_rest():
    chroma = torch.zeros(1, 2, 32, 32)
    lightness = torch.full((1, 1, 32, 32), 20.0)
    lightness[..., 8:20, 8:20] = 80
    spot = torch.tensor([14 * 32 + 14])
    random = torch.Generator().manual_seed(0)
    colored = recolor_region(chroma, lightness, spot, torch.tensor([True]), random)[0]
    assert colored[:, 14, 14].norm() > 14
    assert colored[:, 24:, :].abs().max() < 1
    untouched = recolor_region(chroma, lightness, spot, torch.tensor([False]), random)
    assert torch.equal(untouched, chroma)


def test_a_guess_is_what_the_network_says_and_not_the_truth(chroma):
    asked = []

    def guess(lightness, random):
        asked.append(len(lightness))
        return torch.full((len(lightness), 2, *lightness.shape[-2:]), -7.0)

    lightness = torch.full_like(chroma[:, :1], 50)
    planes, _ = simulate(chroma, lightness, torch.Generator().manual_seed(5), guess)
    told = planes[:, 2] == COARSE_TRUST
    assert (planes[:, 0][told] == -7).all()
    assert asked == [int(told.flatten(1).any(1).sum())]
