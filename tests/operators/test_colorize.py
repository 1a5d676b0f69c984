"""A run colorizes when it was asked for colors, in whichever words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from operators.batch import BatchOperator
from operators.colorize import ColorizeOperator
from operators.outcome import BatchOutcome, ScanReference

BATCH = BatchOutcome(0, scans=(ScanReference(1),)).to_xcom()


@pytest.fixture
def colorized(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand in for the work itself."""
    outcome = BatchOutcome(0, scans=(ScanReference(1, (7,)),)).to_xcom()
    monkeypatch.setattr(BatchOperator, "execute", lambda self, context: outcome)
    return outcome


@pytest.mark.parametrize("produce", [["colorized"], '["restored", "colorized"]', '["alternatives"]'])
def test_colors_and_alternatives_to_them_are_colorization(produce: Any, colorized: dict[str, Any]) -> None:
    operator = ColorizeOperator(task_id="colorize", batch=BATCH, produce=produce)
    assert operator.execute({}) == colorized


@pytest.mark.parametrize("produce", [["restored"], '["restored"]', "[]"])
@pytest.mark.usefixtures("colorized")
def test_what_was_not_asked_for_is_not_colorized(produce: Any) -> None:
    operator = ColorizeOperator(task_id="colorize", batch=BATCH, produce=produce)
    assert operator.execute({}) == BATCH


@pytest.mark.parametrize(("produce", "alternatives"), [('["alternatives"]', 2), ('["colorized"]', 0)])
def test_alternatives_are_made_where_asked_for(
    produce: str, alternatives: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr("operators.configured.chosen", lambda model, number, restraint: made.append(number))
    monkeypatch.setattr("operators.work.colorization.Coloring", lambda *arguments: None)
    hook: Any = SimpleNamespace(engine=None, store=None)
    ColorizeOperator(task_id="colorize", batch=BATCH, produce=produce).worker(hook, {})
    assert made == [alternatives]
