"""Progress is written often enough to be seen and seldom enough to cost nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from operators.progress import KEY, Progress


class Counting(dict[str, Any]):
    writes = 0

    def set(self, key: str, value: Any) -> None:
        self.writes += 1
        self[key] = value


def test_progress_is_stored_every_two_seconds_and_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    state = Counting()
    progress = Progress(2, state, clock=lambda: now[0])
    progress.begin("a.tif")
    with caplog.at_level(logging.INFO):
        for step in range(1500):
            now[0] = step / 10
            progress.share(step / 1500)
    assert 70 <= state.writes <= 80
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "a.tif: 40 % done",
        "a.tif: 80 % done",
    ]
    assert state[KEY] | {"share": 0} == {"done": 0, "total": 2, "photograph": "a.tif", "share": 0}


def test_progress_needs_no_task() -> None:
    progress = Progress(1)
    progress.begin("a.tif")
    progress.share(0.5)
    progress.finish()
    assert progress.done == 1
