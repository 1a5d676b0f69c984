"""Working on several tiles at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from restoration.heaps import share_heap

_MOST_TILES = 4
"""Worked on at the same time unless asked otherwise; each takes about 200 MiB."""


@contextmanager
def tiles_in_parallel(threads: int = 0) -> Iterator[ThreadPoolExecutor]:
    """Work on several tiles at once, each operator of a network in one thread.

    The other way round, threads within operators wait for each other actively, which beside other tasks on
    the same processors costs ten times the work itself.

    Parameters
    ----------
    threads
        0: as many as there are processors, four at most.
    """
    share_heap()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads or min(_MOST_TILES, os.cpu_count() or 1)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
