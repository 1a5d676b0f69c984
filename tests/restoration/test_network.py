import pytest
import torch

from restoration.network import MultiscaleDetector, PretrainedUNet

WIDTHS = (8, 8, 8, 8, 8)


@pytest.fixture
def network() -> PretrainedUNet:
    torch.manual_seed(4)
    return PretrainedUNet(5, 7, WIDTHS)


def test_encoder_features_add_nothing_before_training(network: PretrainedUNet) -> None:
    network.eval()
    picture = torch.rand(1, 5, 64, 96)
    with torch.no_grad():
        assert torch.equal(network(picture), network.unet(picture))
        torch.nn.init.ones_(network.guides[3].weight)
        assert not torch.equal(network(picture), network.unet(picture))


def test_the_encoder_sees_only_the_picture_itself(network: PretrainedUNet) -> None:
    network.eval()
    seen: list[torch.Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    picture = torch.rand(1, 5, 32, 32)
    with torch.no_grad():
        network(picture)
    assert torch.equal(seen[0], picture[:, :1].repeat(1, 3, 1, 1))


def test_training_keeps_the_encoders_statistics(network: PretrainedUNet) -> None:
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.train()(torch.rand(2, 5, 32, 32)).sum().backward()
    changed = {
        name
        for name, value in network.named_buffers()
        if not torch.equal(value, before[name]) and "tracked" not in name
    }
    assert changed and not any(name.startswith("encoder.") for name in changed)


def test_a_judgement_begins_as_the_mean_of_its_looks() -> None:
    torch.manual_seed(4)
    detector = MultiscaleDetector(5, 7, WIDTHS)
    near, half, quarter = (torch.rand(2, 7, side, side) for side in (32, 16, 8))
    with torch.no_grad():
        judged = detector.fused([near, torch.full_like(half, 0.5), torch.full_like(quarter, 0.25)])
        assert torch.allclose(judged, (near + 0.75) / 3)
        torch.nn.init.ones_(detector.fuse.say.weight)
        assert not torch.allclose(detector.fused([near, half, quarter]), judged)


def test_one_look_is_that_of_the_unet_within() -> None:
    torch.manual_seed(4)
    detector = MultiscaleDetector(5, 7, WIDTHS).eval()
    picture = torch.rand(1, 5, 32, 64)
    with torch.no_grad():
        assert torch.equal(detector(picture), detector.look(picture))
