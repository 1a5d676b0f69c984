import torch

from colorization.hints import COARSE_TRUST, EXACT_TRUST
from colorization.locality import influence, whole_share


def planes(*spots: tuple[int, int], trust: float = EXACT_TRUST) -> torch.Tensor:
    hints = torch.zeros(3, 80, 80)
    for row, column in spots:
        hints[:, row - 2 : row + 3, column - 2 : column + 3] = torch.tensor([40.0, 10.0, trust]).view(3, 1, 1)
    return hints


def test_more_hints_say_more_about_the_whole():
    spots = [(r, c) for r in range(5, 80, 10) for c in range(5, 80, 10)]
    shares = [whole_share(planes(*spots[:n])) for n in (0, 1, 2, 10, 50)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[1] < 0.2
    assert shares[-1] > 0.9
    assert whole_share(torch.ones(3, 80, 80)) > 0.99


def test_the_color_of_the_whole_is_no_exact_hint():
    assert whole_share(planes((40, 40), trust=COARSE_TRUST)) == 0


def test_a_hint_reaches_what_is_alike_and_near():
    lightness = torch.full((1, 80, 80), 80.0)
    lightness[..., 40:] = 30
    likelihood = torch.zeros(2, 20, 20)
    likelihood[0, :, :10], likelihood[1, :, 10:] = 1, 1
    reached = influence(planes((40, 20)), lightness, likelihood)[0]
    assert reached[10, 5] > 0.95
    assert reached[8, 3] > 0.7
    assert reached[:, 13:].max() <= whole_share(planes((40, 20))) + 1e-6
