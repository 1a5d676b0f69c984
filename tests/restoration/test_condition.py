"""The condition of a photograph, and what it does to the thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from restoration.condition import Condition, Grade
from restoration.kinds import DamageKind


def _evidence(share: float, kind: DamageKind) -> np.ndarray:
    """Return evidence of 100,000 pixels, of which a `share` is plainly damaged."""
    evidence = np.full((1 + len(DamageKind), 100, 1000), -4, np.float32)
    evidence[0].flat[: round(share * 100_000)] = 2
    evidence[kind] = 1
    return evidence


@pytest.mark.parametrize(
    ("share", "grade"),
    [(0, Grade.SOUND), (5e-4, Grade.WORN), (5e-3, Grade.DAMAGED), (0.05, Grade.BADLY_DAMAGED)],
)
def test_a_photograph_is_as_damaged_as_its_plain_share_says(share: float, grade: Grade) -> None:
    condition = Condition.of(_evidence(share, DamageKind.CRACK))
    assert condition.grade is grade
    assert condition.share == pytest.approx(share)
    assert condition.shares[DamageKind.CRACK] == pytest.approx(share)
    figures = condition.figures()
    assert figures["condition"] == grade.value
    assert figures["condition_kinds"] == ("crack" if share else "")


def test_worn_prints_are_searched_more_boldly_than_clean_ones() -> None:
    boldness = [Condition.of(_evidence(share, DamageKind.DUST)).boldness for share in (0, 1e-3, 3e-3, 0.1, 1)]
    assert boldness == sorted(boldness)
    assert boldness[0] == -1
    assert boldness[2] == pytest.approx(0)
    assert boldness[-1] == 1
