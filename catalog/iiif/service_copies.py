"""Pyramids of scans that are none: what the image service and the static site serve originals from.

Reads originals, writes ``service/ab/<image>.tif`` below the store's root. A copy is made once, when it is
first asked for, and is whole or absent; deleting the folder loses nothing but time. Where the store can not
be written, the scan itself is served, unless it is a later page of its file.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from pathlib import Path

from catalog.iiif.addresses import path_token
from imaging.errors import StoreError

logger = logging.getLogger(__name__)

FOLDER = "service"
SMALL_PIXELS = 1_000_000
"""A scan with no more px is quick enough as it is."""

_QUALITY = 92
_TILE = 256


class ServiceCopies:
    """The copies below one store.

    Parameters
    ----------
    root
        The store's root.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def prepare(self, original: Path, image: str, *, page: int, pixels: int) -> tuple[Path, bool]:
        """Return the file to serve `image` from, and whether it is a pyramid.

        Raises
        ------
        ScanError
            When the original can not be read.
        OSError, StoreError
            When the store can not be written and the scan is a later page of its file.
        """
        if pixels <= SMALL_PIXELS and page == 0:
            return original, False
        copy = self._folder / image[:2] / f"{path_token(image)}.tif"
        with self._turns[image]:
            if copy.exists():
                return copy, True
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                _write(original, copy, page)
            except (OSError, StoreError) as error:
                logger.warning("no service copy of %s: %s", image, error)
                if page:
                    raise
                return original, False
        return copy, True


def _write(original: Path, copy: Path, page: int) -> None:
    from imaging.pyramid import Compression, PyramidOptions, write_pyramid  # noqa: PLC0415
    from imaging.scan import decoding, open_scan  # noqa: PLC0415

    with decoding(original):
        scan = open_scan(original, page=page, sequential=True)
        eight_bits = scan.colourspace("srgb" if scan.bands == 3 else "b-w")
        write_pyramid(eight_bits, copy, PyramidOptions(Compression.JPEG, quality=_QUALITY, tile=_TILE))
