"""How far a task is, told to Airflow: a row in the task state store, a log line a minute.

The state store survives retries: a task that finds itself named there as having been in hand, died with it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

KEY = "progress"
IN_HAND = "in-hand"
STORE_SECONDS = 2.0
"""How often at most the state store is written; each write is a request to the api-server."""
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
        """Take the next photograph in hand."""
        self._subject = subject
        self._store(0.0)

    def share(self, share: float) -> None:
        """Note which share (0–1) of the photograph in hand is done."""
        now = self.clock()
        if now - self._stored >= STORE_SECONDS:
            self._store(share)
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            log.info(
                "%s: %.0f %% done, %d of %d photographs finished, %.0f min left",
                *(self._subject, 100 * share, self.done, self.total, self._minutes_left(share)),
            )

    def finish(self) -> None:
        """Lay the photograph in hand aside."""
        self.done += 1
        if self.done == self.total:
            self._store(0.0)

    def _minutes_left(self, share: float) -> float:
        finished = max(self.done + share, 1e-3)
        return (self.clock() - self._started) / finished * (self.total - finished) / 60

    def _store(self, share: float) -> None:
        self._stored = self.clock()
        if self.state is not None:
            value = {"done": self.done, "total": self.total, "photograph": self._subject}
            self.state.set(KEY, {**value, "share": round(share, 3)})


def deaths_with(state: Any, subject: str) -> int:
    """Return how many earlier tries of this task ended while they had `subject` in hand."""
    noted = state.get(IN_HAND) if state is not None else None
    return int(noted["tries"]) if isinstance(noted, dict) and noted.get("photograph") == subject else 0


def note_in_hand(state: Any, subject: str, tries: int) -> None:
    """Note that this try, the `tries`-th in a row, has `subject` in hand."""
    if state is not None:
        state.set(IN_HAND, {"photograph": subject, "tries": tries})
