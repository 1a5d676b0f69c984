"""Prints drawn for training: what is said to be sound is, and what is left out is not shown."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration.kinds import DamageKind
from restoration.training.prints import Overlays, PrintMaterial, draw_print, draw_print_layers
from restoration.training.shapes import Shapes


def _tar(path: Path, pictures: dict[str, np.ndarray]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, picture in pictures.items():
            data = cv2.imencode(Path(name).suffix, picture)[1].tobytes()
            member = tarfile.TarInfo(f"folder/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def overlays(tmp_path: Path) -> Overlays:
    fold = np.full((120, 160), 40, np.uint8)
    fold[:, 78:81] = 220
    mask = np.zeros((50, 60), np.uint8)
    mask[24:27] = 1
    return Overlays(
        _tar(tmp_path / "o.tar", {"fold-1.jpg": fold, "texture-1.jpg": fold}),
        _tar(tmp_path / "c.tar", {"cfd-1.png": mask, "print-known-1.png": mask, "print-other-1.png": mask}),
        without=["known"],
    )


@pytest.fixture
def shapes(tmp_path: Path) -> Shapes:
    path = tmp_path / "shapes.json.gz"
    with gzip.open(path, "wt") as stream:
        json.dump([{"scan": 1, "defects": [{"kind": "dust", "polygon": [[0, 0], [4, 0], [4, 4]]}]}], stream)
    return Shapes(path, [1])


def test_only_the_ridge_of_a_fold_is_taken_and_what_is_measured_on_is_left_out(overlays: Overlays) -> None:
    (fold,) = overlays.folds
    assert fold[:, 79].min() > 0.8
    assert fold[:, :70].max() < 0.1
    assert len(overlays.cracks) == 2


def test_the_same_chance_draws_the_same_print(overlays: Overlays, shapes: Shapes) -> None:
    photographs = [np.random.default_rng(1).integers(0, 256, (150, 200), np.uint8)]
    material = PrintMaterial(photographs, photographs, shapes, overlays)
    damaged = 0
    for seed in range(30):
        first, second = (draw_print(material, 128, np.random.default_rng(seed)) for _ in range(2))
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)
        picture, kinds = first
        assert picture.shape == kinds.shape == (128, 128)
        assert 0 <= picture.min() <= picture.max() <= 1
        assert set(np.unique(kinds)) <= {0, *DamageKind, 255}
        damaged += bool(((kinds > 0) & (kinds < 255)).any())
    assert 8 <= damaged <= 24  # somewhat more than half are meant to be


@pytest.mark.parametrize("kind", list(DamageKind))
def test_layers_cover_shares_and_pull_to_densities(
    kind: DamageKind, overlays: Overlays, shapes: Shapes
) -> None:
    covered = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        for coverage, density in draw_print_layers(overlays, kind, (96, 128), shapes, 1.0, random):
            assert coverage.shape == (96, 128)
            assert 0 <= coverage.min() <= coverage.max() <= 1
            assert 0 <= density < 3
            covered += bool(coverage.max() > 0.1)
    assert covered > 15
