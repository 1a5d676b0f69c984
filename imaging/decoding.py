"""What libvips says of a file it can not decode, as one of our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyvips

from imaging.disk import REMEDY, refused_by_disk
from imaging.errors import CorruptScan, StoreError


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn what libvips says while pixels of `path` stream into `CorruptScan`.

    A disk that is full of what was written meanwhile, be it a temporary copy, is a `StoreError`: the scan is
    not to blame.
    """
    try:
        yield
    except pyvips.Error as error:
        if refused_by_disk(error):
            raise StoreError(path, "the disk took no more while it was read", REMEDY) from error
        raise CorruptScan(path, reason(error), "Copy the file again or scan the photograph again.") from error


def reason(error: pyvips.Error) -> str:
    """Return the first line of what libvips says."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[0] if lines else "it can not be decoded"
