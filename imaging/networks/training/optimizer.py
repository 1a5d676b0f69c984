"""What turns gradients into steps: AdamW, and Muon for the convolutions within a network.

Muon takes steps that are orthogonal matrices, so that no direction in a layer is learned faster than another
(Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_BOLDER = 2.0
"""Muon's rate over AdamW's, where `torch.optim.Muon` makes its steps as large as AdamW's."""
ENDS = ("head", "tail", "stem")
"""What layers between pixels and features are called; Muon is not made for them."""


class Optimizer:
    """AdamW and Muon as one.

    Parameters
    ----------
    network
        On its device, channels last: what it holds is stepped where it lies.
    rate, decay
        Learning rate and weight decay.
    decay_vectors
        Whether biases and the scales of normalizations decay, too.
    pretrained, pace
        The part of the network that has learned before, if any, and the share of the rate that it gets; with
        0 it is left as it is, which saves the time of its gradients.
    muon
        Whether convolutions, but for those at the ends and in the pretrained part, are left to Muon.
    ends
        Names of the layers between pixels and features.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        rate: float,
        decay: float,
        decay_vectors: bool = True,
        pretrained: str,
        pace: float,
        muon: bool,
        ends: Collection[str] = ENDS,
    ) -> None:
        old = f"{pretrained}." if pretrained else "\0"
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(pace > 0 or not name.startswith(old))
        inner = dict(_within(network, old, ends)) if muon else {}
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            if name not in inner:
                decays = decay if decay_vectors or parameter.ndim > 1 else 0.0
                groups.setdefault((pace if name.startswith(old) else 1.0, decays), []).append(parameter)
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                [
                    {"params": parameters, "pace": own, "weight_decay": decays}
                    for (own, decays), parameters in groups.items()
                ],
                lr=rate,
            )
        ]
        self._inner = [(weight, _as_matrix(weight.detach())) for weight in inner.values()]
        if inner:
            matrices = {"params": [matrix for _, matrix in self._inner], "pace": _BOLDER}
            self._optimizers.append(
                torch.optim.Muon([matrices], lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
            )

    def step(self, rate: float) -> None:
        """Step every weight along its gradient, at this learning rate, and forget the gradients."""
        for weight, matrix in self._inner:
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad)
            weight.grad = None
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["pace"]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {type(optimizer).__name__: optimizer.state_dict() for optimizer in self._optimizers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for optimizer in self._optimizers:
            optimizer.load_state_dict(state[type(optimizer).__name__])


def _within(network: nn.Module, old: str, ends: Collection[str]) -> Iterator[tuple[str, Tensor]]:
    for name, layer in network.named_modules():
        out = name.rpartition(".")[2] in ends or f"{name}.".startswith(old)
        if isinstance(layer, nn.Conv2d) and layer.groups == 1 and not out:
            yield f"{name}.weight", layer.weight


def _as_matrix(weight: Tensor) -> Tensor:
    """Return outputs × all else; the same memory where that of `weight` is channels last."""
    return weight.permute(0, 2, 3, 1).flatten(1)
