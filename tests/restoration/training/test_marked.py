"""Marked prints: masks stay where the picture is, and what is laid on others changes nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration.kinds import DamageKind
from restoration.training.marked import DOUBTFUL, FOLDS, MarkedPrint, cut_marked, fold_of, lay_on, read_marked


def _marked() -> MarkedPrint:
    """Return an even print whose damage is white, so that a picture tells where it should be marked."""
    kinds = np.zeros((300, 240), np.uint8)
    kinds[40:90, 60:200] = DamageKind.LOSS
    kinds[200:212, :] = DamageKind.CRACK
    picture = np.where(kinds > 0, np.float32(1), np.float32(0.3))
    return MarkedPrint("one", picture, kinds)


def test_marks_stay_on_what_they_mark() -> None:
    random = np.random.default_rng(5)
    for _ in range(40):
        picture, kinds = cut_marked(_marked(), 128, random)
        assert picture.shape == kinds.shape == (128, 128)
        light = picture > (picture.min() + picture.max()) / 2
        if not (kinds > 0).any() or (kinds > 0).all():
            continue
        inside = cv2.erode((kinds > 0).view(np.uint8), np.ones((5, 5), np.uint8)) > 0
        outside = cv2.dilate((kinds > 0).view(np.uint8), np.ones((5, 5), np.uint8)) == 0
        within = (slice(2, -2), slice(2, -2))  # what is marked just outside the cut may reach into it
        assert light[inside].all()
        assert not light[within][outside[within]].any()


def test_damage_laid_on_a_photograph_changes_what_is_marked_and_little_else() -> None:
    random, clean = np.random.default_rng(2), np.full((200, 220), np.float32(0.4))
    laid = 0
    for _ in range(20):
        picture, kinds = lay_on(clean, [_marked()], random, 0.05)
        changed = abs(picture - clean) > 0.05
        assert set(np.unique(kinds)) <= {0, DamageKind.LOSS, DamageKind.CRACK, DOUBTFUL}
        assert not changed[kinds == 0].any()
        assert changed[(kinds > 0) & (kinds != DOUBTFUL)].mean() > 0.9 or not changed.any()
        laid += bool(changed.any())
    assert laid > 10


def test_folds_part_damaged_and_sound_prints_alike() -> None:
    sound = [MarkedPrint(f"s{i}", np.zeros((4, 4), np.float32), np.zeros((4, 4), np.uint8)) for i in range(6)]
    prints = [*sound, *(MarkedPrint(f"d{i}", _marked().picture, _marked().kinds) for i in range(7))]
    folds = [fold_of(one.name, prints) for one in prints]
    assert [folds[:6].count(fold) for fold in range(FOLDS)] == [2, 2, 2]
    assert [folds[6:].count(fold) for fold in range(FOLDS)] == [3, 2, 2]


def test_masks_are_read_in_the_kinds_of_damage(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((2, 3), 128, np.uint8))
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), np.array([[0, 1, 2], [3, 5, 255]], np.uint8))
    (one,) = read_marked(tmp_path)
    assert one.name == "a"
    assert one.damaged
    assert one.kinds.tolist() == [
        [0, DamageKind.SCRATCH, DamageKind.CRACK],
        [DamageKind.DUST, DamageKind.MOLD, DOUBTFUL],
    ]


def test_a_mask_that_does_not_decode_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((2, 3), np.uint8))
    (tmp_path / "masks" / "a.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"a\.png"):
        read_marked(tmp_path)
