"""A run restores as it was asked to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from imaging.errors import OptionsError
from operators.outcome import BatchOutcome, ScanReference
from operators.restore import RestoreOperator
from restoration.options import RestorationOptions
from restoration.tone import ToneOptions

BATCH = BatchOutcome(0, scans=(ScanReference(1),)).to_xcom()


def options_of(**asked: Any) -> RestorationOptions:
    hook: Any = SimpleNamespace(engine=None, store=None)
    options: RestorationOptions = (
        RestoreOperator(task_id="restore", batch=BATCH, **asked).worker(hook, {}).options
    )
    return options


def test_masters_are_left_as_they_are_unless_somebody_asks() -> None:
    assert options_of() == options_of(extras="[]") == RestorationOptions()


@pytest.mark.parametrize("extras", [["losses", "neutral"], '["neutral", "losses"]'])
def test_what_is_asked_for_besides_is_done(extras: Any) -> None:
    options = options_of(extras=extras, sensitivity="0.3")
    assert (options.mend_losses, options.tone, options.sensitivity) == (True, ToneOptions(neutral=True), 0.3)


def test_what_nobody_can_do_is_an_error() -> None:
    with pytest.raises(OptionsError, match="sharpen is unknown"):
        options_of(extras=["sharpen"])
