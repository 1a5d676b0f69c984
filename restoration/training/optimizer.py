"""What turns gradients into steps: AdamW, and Muon for the convolutions within a network.

Muon takes steps that are orthogonal matrices, so that no direction in a layer is learned faster than another
(Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_BOLDER = 2.0
"""Muon's rate over AdamW's, where `torch.optim.Muon` makes its steps as large as AdamW's."""
_ENDS = ("head", "tail", "stem")
"""Layers between pixels and features, for which Muon is not made."""


class Optimizer:
    """AdamW and Muon as one.

    Parameters
    ----------
    network
        On its device, channels last: what it holds is stepped where it lies.
    rate, decay
        Learning rate and weight decay of AdamW.
    pretrained, pace
        The part of the network that has learned before, if any, and the share of the rate that it gets; with
        0 it is left as it is, which saves the time of its gradients.
    muon
        Whether convolutions, but for those at the ends and in the pretrained part, are left to Muon.
    """

    def __init__(
        self, network: nn.Module, *, rate: float, decay: float, pretrained: str, pace: float, muon: bool
    ) -> None:
        old = f"{pretrained}." if pretrained else "\0"
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(pace > 0 or not name.startswith(old))
        inner = dict(_within(network, old)) if muon else {}
        others = [(name, p) for name, p in network.named_parameters() if name not in inner]
        groups = [
            {"params": [p for name, p in others if not name.startswith(old)], "pace": 1.0},
            {"params": [p for name, p in others if name.startswith(old)], "pace": pace},
        ]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=rate, weight_decay=decay)
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


def _within(network: nn.Module, old: str) -> Iterator[tuple[str, Tensor]]:
    for name, layer in network.named_modules():
        ends = name.rpartition(".")[2] in _ENDS or f"{name}.".startswith(old)
        if isinstance(layer, nn.Conv2d) and layer.groups == 1 and not ends:
            yield f"{name}.weight", layer.weight


def _as_matrix(weight: Tensor) -> Tensor:
    """Return outputs × all else; the same memory where that of `weight` is channels last."""
    return weight.permute(0, 2, 3, 1).flatten(1)
