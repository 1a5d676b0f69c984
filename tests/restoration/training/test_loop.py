import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from imaging.errors import ModelError
from imaging.networks.descriptor import SizeRequirements
from restoration.models import RestorationDescriptor, load, verify
from restoration.training.export import export
from restoration.training.loop import Schedule, train


class Blur(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, width, padding=width // 2)

    def forward(self, x):
        return self.conv(x)


class LearnTheMean:
    """Predict the mean of each picture's 3×3 neighborhoods, seen through a little noise."""

    def batch(self, random):
        return {"picture": torch.from_numpy(random.random((4, 1, 16, 16), dtype=np.float32))}

    def loss(self, network, batch):
        clean = batch["picture"]
        target = nn.functional.avg_pool2d(clean, 3, 1, 1)
        return (network(clean + 0.01 * torch.randn_like(clean)) - target).square().mean()

    def validate(self, network):
        return {"error": float(self.loss(network, self.batch(np.random.default_rng(99))))}


SCHEDULE = Schedule(steps=12, checkpoint_every=5, validate_every=6, log_every=2, half=False, warmup=0.1)


def fresh() -> Blur:
    torch.manual_seed(3)
    return Blur()


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, ahead):
    whole = train(fresh(), LearnTheMean(), SCHEDULE, tmp_path / "whole")

    class Cut(LearnTheMean):
        left = 8

        def loss(self, network, batch):
            if torch.is_grad_enabled():
                self.left -= 1
                if self.left < 0:
                    raise KeyboardInterrupt
            return super().loss(network, batch)

    schedule = replace(SCHEDULE, ahead=ahead)
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), Cut(), schedule, tmp_path / "cut")
    resumed = train(fresh(), LearnTheMean(), schedule, tmp_path / "cut")
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key])


def test_training_improves_and_logs(tmp_path):
    train(fresh(), LearnTheMean(), replace(SCHEDULE, steps=60, learning_rate=0.03, average=0.5), tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < losses[0] / 2
    assert log[-1]["end"] and log[-1]["step"] == 60


def test_time_budget_ends_the_run(tmp_path):
    train(fresh(), LearnTheMean(), replace(SCHEDULE, steps=10**9, seconds=0.2), tmp_path)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["seconds"] < 5


def test_what_was_pretrained_learns_at_its_own_pace(tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.rest = Blur(), Blur()

        def forward(self, x):
            return self.encoder(x) + self.rest(x)

    network = Two()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    schedule = replace(SCHEDULE, steps=1, pretrained="encoder", pretrained_pace=0.25, clip=1e9, average=0.0)
    after = train(network, LearnTheMean(), schedule, tmp_path).state_dict()
    # AdamW's first step moves each weight by the rate, whatever its gradient.
    moved = {name: float(abs(after[name] - before[name]).mean()) for name in before}
    assert moved["encoder.conv.weight"] == pytest.approx(0.25 * moved["rest.conv.weight"], rel=0.05)


DESCRIPTOR = RestorationDescriptor(
    name="blur", version="1", network="Blur", settings={"width": 3}, size=SizeRequirements(), context=1
)


def test_exported_weights_come_back(tmp_path):
    network = fresh()
    written = export(network, DESCRIPTOR, tmp_path)
    descriptor, loaded = load("blur", Blur, tmp_path)
    assert descriptor == written and descriptor.parameters == 10
    assert torch.allclose(loaded.conv.weight, network.conv.weight, atol=1e-3)


def test_altered_weights_are_refused(tmp_path):
    export(fresh(), DESCRIPTOR, tmp_path)
    weights = tmp_path / "blur.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="sha256"):
        load("blur", Blur, tmp_path)
    with pytest.raises(ModelError, match="sha256"):
        verify("blur", tmp_path)


def test_weights_of_another_number_are_refused(tmp_path):
    written = export(fresh(), DESCRIPTOR, tmp_path)
    assert verify("blur", tmp_path) == written
    described = tmp_path / "blur.json"
    described.write_text(described.read_text().replace('"parameters": 10', '"parameters": 11'))
    with pytest.raises(ModelError, match="10 weights, not 11"):
        verify("blur", tmp_path)


def test_absent_models_are_named(tmp_path):
    with pytest.raises(ModelError, match="not among"):
        load("nothing", Blur, tmp_path)
