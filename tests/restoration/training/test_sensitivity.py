"""Choosing the sensitivity: what is found and mistaken is counted as the benchmark counts it."""

from __future__ import annotations

import numpy as np
import pytest

from restoration.kinds import DamageKind
from restoration.training.damage import Damaged
from restoration.training.sensitivity import false_alarms, scores


def _case() -> tuple[Damaged, np.ndarray]:
    """A square of loss, and evidence that knows it surely; a fainter square that is nothing."""
    kinds = np.zeros((60, 60), np.uint8)
    kinds[10:30, 10:30] = DamageKind.LOSS
    doubtful = np.zeros((60, 60), np.bool_)
    doubtful[8:32, 8:32] = kinds[8:32, 8:32] == 0
    evidence = np.full((1 + len(DamageKind), 60, 60), -9, np.float32)
    evidence[0, 10:30, 10:30] = 20
    evidence[DamageKind.LOSS, 10:30, 10:30] = 20
    evidence[0, 40:50, 40:50] = -2
    picture = np.zeros((60, 60), np.float32)
    return Damaged(picture, picture, kinds, doubtful), evidence


def test_what_is_surely_known_is_found_and_rims_count_neither_way() -> None:
    reached = scores([_case()], 0.5)
    assert reached["f1"] == reached["f1_loss"] == 1
    assert reached["f1_dust"] == 0


def test_false_alarms_come_with_sensitivity() -> None:
    _, evidence = _case()
    evidence[0, :35] = -9
    evidence[0, 40:50, 40:50] = -0.05  # not plain: the picture counts as clean
    assert false_alarms([evidence], 0.3) == 0
    assert false_alarms([evidence], 0.95) == pytest.approx(100 / 3600)
