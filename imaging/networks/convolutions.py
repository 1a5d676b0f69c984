"""Convolutions fused with what follows them: normalization, addition, rectification.

On a processor with matrix units a convolution of a compact network takes less time than reading and writing
its feature maps once more for each of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

_RECTIFIERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "": lambda x: x,
    "relu": functional.relu_,
    "relu6": lambda x: functional.relu6(x, inplace=True),
}
_ONEDNN: Mapping[str, tuple[str | None, list[float]]] = {
    "": (None, []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}
"""oneDNN's names and parameters for them."""


class SameConv2d(nn.Conv2d):
    """A convolution without bias that pads an even input as TensorFlow's SAME does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        symmetric = 0 if stride == 2 else kernel // 2
        super().__init__(inputs, outputs, kernel, stride, symmetric, groups=groups, bias=False)
        before = (kernel - 2) // 2
        self._pad = (before, kernel - 2 - before) * 2 if stride == 2 else None

    def padded(self, x: Tensor) -> Tensor:
        """Return `x` with the padding that is not symmetric."""
        return x if self._pad is None else functional.pad(x, self._pad)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve."""
        input = self.padded(input)
        if self.groups > 1 and torch.is_autocast_enabled("cpu"):
            # oneDNN's bfloat16 gradient of a depthwise convolution takes up to eight times float32's.
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float()).to(input.dtype)
        return super().forward(input)


def convolve(
    convolution: nn.Conv2d,
    x: Tensor,
    *,
    norm: nn.Module | None = None,
    added: Tensor | None = None,
    rectify: str = "",
) -> Tensor:
    """Return ``rectify(norm(convolution(x)) + added)``.

    Parameters
    ----------
    norm
        Batch normalization, or an identity.
    added
        Of the result's shape. May be overwritten.
    rectify
        ``relu``; ``relu6``, where nothing is added; or nothing.
    """
    if _fuses(x):
        return _fused(convolution, x, norm, added, rectify)
    y = convolution(x)
    y = y if norm is None else norm(y)
    return _RECTIFIERS[rectify](y if added is None else y.add_(added))


def _fuses(x: Tensor) -> bool:
    # At half precision without gradients. PyTorch's compiler calls oneDNN by these operators, too.
    half_on_cpu = x.device.type == "cpu" and x.dtype == torch.bfloat16
    return (
        half_on_cpu
        and torch.is_inference_mode_enabled()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def _fused(
    convolution: nn.Conv2d, x: Tensor, norm: nn.Module | None, added: Tensor | None, rectify: str
) -> Tensor:
    x = convolution.padded(x) if isinstance(convolution, SameConv2d) else x
    weight, bias = _folded(convolution, norm)
    shape = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
    name, numbers = _ONEDNN[rectify]
    if added is None:
        operator = torch.ops.mkldnn._convolution_pointwise
        result: Tensor = operator(x, weight, bias, *shape, name or "none", numbers, "")
    else:
        onto = torch.ops.mkldnn._convolution_pointwise_.binary
        result = onto(added, x, weight, bias, *shape, "add", 1.0, name, numbers, "")
    return result


def _folded(convolution: nn.Conv2d, norm: nn.Module | None) -> tuple[Tensor, Tensor | None]:
    """Return weight and bias with the normalization folded in."""
    weight, bias = convolution.weight, convolution.bias
    if not isinstance(norm, nn.BatchNorm2d):
        return weight, bias
    probe = torch.stack([torch.zeros(norm.num_features), torch.ones(norm.num_features)])
    shift, shifted_scale = deepcopy(norm).float()(probe[:, :, None, None]).flatten(1)
    scale = shifted_scale - shift
    bias = shift if bias is None else shift + scale * bias.float()
    folded = weight.float() * scale.view(-1, 1, 1, 1)
    return folded.to(weight.dtype, memory_format=torch.channels_last), bias.to(weight.dtype)
