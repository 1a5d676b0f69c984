import pytest
import torch

from colorization.network import OUTPUT_STRIDE, ColorNetwork, pool_hints


@pytest.fixture(scope="module")
def network() -> ColorNetwork:
    torch.manual_seed(0)
    return ColorNetwork(torch.tensor([[0.0, 0.0], [40.0, 30.0], [-20.0, 10.0]]), width=24).eval()


@pytest.mark.parametrize("size", [(32, 32), (64, 160)])
def test_output_is_a_quarter_of_the_input(network, size):
    output = network(torch.full((2, 1, *size), 50.0))
    quarter = tuple(side // OUTPUT_STRIDE for side in size)
    assert output.logits.shape == (2, 3, *quarter)
    assert output.chroma.shape == (2, 2, *quarter)


def test_empty_hints_are_no_hints(network):
    light = torch.rand(1, 1, 64, 64) * 100
    with torch.no_grad():
        assert torch.equal(network(light).logits, network(light, torch.zeros(1, 3, 64, 64)).logits)


def test_pooled_hints_are_averaged_by_trust():
    hints = torch.zeros(1, 3, 4, 4)
    hints[0, :, 0, 0] = torch.tensor([10.0, 20.0, 1.0])
    hints[0, :, 1, 1] = torch.tensor([40.0, -10.0, 0.5])
    a, b, trust, highest = pool_hints(hints, 4).flatten().tolist()
    assert (a, b) == pytest.approx((20.0, 10.0))
    assert (trust, highest) == pytest.approx((1.5 / 16, 1.0))
