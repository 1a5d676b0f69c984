"""Waits until the store's disk has room for what a task is about to write.

A disk that fills up half way would fail every photograph that is worked on. A task therefore looks at the
free space before each photograph and, where it does not suffice, says so and waits, until somebody makes room
or `LONGEST_WAIT` is over; nothing counts as lost or as tried meanwhile.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import StoreError
from operators import settings

log = logging.getLogger(__name__)

GIB = 1 << 30
LONGEST_WAIT = 12 * 3600.0
"""Seconds: a night. Then the task fails, and is tried again as after any fault of the disk."""
LOOK_SECONDS = 15.0
SAY_SECONDS = 600.0


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk on which `folder` is or will be, bytes."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


@dataclass(frozen=True)
class Space:
    """The space that tasks write into.

    Parameters
    ----------
    folder
        The store's folder.
    spare
        Bytes that stay free: for tasks that run at the same time, the catalog, and everything else.
    free
        Tells the free bytes of the folder's disk.
    clock, sleep
        The time, s.
    """

    folder: Path
    spare: int
    free: Callable[[Path], int] = free_bytes
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def shortage(self, needed: int) -> str | None:
        """Return in words that there is no room for `needed` bytes, or ``None`` where there is."""
        free = self.free(self.folder)
        if free >= needed + self.spare:
            return None
        return (
            f"{_gib(free)} are free on the disk of {self.folder}; {_gib(needed)} may be written, and "
            f"{_gib(self.spare)} are to stay free"
        )

    def wait_for(self, needed: int, subject: str) -> Iterator[str]:
        """Wait until there is room for `needed` bytes; yield what is missing each time it is looked at.

        Raises
        ------
        StoreError
            There was none for `LONGEST_WAIT`.
        """
        began = self.clock()
        said = float("-inf")
        while (shortage := self.shortage(needed)) is not None:
            now = self.clock()
            if now - began >= LONGEST_WAIT:
                remedy = (
                    "Free some space or give the store a larger disk, and run again: finished work is kept."
                )
                raise StoreError(subject, f"waited {LONGEST_WAIT / 3600:.0f} h for space: {shortage}", remedy)
            if now - said >= SAY_SECONDS:
                said = now
                log.warning("%s waits for space: %s. Make room: the run then goes on.", subject, shortage)
            yield shortage
            self.sleep(LOOK_SECONDS)
        if said > float("-inf"):
            log.info("%s: there is room again", subject)


def store_space() -> Space:
    """Return the space on the configured store's disk."""
    return Space(settings.store(), settings.spare_bytes())


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB"
