import pytest
import torch

from colorization.encoder import PYRAMID_CHANNELS, Encoder, from_package_names
from colorization.network import OUTPUT_STRIDE, ColorNetwork, pool_hints


@pytest.fixture(scope="module")
def network() -> ColorNetwork:
    torch.manual_seed(0)
    return ColorNetwork(torch.tensor([[0.0, 0.0], [40.0, 30.0], [-20.0, 10.0]]), width=24).eval()


def test_encoder_levels_halve_and_widen():
    levels = Encoder().eval()(torch.zeros(1, 3, 64, 96))
    assert tuple(level.shape[1] for level in levels) == PYRAMID_CHANNELS
    assert [tuple(level.shape[2:]) for level in levels] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]


def test_encoder_says_what_the_published_one_says():
    published = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    torch.manual_seed(1)
    for module in published.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    published.eval()
    encoder = Encoder().eval()
    encoder.load_state_dict(from_package_names(published.state_dict()))
    picture = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        x = torch.nn.functional.relu6(published._bn0(published._conv_stem(picture)))
        for block in published._blocks:
            x = block(x)
        assert torch.allclose(encoder(picture)[-1], x, atol=1e-4)


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
