import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from imaging.networks.convolutions import SameConv2d, convolve


def pictures(number: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    random = torch.Generator().manual_seed(8)
    return [
        torch.randn(1, 16, 20, 28, generator=random).to(dtype, memory_format=torch.channels_last)
        for _ in range(number)
    ]


def normalization(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels).eval()
    for part in (norm.weight.data, norm.running_mean, norm.running_var):
        part.uniform_(0.5, 2.0)
    norm.bias.data.normal_()
    return norm


def convolutions() -> dict[str, nn.Conv2d]:
    torch.manual_seed(2)
    return {
        "plain": nn.Conv2d(16, 16, 3, padding=1),
        "depthwise": SameConv2d(16, 16, 5, groups=16),
        "strided": SameConv2d(16, 16, 3, stride=2, groups=16),
    }


@pytest.mark.parametrize("name", list(convolutions()))
@pytest.mark.parametrize(
    ("rectify", "with_added"), [("", False), ("relu", False), ("relu6", False), ("", True), ("relu", True)]
)
def test_at_work_as_in_learning(name, rectify, with_added):
    convolution, norm = convolutions()[name], normalization(16)
    x, added = pictures(2)
    added = added[:, :, :10, :14] if name == "strided" else added
    rectifiers = {"": lambda y: y, "relu": functional.relu, "relu6": functional.relu6}
    with torch.no_grad():
        y = norm(convolution(x)) + (added if with_added else 0)
        expected = rectifiers[rectify](y)
        learning = convolve(
            convolution, x, norm=norm, added=added.clone() if with_added else None, rectify=rectify
        )
    assert torch.allclose(learning, expected, atol=1e-6)
    half = convolution.to(torch.bfloat16).to(memory_format=torch.channels_last)
    added_half = added.to(torch.bfloat16, memory_format=torch.channels_last) if with_added else None
    with torch.inference_mode():
        work = convolve(half, x.bfloat16(), norm=norm.bfloat16(), added=added_half, rectify=rectify)
    # bfloat16 has 8 bits; sums of 144 products of such numbers are off by about this much.
    assert (work.float() - expected).abs().mean() < 0.01 * expected.abs().mean() + 0.01


def test_what_is_learned_through_it_is_exact():
    convolution = convolutions()["plain"]
    x, added = pictures(2)
    added.requires_grad_()
    convolve(convolution, x, added=added, rectify="relu").sum().backward()
    lit = functional.conv2d(x, convolution.weight, convolution.bias, padding=1) + added > 0
    assert torch.equal(added.grad, lit.float())


def test_same_padding_is_that_of_tensorflow():
    """TensorFlow pads an even side for stride 2 by 0 before and 1 after, for a kernel of 3."""
    convolution = SameConv2d(1, 1, 3, stride=2)
    nn.init.ones_(convolution.weight)
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 0, 0] = 1
    assert convolution(x).flatten().tolist() == [1, 0, 0, 0]
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 3, 3] = 1
    assert convolution(x).flatten().tolist() == [0, 0, 0, 1]
