"""What the C library keeps of memory that was freed."""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Of glibc's ``malloc.h``; see mallopt(3)."""
_MIB = 2**20


@cache
def share_heap() -> None:
    """Let all threads of this process draw on one heap, which keeps what a tile gave back for the next.

    By itself glibc gives each thread a heap, and each keeps what it once held, the feature maps of one tile
    after another: a photograph of 256 megapixels took up to 1.7 GB instead of 1.2 to 1.4. And it returns
    large blocks to the system, which hands them out again page by page: two threads that take noise away are
    held up by that for a sixth of their time. Does nothing where the C library has no such settings, and
    little where threads have been at work before.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)
        set_option(_M_MMAP_THRESHOLD, 32 * _MIB)  # the largest that is allowed
        set_option(_M_TRIM_THRESHOLD, 128 * _MIB)
