"""Processing several tiles at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from restoration.memory_arenas import use_one_arena

_MOST_TILES = 4
"""Processed at the same time by default; each takes about 200 MiB."""


@contextmanager
def tiles_in_parallel(threads: int = 0) -> Iterator[ThreadPoolExecutor]:
    """Process several tiles at once, with one thread per operator of a network.

    Threads within operators wait for one another by spinning, which, with other tasks on the same processors,
    costs ten times the work itself.

    Parameters
    ----------
    threads
        0: as many as there are processors, four at most.
    """
    use_one_arena()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads or min(_MOST_TILES, os.cpu_count() or 1)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
