"""Work that does not end is broken off, whether Python or a library is at it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from imaging.errors import HeliochromeError, Scope
from operators.time_limit import time_limit


def test_work_is_broken_off_as_the_photographs_fault() -> None:
    before = signal.getsignal(signal.SIGALRM)
    broken_off = pytest.raises(HeliochromeError, match=r"a\.tif: work on it was broken off")
    with broken_off as caught, time_limit(0.05, "a.tif"):
        time.sleep(30)
    assert caught.value.scope is Scope.ITEM
    assert signal.getsignal(signal.SIGALRM) is before
    with time_limit(0.05, "a.tif"):
        pass
    time.sleep(0.1)  # nothing rings after the block


def test_process_whose_library_does_not_return_ends_and_says_where_it_was() -> None:
    code = (
        "import ctypes, operators.time_limit as limits; limits.GRACE_SECONDS = 0.2\n"
        "with limits.time_limit(2, 'a.tif'):\n"
        "    while True:\n"
        "        try: ctypes.CDLL(None).sleep(60)\n"
        "        except Exception: pass\n"  # what a callback of a library makes of an exception
    )
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert time.monotonic() - began < 50
    assert 'File "<string>", line 4' in ended.stderr


def test_other_threads_are_not_limited() -> None:
    def work() -> None:
        with time_limit(0.01, "a.tif"):
            time.sleep(0.05)
        done.set()

    done = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=10)
    assert done.is_set()
