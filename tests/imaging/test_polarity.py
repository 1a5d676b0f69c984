from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imaging import polarity
from imaging.errors import ModelError
from imaging.networks.descriptor import SizeRequirements


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The network's files where a test may spoil them."""
    for path in polarity.WEIGHTS.glob("polarity.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(polarity, "WEIGHTS", tmp_path)
    polarity.load.cache_clear()
    yield tmp_path
    polarity.load.cache_clear()


def test_a_picture_and_its_inversion_get_opposite_answers() -> None:
    grey = np.random.default_rng(1).uniform(0, 1, (90, 120)).astype(np.float32)
    seen, inverted = polarity.look(grey), polarity.look(1 - grey)
    assert seen.negative == pytest.approx(-inverted.negative, abs=1e-3)
    assert seen.document == pytest.approx(inverted.document, abs=1e-3)


def test_a_mirrored_picture_gets_the_same_answer() -> None:
    grey = np.random.default_rng(2).uniform(0, 1, (160, 160)).astype(np.float32)
    mirrored = np.ascontiguousarray(grey[:, ::-1])
    assert polarity.look(grey).negative == pytest.approx(polarity.look(mirrored).negative, abs=1e-3)


def test_altered_weights_are_refused(copied: Path) -> None:
    with (copied / "polarity.safetensors").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x7f\x7f")
    with pytest.raises(ModelError, match="sha256"):
        polarity.load()


def test_absent_weights_are_named(copied: Path) -> None:
    (copied / "polarity.safetensors").unlink()
    with pytest.raises(ModelError, match="polarity"):
        polarity.load()


def test_the_descriptor_describes_the_file() -> None:
    network, descriptor = polarity.load()
    assert descriptor.bytes == (polarity.WEIGHTS / descriptor.weights_file).stat().st_size
    assert descriptor.parameters == sum(
        value.numel() for value in network.state_dict().values() if value.is_floating_point()
    )
    assert descriptor.size == SizeRequirements(multiple_of=polarity.SIDE)
    stored = json.loads((polarity.WEIGHTS / "polarity.json").read_text())
    assert json.loads(descriptor.to_json()) == stored
