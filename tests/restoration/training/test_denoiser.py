import io
import json
import tarfile

import cv2
import numpy as np
import pytest
import torch

from restoration.denoising_network import DenoisingNetwork
from restoration.models import load
from restoration.training.denoiser import (
    LEVELS,
    VALIDATION,
    DenoisingTask,
    grain_field,
    initialize_from,
    main,
)


def photographs(number=VALIDATION + 2, side=96):
    random = np.random.default_rng(0)
    return [
        cv2.GaussianBlur(random.integers(0, 256, (side, side), np.uint8), (0, 0), 3) for _ in range(number)
    ]


def shard(path, pictures, extension=".jpg"):
    with tarfile.open(path, "w") as tar:
        for number, picture in enumerate(pictures):
            encoded = cv2.imencode(extension, picture)[1].tobytes()
            member = tarfile.TarInfo(f"{number}{extension}")
            member.size = len(encoded)
            tar.addfile(member, io.BytesIO(encoded))
    return path


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0, 2.0])
def test_grain_fields_have_unit_variance_whatever_their_size(size):
    field = grain_field(np.random.default_rng(1), (600, 600), size)
    assert field.std() == pytest.approx(1, rel=0.03)
    assert abs(field.mean()) < 0.03


def test_batches_follow_from_their_seed():
    task = DenoisingTask(photographs(), photographs(2), samples=6, side=32)
    one, same, other = (task.batch(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["noisy"], other["noisy"])


def test_batches_hold_clean_patches_and_a_curve_of_their_noise():
    batch = DenoisingTask(photographs(), samples=64, side=32).batch(np.random.default_rng(2))
    assert batch["clean"].shape == batch["noisy"].shape == (64, 1, 32, 32)
    assert batch["curve"].shape == (64, LEVELS)
    assert batch["clean"].min() >= 0 and batch["clean"].max() <= 1
    white = batch["grain"].flatten() == 0
    found = (batch["noisy"] - batch["clean"])[white].std((1, 2, 3))
    assert torch.corrcoef(torch.stack([found, batch["curve"][white].mean(1)]))[0, 1] > 0.95


def test_a_network_that_grows_denoises_as_the_smaller_one_did():
    torch.manual_seed(0)
    small = DenoisingNetwork(2, (8, 16), (1, 1), (1,))
    grown = DenoisingNetwork(2, (8, 16), (1, 2), (2,))
    noise = torch.rand(1, 1, 32, 32), torch.full((1, 1, 16, 16), 0.1), torch.zeros(1, 1, 1, 1)
    with torch.no_grad():
        assert not torch.equal(grown(*noise), small(*noise))
        initialize_from(grown, small.state_dict())
        assert torch.equal(grown(*noise), small(*noise))
    with pytest.raises(ValueError, match=r"larger network.*encoder\.1\.1"):
        initialize_from(small, grown.state_dict())


def test_the_training_command_writes_weights_that_load(tmp_path):
    shard(tmp_path / "grey-fullres.tar", photographs())
    shard(tmp_path / "train-0.tar", photographs(2), ".webp")
    weights = tmp_path / "weights"
    places = ["--photographs", str(tmp_path), "--into", str(tmp_path / "run"), "--weights", str(weights)]
    main([*places, *["--steps", "2", "--samples", "2", "--side", "32", "--export", "test"]])
    descriptor, network = load("grain", DenoisingNetwork, weights)
    assert descriptor.version == "test"
    assert descriptor.size.multiple_of == network.multiple
    assert json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])["step"] == 2
