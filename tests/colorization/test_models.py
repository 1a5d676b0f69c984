import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from colorization import models
from colorization.descriptor import Architecture, ColorDescriptor, Tiling
from colorization.models import DEFAULT, SHIPPED
from colorization.siggraph17 import Siggraph17
from imaging.errors import ModelError
from imaging.fixity import sha256_file
from imaging.networks.descriptor import SizeRequirements, read_descriptor


@pytest.fixture
def altered(museum: Path, tmp_path: Path) -> Path:
    """A copy of the museum's folder in which one byte of the weights has changed."""
    folder = tmp_path / "altered"
    shutil.copytree(museum, folder)
    weights = folder / "tiny-1.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    return folder


def test_shipped_weights_are_whole_and_small():
    descriptor = models.verify(DEFAULT)
    size = (SHIPPED / descriptor.weights).stat().st_size
    assert size <= 40e6
    assert descriptor.license
    assert descriptor.data


def test_prediction_has_the_size_of_its_input(museum, grey):
    model = models.load("tiny", folder=museum)
    said = model.predict(grey)
    assert said.ab.shape == (1, 2, 70, 100)
    assert said.confidence.shape == (1, 1, 70, 100)
    assert said.probabilities.shape[1] == len(said.bins) == model.descriptor.bins
    assert np.allclose(said.probabilities.sum(1), 1, atol=1e-5)
    assert 0 <= said.confidence.min() <= said.confidence.max() <= 1


def test_same_input_gives_the_same_bytes(museum, grey):
    first = models.load("tiny", folder=museum).predict(grey)
    second = models.load("tiny", folder=museum).predict(grey)
    assert first.ab.tobytes() == second.ab.tobytes()
    assert first.confidence.tobytes() == second.confidence.tobytes()


def test_number_of_threads_does_not_show(museum, grey):
    model = models.load("tiny", folder=museum)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = model.predict(grey).ab
        torch.set_num_threads(2)
        two = model.predict(grey).ab
    finally:
        torch.set_num_threads(before)
    assert np.abs(one - two).max() <= 0.5


def test_batch_and_single_agree(museum, grey):
    model = models.load("tiny", folder=museum)
    both = model.predict(np.concatenate([grey, grey[..., ::-1]])).ab
    assert np.abs(both[:1] - model.predict(grey).ab).max() < 0.1


def test_reference_names_the_weights(museum):
    model = models.load("tiny", folder=museum)
    assert model.reference.name == "tiny"
    assert model.reference.sha256 == sha256_file(museum / "tiny-1.safetensors")


def test_altered_weights_are_refused(altered):
    with pytest.raises(ModelError, match="sha256"):
        models.verify("tiny", altered)


def test_absent_weights_are_named(altered):
    (altered / "tiny-1.safetensors").unlink()
    with pytest.raises(ModelError, match="absent"):
        models.load("tiny", folder=altered)


def test_unknown_name_lists_the_known(museum):
    with pytest.raises(ModelError, match="tiny"):
        models.load("nobody", folder=museum)


def test_pickles_are_refused(museum, tmp_path):
    torch.save({"bins": torch.zeros(2)}, tmp_path / "tiny-1.safetensors")
    stated = json.loads((museum / "tiny-1.json").read_text())
    stated |= {"name": "pickled", "sha256": sha256_file(tmp_path / "tiny-1.safetensors")}
    (tmp_path / "pickled.json").write_text(json.dumps(stated))
    with pytest.raises(ModelError, match="not a safetensors file"):
        models.load("pickled", folder=tmp_path)


@pytest.mark.parametrize(
    "fault",
    [
        {"architecture": "something-else"},
        {"weights": "../escape.safetensors"},
        {"weights": "tiny.pth"},
        {"license": " "},
        {"sha256": "abc"},
        {"surprise": 1},
        {"tiling": {"side": 100, "overlap": 60}},
    ],
)
def test_descriptors_that_cannot_be_used_are_refused(museum, tmp_path, fault):
    stated = json.loads((museum / "tiny-1.json").read_text()) | fault
    path = tmp_path / "stated.json"
    path.write_text(json.dumps(stated))
    with pytest.raises(ModelError, match="descriptor"):
        read_descriptor(path, ColorDescriptor)


def test_descriptor_survives_its_file(museum, tmp_path):
    descriptor = models.registry(museum).find("tiny")[1]
    (tmp_path / "copy.json").write_text(descriptor.to_json())
    assert read_descriptor(tmp_path / "copy.json", ColorDescriptor) == descriptor


def test_added_model_is_listed_and_works(museum, tmp_path, grey):
    folder = tmp_path / "own"
    added = models.add(museum / "tiny-1.json", folder)
    assert models.add(museum / "tiny-1.json", folder) == added
    assert [m.name for m in models.registry(folder).descriptors()].count("tiny") == 1
    assert models.load("tiny", folder=folder).predict(grey).ab.shape[1] == 2


def test_models_whose_weights_have_the_same_file_name_live_side_by_side(museum, tmp_path):
    folder = tmp_path / "own"
    for name, shift in (("first", 0.0), ("second", 1.0)):
        models.add(renamed(museum, tmp_path / name, name, shift), folder)
    assert models.verify("first", folder).sha256 != models.verify("second", folder).sha256
    stems = [sorted(path.stem for path in folder.glob(f"*.{kind}")) for kind in ("json", "safetensors")]
    assert stems[0] == stems[1]


def renamed(museum: Path, folder: Path, name: str, shift: float) -> Path:
    """Make another model of the museum's, its weights in ``model.safetensors``; return its descriptor."""
    folder.mkdir()
    weights = load_file(museum / "tiny-1.safetensors")
    save_file(weights | {"log_weight": weights["log_weight"] + shift}, folder / "model.safetensors")
    stated = json.loads((museum / "tiny-1.json").read_text())
    stated |= {"name": name, "weights": "model.safetensors"}
    stated |= {"sha256": sha256_file(folder / "model.safetensors")}
    (folder / "model.json").write_text(json.dumps(stated))
    return folder / "model.json"


def test_a_broken_descriptor_hides_no_other_model_and_is_named(museum, tmp_path):
    folder = tmp_path / "own"
    models.add(museum / "tiny-1.json", folder)
    (folder / "broken.json").write_text('{"name": "broken"}')
    assert {m.name for m in models.registry(folder).descriptors()} == {DEFAULT, "tiny"}
    assert list(models.registry(folder).unreadable) == [folder / "broken.json"]
    assert models.registry(folder).find(DEFAULT)[1].name == DEFAULT
    assert models.load("tiny", folder=folder).descriptor.name == "tiny"
    with pytest.raises(ModelError, match=r"broken\.json: version: Field required"):
        models.registry(folder).find("broken")


def test_altered_model_is_not_added(altered, tmp_path):
    with pytest.raises(ModelError, match="sha256"):
        models.add(altered / "tiny-1.json", tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_wrong_shape_is_refused(museum, tmp_path):
    stated = json.loads((museum / "tiny-1.json").read_text()) | {"width": 48, "name": "wide"}
    shutil.copy(museum / "tiny-1.safetensors", tmp_path)
    (tmp_path / "wide.json").write_text(json.dumps(stated))
    with pytest.raises(ModelError, match="do not fit"):
        models.verify("wide", tmp_path)


def test_a_foreign_network_fits_the_same_interface(tmp_path, grey):
    torch.manual_seed(0)
    network = Siggraph17()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    assert state["model1.0.weight"].shape == (64, 4, 3, 3)
    assert state["model_class.0.weight"].shape == (529, 256, 1, 1)
    weights = tmp_path / "siggraph17.safetensors"
    save_file(state, weights)
    described = ColorDescriptor(
        name="siggraph17",
        version="2017",
        architecture=Architecture.SIGGRAPH17,
        weights=weights.name,
        sha256=sha256_file(weights),
        license="BSD-2-Clause",
        size=SizeRequirements(multiple_of=8),
        bins=529,
        tiling=Tiling(allowed=True, conditioned=False),
    )
    (tmp_path / "siggraph17.json").write_text(described.to_json())
    model = models.load("siggraph17", folder=tmp_path)
    hints = np.zeros((1, 3, 70, 100), np.float32)
    hints[:, :, 30:37, 40:47] = np.array([60, 40, 1], np.float32)[:, None, None]
    plain, hinted = model.predict(grey), model.predict(grey, hints)
    assert hinted.ab.shape == plain.ab.shape == (1, 2, 70, 100)
    assert not np.array_equal(plain.ab, hinted.ab)
