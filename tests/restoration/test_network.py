import pytest
import torch

from restoration.network import GuidedUNet

WIDTHS = (8, 8, 8, 8, 8)


@pytest.fixture
def network() -> GuidedUNet:
    torch.manual_seed(4)
    return GuidedUNet(5, 7, WIDTHS)


def test_a_guide_says_nothing_before_it_has_learned(network: GuidedUNet) -> None:
    network.eval()
    picture = torch.rand(1, 5, 64, 96)
    with torch.no_grad():
        assert torch.equal(network(picture), network.unet(picture))
        torch.nn.init.ones_(network.guides[3].weight)
        assert not torch.equal(network(picture), network.unet(picture))


def test_only_the_picture_itself_guides(network: GuidedUNet) -> None:
    network.eval()
    seen: list[torch.Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    picture = torch.rand(1, 5, 32, 32)
    with torch.no_grad():
        network(picture)
    assert torch.equal(seen[0], picture[:, :1].repeat(1, 3, 1, 1))


def test_learning_leaves_the_encoders_statistics_alone(network: GuidedUNet) -> None:
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.train()(torch.rand(2, 5, 32, 32)).sum().backward()
    changed = {
        name
        for name, value in network.named_buffers()
        if not torch.equal(value, before[name]) and "tracked" not in name
    }
    assert changed and not any(name.startswith("encoder.") for name in changed)
