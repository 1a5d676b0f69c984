"""Service copies made beside a server: one after the other, in a process of its own and of low priority.

A scan that no workflow made a copy of must not take time or memory from those who look at other pictures, and
a file that breaks its decoder must not break the server. The queue is bounded: who finds it full asks again.
The process ends with the server, however that ends.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path

from catalog.iiif.service_copies import ServedScan, ServiceCopies

logger = logging.getLogger(__name__)

MOST_WAITING = 32
"""Scans that may wait for their copies."""
MOST_SECONDS = 1800.0
"""Time for one copy; a gigapixel takes a minute or two on one thread."""

_LOWEST_PRIORITY = 19
"""Of nice(2): who answers comes first."""


class CopyMaker:
    """Makes copies in the background.

    Parameters
    ----------
    copies
        Where they belong.
    """

    def __init__(self, copies: ServiceCopies) -> None:
        self._copies = copies
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, ServedScan] = OrderedDict()
        self._works = False

    def ask(self, scan: ServedScan) -> bool:
        """Have the copy of a scan made; return whether it waits its turn: not where the queue is full."""
        with self._lock:
            if scan.image in self._asked:
                return True
            if len(self._asked) >= MOST_WAITING:
                return False
            self._asked[scan.image] = scan
            if not self._works:
                self._works = True
                threading.Thread(target=self._work, name="service copies", daemon=True).start()
        return True

    def _work(self) -> None:
        while scan := self._next():
            try:
                well = self._make(scan)
            except OSError:
                logger.exception("no process could be started for service copies")
                well = False
            if not well:
                self._copies.give_up(scan)
            with self._lock:
                del self._asked[scan.image]

    def _next(self) -> ServedScan | None:
        with self._lock:
            scan = next(iter(self._asked.values()), None)
            self._works = scan is not None
            return scan

    def _make(self, scan: ServedScan) -> bool:
        told = (self._copies.root, scan.image, scan.original, scan.page, scan.pixels)
        with subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", __name__, *map(str, told)],
            # The process reads its standard input until this one is gone.
            stdin=subprocess.PIPE,
            env={**os.environ, "VIPS_CONCURRENCY": "1"},
        ) as process:
            try:
                status = process.wait(MOST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                logger.warning("no service copy of %s: it took more than %d s", scan.image, MOST_SECONDS)
                return False
        return status == os.EX_OK


def _main(root: str, image: str, original: str, page: str, pixels: str) -> int:
    os.nice(_LOWEST_PRIORITY)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    scan = ServedScan(image, Path(original), int(page), int(pixels))
    return os.EX_OK if ServiceCopies(Path(root)).make(scan) else os.EX_DATAERR


def _end_with_the_server() -> None:
    # Not through a buffer, whose lock an ordinary end of the process would find held.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
