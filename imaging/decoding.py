"""What libvips says of a file it cannot decode, as one of our errors."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyvips

from imaging.disk import REMEDY, refused_by_disk
from imaging.errors import CorruptScan, StoreError
from imaging.files import SURROUNDINGS

_TROUBLES = sorted(SURROUNDINGS | {errno.EIO})

_PART = re.compile(r"^(?:\w+: )+")
_UNTOLD = ("unable to call", "unable to write to")
"""libvips says so when what it called failed without a word."""
_JPEG_LOSS = re.compile(r"^Corrupt JPEG data: |^premature end of JPEG (?:file|image)$", re.IGNORECASE)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn what libvips says while pixels of `path` stream into `CorruptScan`.

    A disk that is full of what was written meanwhile, be it a temporary copy, is a `StoreError`, and what the
    system reports of itself (no file handles, a disk that does not answer) an `OSError`: the scan is not to
    blame.
    """
    try:
        yield
    except pyvips.Error as error:
        if refused_by_disk(error):
            raise StoreError(path, "the disk took no more while it was read", REMEDY) from error
        if (trouble := _trouble_of_system(error)) is not None:
            raise OSError(trouble, os.strerror(trouble), os.fspath(path)) from error
        raise CorruptScan(path, reason(error), "Copy the file again or scan the photograph again.") from error


def _trouble_of_system(error: pyvips.Error) -> int | None:
    """Return the system's error number when libvips passes on what the system reports of itself."""
    # At a line's end, for a scan may be named anything.
    lines = [line.strip() for line in str(error).splitlines()]
    return next((n for n in _TROUBLES if any(line.endswith(os.strerror(n)) for line in lines)), None)


def reason(error: pyvips.Error) -> str:
    """Return the first line of what libvips says of the file, without the names of libvips' own parts."""
    lines = (_PART.sub("", line.strip()) for line in str(error.detail or "").splitlines())
    said = next((line for line in lines if line and not line.startswith(_UNTOLD)), "")
    if _JPEG_LOSS.search(said):
        return f"part of its picture is lost ({said.removeprefix('Corrupt JPEG data: ')})"
    return f"it cannot be decoded ({said})" if said else "its data is damaged and cannot be decoded"
