"""Synthetic damage: what the truth about it must say."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from restoration.kinds import DamageKind
from restoration.training.backgrounds import recopy
from restoration.training.damage import HARDLY_SHOWS, Draw, damage
from restoration.training.distractors import add_distractor
from restoration.training.layers import draw_layers
from restoration.training.shapes import Shapes
from restoration.training.wear import draw_worn_layers

Picture = NDArray[np.float32]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Shapes:
    """Two scans: a speck, a hair and a scratch in the first, an enormous speck in the second."""
    speck = [[0, 0], [8, 1], [9, 8], [2, 9]]
    hair = [[0, 0], [40, 10], [60, 40], [58, 42], [38, 13], [0, 4]]
    scratch = [[0, 0], [300, 4], [300, 9], [0, 5]]
    enormous = [[0, 0], [4000, 0], [4000, 4000], [0, 4000]]
    kinds = (("dust", speck), ("long hair", hair), ("scratch", scratch))
    scans = [
        {"scan": 1, "defects": [{"kind": kind, "polygon": polygon} for kind, polygon in kinds]},
        {"scan": 9, "defects": [{"kind": "dust", "polygon": enormous}]},
    ]
    path = tmp_path_factory.mktemp("shapes") / "defects.json.gz"
    with gzip.open(path, "wt") as stream:
        json.dump(scans, stream)
    return Shapes(path, [1])


@pytest.mark.parametrize("draw", [draw_layers, draw_worn_layers])
@pytest.mark.parametrize("kind", list(DamageKind))
def test_damage_is_of_the_kind_asked_for_and_nowhere_else(
    photograph: Picture, shapes: Shapes, kind: DamageKind, draw: Draw
) -> None:
    seen = 0
    for seed in range(6):
        hurt = damage(photograph, shapes, np.random.default_rng(seed), {kind}, draw=draw)
        assert set(np.unique(hurt.kinds)) <= {0, kind}
        sound = (hurt.kinds == 0) & ~hurt.doubtful
        assert abs(hurt.picture - hurt.clean)[sound].max() <= HARDLY_SHOWS
        assert not (hurt.doubtful & (hurt.kinds > 0)).any()
        seen += int((hurt.kinds > 0).sum())
    assert seen > 50


def test_held_out_scans_are_not_drawn_from(photograph: Picture, shapes: Shapes) -> None:
    for seed in range(4):
        hurt = damage(photograph, shapes, np.random.default_rng(seed), {DamageKind.DUST})
        assert (hurt.kinds > 0).mean() < 0.2  # the enormous speck would cover it all


def test_damage_is_light_and_dark(photograph: Picture, shapes: Shapes) -> None:
    changes = []
    for seed in range(20):
        hurt = damage(photograph, shapes, np.random.default_rng(seed), {DamageKind.DUST})
        changes += list((hurt.picture - hurt.clean)[hurt.kinds > 0])
    assert min(changes) < -0.2
    assert max(changes) > 0.2


def test_the_same_seed_is_the_same_damage(photograph: Picture, shapes: Shapes) -> None:
    first, second = (damage(photograph, shapes, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.picture, second.picture)
    assert np.array_equal(first.kinds, second.kinds)


def test_distractors_are_pictures(photograph: Picture) -> None:
    for seed in range(40):
        picture = add_distractor(photograph, np.random.default_rng(seed))
        assert picture.shape == photograph.shape
        assert picture.dtype == np.float32
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_real_shapes_come_in_three_kinds() -> None:
    path = Path(__file__).parents[3].parent / "shared" / "damage" / "film-defects.json.gz"
    if not path.exists():
        pytest.skip("the outlines of real defects are not beside this checkout")
    shapes = Shapes(path, [1])
    random = np.random.default_rng(0)
    drawn = {kind for kind in DamageKind if shapes.draw(kind, random) is not None}
    assert drawn == {DamageKind.DUST, DamageKind.HAIR, DamageKind.SCRATCH}


def test_copies_of_copies_have_halos_and_eight_bits() -> None:
    edge = np.full((64, 64), 0.3, np.float32)
    edge[:, 32:] = 0.7
    halos = 0
    for seed in range(12):
        copied = recopy(edge, np.random.default_rng(seed))
        np.testing.assert_array_equal(np.rint(copied * 255) / np.float32(255), copied)
        halos += int(copied[:, 32:38].mean(axis=0).max() > 0.71)
    assert halos >= 5
