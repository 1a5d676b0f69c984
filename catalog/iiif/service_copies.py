"""Pyramids of scans that are none: what the image service and the static site serve originals from.

Reads originals, writes ``service/ab/<image>.tif`` below the store's root. The workflow makes a copy before a
photograph is reviewed or published; a server only looks, and has those that lack made in the background
(`catalog.iiif.copy_maker`). A copy is made once and is whole or absent; deleting the folder loses nothing but
time. Where none can be made, the scan itself is served, unless it is a later page of its file.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from cachetools import TTLCache

from catalog.durability import exclusive
from catalog.iiif.addresses import path_token
from imaging.errors import HeliochromeError, StoreError
from imaging.fixity import remove_partials

logger = logging.getLogger(__name__)

FOLDER = "service"
SMALL_PIXELS = 1_000_000
"""A scan with no more px is quick enough as it is."""
PATIENCE_SECONDS = 600.0
"""How long nobody tries again to make a copy that could not be made."""

_MOST_GIVEN_UP = 512
_QUALITY = 92
_TILE = 256


@dataclass(frozen=True)
class ServedScan:
    """A scan to serve.

    Parameters
    ----------
    image
        Its identifier in the image service.
    original
        Where the file lies.
    page
        Page in the file.
    pixels
        How many it has.
    """

    image: str
    original: Path
    page: int
    pixels: int

    @property
    def needs_copy(self) -> bool:
        """Whether it is served from a copy."""
        return self.pixels > SMALL_PIXELS or self.page > 0


class ServiceCopies:
    """The copies below one store.

    Parameters
    ----------
    root
        The store's root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._given_up: TTLCache[str, None] = TTLCache(_MOST_GIVEN_UP, PATIENCE_SECONDS)
        self._lock = threading.Lock()

    def find(self, scan: ServedScan) -> tuple[Path, bool] | None:
        """Return the file to serve a scan from, and whether it is a pyramid; ``None`` when it is to be made.

        Raises
        ------
        StoreError
            When no copy could be made of a later page.
        """
        if not scan.needs_copy:
            return scan.original, False
        copy = self._copy(scan)
        if copy.exists():
            return copy, True
        with self._lock:
            if scan.image not in self._given_up:
                return None
        if scan.page:
            fault = "has no copy that could be served"
            raise StoreError(scan.image, fault, "Look into the log why none could be made.")
        return scan.original, False

    def make(self, scan: ServedScan) -> bool:
        """Make the copy of a scan unless there is one or none is needed; return whether all is there now."""
        copy = self._copy(scan)
        if not scan.needs_copy or copy.exists():
            return True
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(copy.with_suffix(".lock")):
                if not copy.exists():
                    remove_partials(copy)
                    _write(scan.original, copy, scan.page)
        except (OSError, HeliochromeError) as error:
            logger.warning("no service copy of %s: %s", scan.image, error)
            self.give_up(scan)
            return False
        return True

    def give_up(self, scan: ServedScan) -> None:
        """Let nobody try for a while to make the copy of a scan."""
        with self._lock:
            self._given_up[scan.image] = None

    def _copy(self, scan: ServedScan) -> Path:
        return self.root / FOLDER / scan.image[:2] / f"{path_token(scan.image)}.tif"


def _write(original: Path, copy: Path, page: int) -> None:
    from imaging.pyramid import Compression, PyramidOptions, write_pyramid
    from imaging.scan import decoding, open_scan

    with decoding(original):
        scan = open_scan(original, page=page, sequential=True)
        eight_bits = scan.colourspace("srgb" if scan.bands == 3 else "b-w")
        write_pyramid(eight_bits, copy, PyramidOptions(Compression.JPEG, quality=_QUALITY, tile=_TILE))
