"""Models in folders: found by name, read only when they are what was described."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from imaging.errors import ModelError
from imaging.networks.descriptor import ModelDescriptor, SizeRequirements
from imaging.networks.models import ModelRegistry, fill, read_weights
from imaging.networks.training.export import encode, write_model


def network() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))


def described(folder: Path, name: str = "blur", version: str = "1") -> Path:
    encoded = encode(network().state_dict())
    descriptor = ModelDescriptor(
        name=name, version=version, sha256=encoded.sha256, license="MIT", size=SizeRequirements()
    )
    return write_model(descriptor, encoded, folder)


def test_written_weights_come_back_in_half_precision(tmp_path: Path) -> None:
    path, descriptor = ModelRegistry(ModelDescriptor, described(tmp_path).parent).find("blur")
    assert {file.name for file in tmp_path.iterdir()} == {"blur.json", "blur.safetensors"}
    weights = read_weights(path, descriptor)
    # A batch normalization counts its batches; the counter is of no use and left out.
    assert "1.num_batches_tracked" not in weights
    again = network()
    nn.init.zeros_(again[0].weight)
    fill(again, descriptor, weights)
    assert torch.equal(again[0].weight, network()[0].weight.half().float())


def test_the_earlier_folder_counts(tmp_path: Path) -> None:
    described(tmp_path / "ours", version="1")
    described(tmp_path / "theirs", version="2")
    described(tmp_path / "theirs", name="another")
    registry = ModelRegistry(ModelDescriptor, tmp_path / "ours", tmp_path / "theirs", tmp_path / "absent")
    assert registry.find("blur")[1].version == "1"
    assert [descriptor.name for descriptor in registry.descriptors()] == ["another", "blur", "blur"]


def test_what_cannot_be_read_hides_nothing_and_is_named(tmp_path: Path) -> None:
    described(tmp_path)
    (tmp_path / "broken.json").write_text("{}")
    registry = ModelRegistry(ModelDescriptor, tmp_path)
    assert registry.find("blur")[1].name == "blur"
    assert list(registry.unreadable) == [tmp_path / "broken.json"]
    with pytest.raises(ModelError, match=r"not among the models.*broken\.json.*Choose one of: blur"):
        registry.find("broken")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = described(tmp_path)
    _, descriptor = ModelRegistry(ModelDescriptor, tmp_path).find("blur")
    with pytest.raises(ModelError, match="blur: the weights do not fit Conv2d"):
        fill(nn.Conv2d(1, 4, 3), descriptor, read_weights(path, descriptor))


def test_absent_altered_and_other_files_are_refused(tmp_path: Path) -> None:
    path = described(tmp_path)
    _, descriptor = ModelRegistry(ModelDescriptor, tmp_path).find("blur")
    with pytest.raises(ModelError, match="sha256"):
        read_weights(path, replace(descriptor, sha256="0" * 64))
    (tmp_path / "blur.safetensors").write_bytes(b"PK")
    with pytest.raises(ModelError, match="not a safetensors file"):
        read_weights(path, replace(descriptor, sha256=hashlib.sha256(b"PK").hexdigest()))
    (tmp_path / "blur.safetensors").unlink()
    with pytest.raises(ModelError, match="absent"):
        read_weights(path, descriptor)
