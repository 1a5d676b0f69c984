"""What keeps files whole when a process is killed, a machine loses power or a disk fills up."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FAULTS = {
    errno.EROFS: "Mount it writable, or point the store at another folder, and run again.",
    errno.EACCES: "Give the account that runs the workflow the right to write there, and run again.",
    errno.EPERM: "Give the account that runs the workflow the right to write there, and run again.",
    errno.EIO: "The disk reports errors: replace it, restore the store from its backup and audit its fixity.",
}


def sync_file(path: Path) -> None:
    """Put a file's bytes on the disk, not only into the system's cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


sync_folder = sync_file
"""Put a folder's entries (names, renames) on the disk; POSIX opens folders as it opens files."""


@contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it now; the system frees it when a holder dies.

    The file is removed on release. A waiter that wakes up on a removed file takes the new one instead.
    Without `wait`, a lock that somebody holds raises `BlockingIOError`.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                break
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def storage_faults(subject: Path) -> Iterator[None]:
    """Turn a full, read-only, forbidden or failing disk into a `StoreError` that says what to do.

    A full disk is recognized through libraries too, which hand the system's words on in errors of their own.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if is_full(error):
            remedy = "Free some space or give the store a larger disk, and run again: finished work is kept."
            raise StoreError(subject, "the disk or the quota is full", remedy) from error
        if isinstance(error, OSError) and error.errno in _FAULTS:
            raise StoreError(subject, os.strerror(error.errno).lower(), _FAULTS[error.errno]) from error
        raise


def is_full(error: BaseException) -> bool:
    """Return whether an error, a library's too, or what it came from says that the disk or quota is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    if any(os.strerror(number) in str(error) for number in _FULL):
        return True
    return error.__cause__ is not None and is_full(error.__cause__)
