"""Detector and mender: an interrupted run equals an uninterrupted one, and training lowers the loss."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imaging.networks.descriptor import SizeRequirements
from restoration.defects import CUES, cues_of, cues_on_device, pooled_cues
from restoration.kinds import DamageKind
from restoration.models import load
from restoration.network import CompactUNet, MultiscaleDetector, TileRunner
from restoration.training.command import arguments_for, train_and_export
from restoration.training.detector import _BALANCE, OUTPUTS, DetectionTask, _balance, f1_scores
from restoration.training.loop import Schedule, TrainingTask, train
from restoration.training.mender import MendingTask
from restoration.training.parallel_drawing import DrawnInParallel
from restoration.training.shapes import Shapes

SCHEDULE = Schedule(steps=6, checkpoint_every=3, log_every=2, validate_every=99, half=False)


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[np.ndarray], Shapes]:
    random = np.random.default_rng(0)
    photographs = [random.integers(60, 200, (80, 90), np.uint8) for _ in range(3)]
    path = tmp_path_factory.mktemp("shapes") / "defects.json.gz"
    polygon = [[0, 0], [8, 1], [9, 8], [2, 9]]
    with gzip.open(path, "wt") as stream:
        json.dump([{"scan": 1, "defects": [{"kind": "dust", "polygon": polygon}]}], stream)
    return photographs, Shapes(path, [1])


def _network(name: str) -> nn.Module:
    torch.manual_seed(1)
    if name == "detector":
        return CompactUNet(CUES, OUTPUTS, (8, 8), normalize=True)
    return CompactUNet(2, 1, (8, 8))


def _task(name: str, learning: tuple[list[np.ndarray], Shapes]) -> TrainingTask:
    photographs, shapes = learning
    kind = DetectionTask if name == "detector" else MendingTask
    return kind(photographs, photographs, shapes, shapes, samples=2, side=48, validation=1)


@pytest.mark.parametrize("name", ["detector", "mender"])
def test_an_interrupted_training_run_equals_an_uninterrupted_one(
    name: str, learning: tuple[list[np.ndarray], Shapes], tmp_path: Path
) -> None:
    task = _task(name, learning)
    whole = train(_network(name), task, SCHEDULE, tmp_path / "whole")
    calls = 0
    batch = task.batch

    def cut(random: np.random.Generator) -> object:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return batch(random)

    task.batch = cut  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        train(_network(name), task, SCHEDULE, tmp_path / "cut")
    task.batch = batch  # type: ignore[method-assign]
    resumed = train(_network(name), task, SCHEDULE, tmp_path / "cut")
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_f1_counts_what_is_found_and_what_it_is_called() -> None:
    table = np.zeros((7, 7), np.int64)
    table[0, 0], table[1, 1], table[1, 0], table[0, 1], table[2, 1] = 900, 50, 10, 20, 20
    scores = f1_scores(table)
    assert scores["f1"] == pytest.approx(2 * 70 / (2 * 70 + 10 + 20))
    assert scores["f1_dust"] == pytest.approx(2 * 50 / (60 + 90))
    assert scores["f1_hair"] == 0
    assert {f"f1_{kind.label}" for kind in DamageKind} <= set(scores)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 37), (5, 3)])
def test_tiles_of_any_size_keep_it(height: int, width: int) -> None:
    runner = TileRunner(_network("detector").eval(), SizeRequirements(multiple_of=4))
    maps = runner(np.zeros((CUES, height, width), np.float32))
    assert maps.shape == (OUTPUTS, height, width)


def test_cues_are_the_same_wherever_they_are_computed() -> None:
    pictures = np.random.default_rng(2).random((2, 40, 52), np.float32)
    expected = np.stack([cues_of(picture) for picture in pictures])
    for compute in (cues_on_device, pooled_cues):
        assert np.allclose(compute(torch.from_numpy(pictures)).numpy(), expected, atol=1e-5)


def test_processes_draw_the_same_batches(learning: tuple[list[np.ndarray], Shapes]) -> None:
    task = _task("mender", learning)
    drawn = DrawnInParallel(task, 2)
    try:
        here, there = (one.batch(np.random.default_rng(3)) for one in (task, drawn))
    finally:
        drawn.close()
    assert here.keys() == there.keys()
    assert all(torch.equal(here[name], there[name]) for name in here)


def test_rare_kinds_count_more_and_sound_pixels_nothing() -> None:
    kinds = torch.zeros(1, 100, 100, dtype=torch.uint8)
    kinds[0, :50] = DamageKind.LOSS
    kinds[0, 60, :40] = DamageKind.SCRATCH
    weight = _balance(kinds)
    assert weight[0, 0, 0] == _BALANCE[0]
    assert weight[0, 60, 0] == _BALANCE[1]
    assert weight[0, 99, 99] == 0


def test_a_command_exports_weights_that_a_later_run_starts_from(
    learning: tuple[list[np.ndarray], Shapes], tmp_path: Path
) -> None:
    settings = {"inputs": 2, "outputs": 1, "widths": [8, 8]}
    common = [str(tmp_path), "--photos", "-", "--defects", "-", "--steps"]
    parser = arguments_for(None)
    network = CompactUNet(2, 1, (8, 8))
    train_and_export(
        "mender", network, settings, _task("mender", learning), parser.parse_args([*common, "2"])
    )
    descriptor, learned = load("mender", CompactUNet, tmp_path)
    assert descriptor.settings == settings
    again = parser.parse_args([*common, "1", "--start", str(tmp_path), "--version", "2"])
    again.folder = tmp_path / "again"
    train_and_export("mender", network, settings, _task("mender", learning), again)
    descriptor, later = load("mender", CompactUNet, tmp_path / "again")
    assert descriptor.version == "2"
    # One step at the start of the warm-up moves no weight by more than the rate, 6e-5.
    here = later.state_dict()
    assert all(torch.allclose(value, here[key], atol=1e-3) for key, value in learned.state_dict().items())


def test_whole_pictures_are_judged_from_three_looks(learning: tuple[list[np.ndarray], Shapes]) -> None:
    photographs, shapes = learning
    task = DetectionTask(
        photographs, photographs, shapes, shapes, samples=1, side=128, validation=1, whole=True
    )
    torch.manual_seed(1)
    network = MultiscaleDetector(
        CUES, OUTPUTS, (8, 8, 8, 8, 8), fusion=4
    ).eval()  # too small a batch to normalize by
    sides: list[int] = []
    network.look.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    batch = {"picture": torch.zeros(1, 128, 128, dtype=torch.uint8), "kinds": torch.zeros(1, 128, 128).byte()}
    batch["kinds"][:, 40:60] = int(DamageKind.CRACK)
    task.loss(network, batch).backward()
    assert sides == [128, 64, 32]
    assert network.fuse.say.weight.grad is not None
    assert network.fuse.say.weight.grad.abs().sum() > 0
    assert set(task.validate(network)) >= {"f1", "false_alarms"}
