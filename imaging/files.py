"""Files that others write: whether they are whole, whether they stay as they are, and where they lie."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import ForbiddenScan, UnfinishedScan

SURROUNDINGS = frozenset(
    {
        # The disk is full, read-only or gone.
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN),
        # The machine has no file handles, processes or memory left.
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
        # The network is away.
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT),
    }
)
"""What the system reports of itself and not of one file."""


@contextmanager
def unchanging(path: Path) -> Iterator[None]:
    """Raise `UnfinishedScan` when somebody changed the file while the block read it."""
    before = _state(path)
    yield
    if _state(path) != before:
        raise UnfinishedScan(
            path, "it was changed while it was read", "Run it again when nobody writes the file."
        )


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def is_to_blame(error: OSError) -> bool:
    """Return whether an error is a file's own: not the disk's that holds it, the machine's or the network's.

    Examples
    --------
    >>> is_to_blame(PermissionError(errno.EACCES, "Permission denied"))
    True
    >>> is_to_blame(OSError(errno.EIO, "Input/output error"))
    False
    """
    return error.errno not in SURROUNDINGS | {errno.EIO}


def is_settled(path: Path, quiet_seconds: float) -> bool:
    """Return whether nobody has touched the file for `quiet_seconds`, so that it is whole.

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
