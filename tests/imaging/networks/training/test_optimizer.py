from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from imaging.networks.training.optimizer import Optimizer


def network() -> nn.Sequential:
    torch.manual_seed(5)
    layers = {
        "head": nn.Conv2d(1, 8, 3),
        "inner": nn.Conv2d(8, 16, 3),
        "each": nn.Conv2d(16, 16, 3, groups=16),
        "encoder": nn.Conv2d(16, 8, 1),
    }
    stack = nn.Sequential()
    for name, layer in layers.items():
        stack.add_module(name, layer)
    return stack.to(memory_format=torch.channels_last)


def optimizer_of(stack: nn.Module, *, muon: bool = True, pace: float = 0.25, **options: Any) -> Optimizer:
    return Optimizer(
        stack, rate=1e-3, pretrained="encoder", pace=pace, muon=muon, **({"decay": 0.0} | options)
    )


def step(stack: nn.Module, optimizer: Optimizer) -> dict[str, torch.Tensor]:
    before = {name: value.detach().clone() for name, value in stack.named_parameters()}
    random = torch.Generator().manual_seed(1)
    stack(torch.rand(2, 1, 12, 12, generator=random)).square().sum().backward()
    optimizer.step(1e-3)
    return {name: value.detach() - before[name] for name, value in stack.named_parameters()}


def test_muon_steps_orthogonally_where_it_may():
    stack = network()
    moved = step(stack, optimizer_of(stack))
    spread = torch.linalg.svdvals(moved["inner.weight"].permute(0, 2, 3, 1).flatten(1))
    # Five Newton-Schulz iterations leave singular values within 0.5 to 1.5 of each other, not equal.
    assert spread.max() / spread.min() < 3
    # Both kinds of steps are of AdamW's size: the rate, or Muon's share of it.
    assert moved["head.weight"].abs().mean() == pytest.approx(1e-3, rel=0.05)
    assert moved["each.weight"].abs().mean() == pytest.approx(1e-3, rel=0.05)
    assert 0.2e-3 < moved["inner.weight"].square().mean().sqrt() < 0.6e-3


def test_what_was_pretrained_steps_less():
    stack = network()
    moved = step(stack, optimizer_of(stack))
    assert moved["encoder.weight"].abs().mean() == pytest.approx(0.25e-3, rel=0.05)


def test_at_no_pace_what_was_pretrained_stays():
    stack = network()
    moved = step(stack, optimizer_of(stack, pace=0.0))
    assert not stack.encoder.weight.requires_grad
    assert not moved["encoder.weight"].any() and not moved["encoder.bias"].any()
    assert moved["inner.weight"].any()


def test_without_muon_all_steps_are_those_of_adamw():
    stack, other = network(), network()
    adam = torch.optim.AdamW(
        [p for name, p in other.named_parameters() if not name.startswith("encoder")], lr=1e-3, weight_decay=0
    )
    moved = step(stack, optimizer_of(stack, muon=False))
    before = other.inner.weight.detach().clone()
    random = torch.Generator().manual_seed(1)
    other(torch.rand(2, 1, 12, 12, generator=random)).square().sum().backward()
    adam.step()
    assert torch.equal(moved["inner.weight"], other.inner.weight.detach() - before)


def test_a_resumed_optimizer_goes_on_alike():
    stack = network()
    optimizer = optimizer_of(stack)
    step(stack, optimizer)
    state, weights = deepcopy((optimizer.state_dict(), stack.state_dict()))
    expected = step(stack, optimizer)
    stack = network()
    stack.load_state_dict(weights)
    resumed = optimizer_of(stack)
    resumed.load_state_dict(state)
    for name, moved in step(stack, resumed).items():
        assert torch.equal(moved, expected[name]), name


@pytest.mark.parametrize("decay_vectors", [True, False])
def test_vectors_decay_only_where_they_may(decay_vectors):
    stack = network()
    optimizer = optimizer_of(stack, muon=False, decay=0.5, decay_vectors=decay_vectors)
    before = {name: value.detach().clone() for name, value in stack.named_parameters()}
    for parameter in stack.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(1e-3)
    # Without a gradient, a decoupled step is the decay alone (Loshchilov & Hutter 2019, algorithm 2).
    for name, value in stack.named_parameters():
        pace = 0.25 if name.startswith("encoder") else 1.0
        share = 1e-3 * pace * 0.5 if decay_vectors or value.ndim > 1 else 0.0
        assert torch.allclose(value, before[name] * (1 - share), rtol=1e-6, atol=0), name


def test_layers_named_as_ends_are_left_to_adamw():
    stack = network()
    moved = step(stack, optimizer_of(stack, ends=("inner",)))
    # AdamW's first step moves each weight by the rate; Muon's do not.
    assert moved["inner.weight"].abs().mean() == pytest.approx(1e-3, rel=0.05)
    assert moved["head.weight"].abs().mean() != pytest.approx(1e-3, rel=0.05)
