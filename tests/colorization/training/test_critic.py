import pytest
import torch

from colorization.training.critic import Critic, shown


@pytest.fixture(scope="module")
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(None)


def test_what_is_alike_looks_alike_and_what_is_not_pulls_the_color(critic):
    light = torch.full((2, 1, 64, 64), 60.0)
    true = torch.tensor([40.0, 20.0]).view(1, 2, 1, 1).expand(2, 2, 16, 16).contiguous()
    assert float(critic(light, true, true)) == 0
    other = true.clone().requires_grad_(True)
    unlike = critic(light, other * -1, true)
    unlike.backward()
    assert float(unlike.detach()) > 0
    assert float(other.grad.abs().sum()) > 0
    assert all(p.grad is None for p in critic.parameters())


def test_a_certain_distribution_is_shown_as_its_bin():
    bins = torch.tensor([[0.0, 0.0], [50.0, -30.0]])
    logits = torch.zeros(1, 2, 4, 4)
    logits[:, 1, :2] = 40
    color = shown(logits, bins)
    assert torch.allclose(color[0, :, 0, 0], bins[1], atol=1e-3)
    assert torch.allclose(color[0, :, 3, 3], bins.mean(0), atol=1e-3)
