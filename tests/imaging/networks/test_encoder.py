import pytest
import torch

from imaging.networks.encoder import LITE0, PYRAMID_CHANNELS, Encoder
from imaging.networks.training.pretrained import from_package_names


def test_encoder_levels_halve_and_widen():
    encoder = Encoder().eval()
    levels = encoder(torch.zeros(1, 3, 64, 96))
    assert tuple(level.shape[1] for level in levels) == encoder.channels == PYRAMID_CHANNELS
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


def test_fewer_stages_end_earlier():
    encoder = Encoder(LITE0[:-1]).eval()
    levels = encoder(torch.zeros(1, 3, 64, 64))
    assert tuple(level.shape[1] for level in levels) == encoder.channels == (16, 24, 40, 112, 192)
