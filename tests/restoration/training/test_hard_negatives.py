import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imaging.networks.descriptor import SizeRequirements
from restoration.defects import CUES
from restoration.models import RestorationDescriptor
from restoration.network import MultiscaleDetector
from restoration.training.detector import OUTPUTS, draw_sample
from restoration.training.export import export
from restoration.training.hard_negatives import hardest, main, may_be_damaged
from restoration.training.shapes import Shapes

SETTINGS = {"inputs": CUES, "outputs": OUTPUTS, "widths": [8, 8, 8, 8, 8]}


def test_the_hardest_are_returned_by_index() -> None:
    assert hardest([0, 500, 23, 24, 90], most=2) == [1, 4]
    assert hardest([0, 500, 23, 24, 90], most=9) == [1, 3, 4]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rows = ["shard\tfile\tsource"]
    with tarfile.open(tmp_path / "train-0.tar", "w") as tar:
        for number, source in enumerate(("sun", "fsac", "houses", "sun")):
            pixels = np.full((64, 64), 40 * number, np.uint8)
            encoded = cv2.imencode(".png", pixels)[1].tobytes()
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(encoded)
            tar.addfile(member, io.BytesIO(encoded))
            rows.append(f"train-0\t{number}.png\t{source}")
    (tmp_path / "index.tsv").write_text("\n".join(rows))
    return tmp_path


def test_hard_negatives_are_what_a_detector_mistakes_but_not_old_photographs(
    photos: Path, tmp_path: Path
) -> None:
    network = MultiscaleDetector(**SETTINGS)
    torch.nn.init.constant_(network.look.unet.head.bias, 5.0)  # takes everything for damage
    descriptor = RestorationDescriptor(
        name="detector",
        version="1",
        network="",
        settings=SETTINGS,
        size=SizeRequirements(multiple_of=32),
        context=0,
    )
    export(network, descriptor, tmp_path)
    assert may_be_damaged(photos / "index.tsv") == {("train-0", "1.png")}
    file = tmp_path / "mistaken.json"
    common = [str(file), "--photos", str(photos), "--weights", str(tmp_path), "--processes", "1"]
    main(common)
    assert json.loads(file.read_text()) == [0, 2, 3]
    main([*common, "--every", "2"])
    assert json.loads(file.read_text()) == [0, 2]


def test_hard_negatives_and_old_scans_are_drawn_more_often() -> None:
    ordinary, other = np.full((99, 99), 20, np.uint8), np.full((99, 99), 230, np.uint8)
    random = np.random.default_rng(1)
    shapes = Shapes.__new__(Shapes)
    shapes._polygons = {kind: [] for kind in range(1, 7)}

    def share(**shown: Sequence[NDArray[np.uint8]]) -> float:
        drawn = [draw_sample([ordinary], shapes, 48, random, **shown)[0] for _ in range(200)]
        return float(np.mean([np.median(picture) > 0.5 for picture in drawn]))

    assert 0.12 < share(mistaken=[other]) < 0.35  # half of the undamaged three tenths, a tenth of the others
    assert 0.15 < share(scans=[other]) < 0.35  # a quarter
    assert share() < 0.05
