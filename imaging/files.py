"""Files that others write: whether they are complete, whether they change, and where they are."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import ForbiddenScan, UnfinishedScan

SYSTEM_ERRNOS = frozenset(
    {
        # The disk is full, read-only or gone.
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN),
        # The machine has run out of file handles, processes or memory.
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
        # The network is down.
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT),
    }
)
"""Errors of the system, not of one file."""


@contextmanager
def unchanging(path: Path) -> Iterator[None]:
    """Raise `UnfinishedScan` when the file changed while the block read it."""
    before = _state(path)
    yield
    if _state(path) != before:
        raise UnfinishedScan(
            path, "it was changed while it was read", "Run it again when the file is complete."
        )


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def is_file_error(error: OSError) -> bool:
    """Return whether an error concerns the file itself, not the disk, the machine or the network.

    Examples
    --------
    >>> is_file_error(PermissionError(errno.EACCES, "Permission denied"))
    True
    >>> is_file_error(OSError(errno.EIO, "Input/output error"))
    False
    """
    return error.errno not in SYSTEM_ERRNOS | {errno.EIO}


def is_settled(path: Path, quiet_seconds: float) -> bool:
    """Return whether the file has not changed for `quiet_seconds`, so that it is complete.

    The inode's change time decides: copying tools set the modification time to the past, and cameras to any
    time at all. An empty file is never settled.
    """
    status = path.stat()
    return status.st_size > 0 and time.time() - status.st_ctime >= quiet_seconds


def resolve_inside(path: Path, folder: Path) -> Path:
    """Resolve `path` (relative to `folder`, or absolute) and refuse what lies outside `folder`.

    Raises
    ------
    ForbiddenScan
        When ``..`` or a symbolic link leads out of the folder.
    """
    remedy = "Put the file itself into the folder."
    try:
        base = folder.resolve()
        resolved = (base / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ForbiddenScan(path, "its path cannot be followed", remedy) from error
    if not resolved.is_relative_to(base):
        raise ForbiddenScan(path, f"it leads out of {folder}", remedy)
    return resolved
