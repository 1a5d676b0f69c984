"""Memory arenas: threads share one, so that what they freed is not kept once for each of them."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, re, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from restoration.memory_arenas import use_one_arena

if sys.argv[1] == "shared":
    use_one_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
meet = Barrier(6)


def take(_):
    meet.wait()
    libc.malloc(1000)


with ThreadPoolExecutor(6) as pool:
    list(pool.map(take, range(6)))
with tempfile.NamedTemporaryFile("r") as report:
    libc.fopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fopen(report.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(len(re.findall("<heap nr", report.read())))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's own")
def test_threads_share_one_arena() -> None:
    def count(how: str) -> int:
        command = [sys.executable, "-c", ARENAS, how]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert count("shared") == 1 < count("own")
