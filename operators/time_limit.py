"""Breaks work off that takes many times longer than it should: no photograph holds a run up forever."""

from __future__ import annotations

import faulthandler
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never

from imaging.errors import HeliochromeError

GRACE_SECONDS = 300.0
"""So much later the process ends itself, where a library does not return to Python, which alone can raise."""
_STDERR = 2


@contextmanager
def time_limit(seconds: float, subject: str) -> Iterator[None]:
    """Raise `HeliochromeError` in the block after so many seconds.

    Python raises once the library in hand returns. Where that takes `GRACE_SECONDS` more, the process writes
    every thread's stack to the log and ends: a crash over this photograph, as `operators.batch` counts them.
    Signals reach the main thread only, so that elsewhere nothing is limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number: int, frame: FrameType | None) -> Never:
        fault = f"work on it was broken off: it had taken more than {seconds / 60:.0f} min"
        remedy = (
            "See in the task's log what it was at, and what else the machine does; a new run tries again."
        )
        raise HeliochromeError(subject, fault, remedy)

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=_STDERR)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
