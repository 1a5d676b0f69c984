"""Memory of a process that does nothing but serve pictures: given back as soon as an answer is sent.

Changes how the whole process allocates; libraries and workers leave it alone.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of glibc's ``malloc.h``; see mallopt(3)."""
_PIECE = 128 << 10
"""Pieces of a picture are larger than this, bytes: fixed, for glibc raises it as it goes and keeps them."""


def give_back_early() -> None:
    """Let libvips forget finished operations, and glibc return what pictures took, where there is glibc.

    Pictures are kept open by `catalog.iiif.rendering`: what libvips remembers besides would hold their tiles.
    """
    import pyvips

    pyvips.cache_set_max(0)
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _PIECE)
        set_option(_M_TRIM_THRESHOLD, _PIECE)
