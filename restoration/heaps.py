"""What the C library keeps of memory that was freed."""

from __future__ import annotations

import ctypes
from functools import cache

_M_ARENA_MAX = -8
"""Of glibc's ``malloc.h``."""
_HEAPS = 2


@cache
def share_heaps() -> None:
    """Let all threads of this process draw on the same few heaps.

    glibc gives each thread a heap of its own (mallopt(3), M_ARENA_MAX), and each keeps what it once held:
    the feature maps of one tile after another. With shared ones a photograph of 256 megapixels takes 1.2 to
    1.4 GB instead of up to 1.7, and no longer. Does nothing where the C library has no such setting, and
    little where threads have been at work before.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, _HEAPS)
