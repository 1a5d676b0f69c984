"""The progress of a task, reported to Airflow: a row in the task state store, a log line a minute.

The state store survives retries: a photograph that a retry finds counted there was being worked on when an
earlier try crashed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

KEY = "progress"
CRASH_COUNTS = "in-hand"
STORE_SECONDS = 2.0
"""The shortest interval between writes to the state store; each write is a request to the api-server."""
LOG_SECONDS = 60.0


@dataclass
class Progress:
    """The progress of one task through its photographs.

    Parameters
    ----------
    total
        Photographs in the task's batch.
    state
        Airflow's task state store, or ``None`` outside of a task.
    clock
        Seconds, monotonic.
    """

    total: int
    state: Any = None
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    _subject: str = ""
    _stored: float = field(default=float("-inf"), init=False)
    _logged: float = field(init=False)
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._logged = self._started = self.clock()

    def begin(self, subject: str) -> None:
        """Start on the next photograph."""
        self._subject = subject
        self._store(0.0)

    def wait(self, subject: str, reason: str) -> None:
        """Note that work on the next photograph waits, and why."""
        self._subject = subject
        self._store(0.0, waiting=reason)

    def share(self, share: float) -> None:
        """Note which share (0–1) of the current photograph is done."""
        now = self.clock()
        if now - self._stored >= STORE_SECONDS:
            self._store(share)
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            log.info(
                "%s: %.0f %% done, %d of %d photographs finished, %.1f min left",
                *(self._subject, 100 * share, self.done, self.total, self._minutes_left(share)),
            )

    def finish(self) -> None:
        """Count the current photograph as done."""
        self.done += 1
        if self.done == self.total:
            self._store(0.0)

    def _minutes_left(self, share: float) -> float:
        finished = max(self.done + share, 1e-3)
        return (self.clock() - self._started) / finished * (self.total - finished) / 60

    def _store(self, share: float, **more: str) -> None:
        self._stored = self.clock()
        if self.state is not None:
            value = {"done": self.done, "total": self.total, "photograph": self._subject}
            self.state.set(KEY, {**value, "share": round(share, 3), **more})


class CrashCounter:
    """Counts for each photograph how many earlier tries crashed while they worked on it.

    Parameters
    ----------
    state
        Airflow's task state store, which outlives a try; or ``None`` outside of a task.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        noted = state.get(CRASH_COUNTS) if state is not None else None
        self._tries: dict[str, int] = dict(noted) if isinstance(noted, dict) else {}

    def crashes(self, subject: str) -> int:
        """Return how many tries have crashed while they worked on `subject`."""
        return self._tries.get(subject, 0)

    def start(self, subject: str) -> None:
        """Count a crash over `subject` in advance; `forget` takes it back when there was none."""
        self._tries[subject] = self.crashes(subject) + 1
        self._store()

    def forget(self, subject: str) -> None:
        """Forget `subject`; that is written down with the next one, to save a request."""
        self._tries.pop(subject, None)

    def forget_at_once(self, subject: str) -> None:
        """Forget `subject` and write that down at once; where the state store is out of reach, let it be."""
        self.forget(subject)
        with suppress(Exception):
            self._store()

    def close(self) -> None:
        """Forget all photographs."""
        self._tries.clear()
        self._store()

    def _store(self) -> None:
        if self._state is not None:
            self._state.set(CRASH_COUNTS, self._tries)
