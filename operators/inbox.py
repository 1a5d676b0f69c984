"""Which files of the inbox are scans, in which order, cut into how many batches.

Reads names and times only, never contents. Nothing is skipped silently: a file with a picture's suffix is
always passed on, to be ingested or refused with a reason, and so is a folder that may not be read; all other
files are named in the result. Names are text that the catalog and Airflow can store; one that is not in UTF-8
is written with escapes, under which no file exists, so that it is refused by this name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from catalog.scans import storable_name
from imaging.errors import HeliochromeError

PICTURES = frozenset(
    {".tif", ".tiff", ".btf", ".tf8", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".jp2", ".j2k"}
    | {".jpx", ".gif", ".bmp", ".heic", ".heif", ".avif", ".jxl", ".psd", ".pdf", ".dng", ".nef", ".cr2"}
    | {".arw"}
)
"""Suffixes of pictures; those that cannot be read are refused by name, with the remedy."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Listing:
    """What lies in an inbox.

    Parameters
    ----------
    scans
        Paths relative to the inbox, sorted.
    waiting
        Files that are still being written, sorted.
    others
        Files without a picture's suffix, sorted.
    """

    scans: tuple[str, ...]
    waiting: tuple[str, ...]
    others: tuple[str, ...]


def list_inbox(inbox: Path, quiet_seconds: float) -> Listing:
    """List the files below `inbox`; hidden ones are left out, symbolic links to folders are not followed.

    Parameters
    ----------
    inbox
        An existing folder.
    quiet_seconds
        How long a file must lie unchanged to count as whole, s.

    Raises
    ------
    HeliochromeError
        The inbox itself cannot be read.
    """
    scans, waiting, others = [], [], []
    for path, may_be_scan in _entries(inbox):
        name = storable_name(path.relative_to(inbox).as_posix())
        if not may_be_scan:
            others.append(name)
        elif _is_quiet(path, quiet_seconds):
            scans.append(name)
        else:
            waiting.append(name)
    return Listing(tuple(sorted(scans)), tuple(sorted(waiting)), tuple(sorted(others)))


def file_state(path: Path) -> str:
    """Return text that changes with the file at `path` and with each change of it, without reading the file.

    A folder that replaced another has other inodes, and no tool can set an inode's change time back. The
    device is left out: its number differs between machines that share a folder.

    Raises
    ------
    FileNotFoundError
        The file went away.
    """
    status = path.stat()
    return storable_name(f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {path}")


def cut(items: Sequence[Item], size: int, at_most: int) -> list[list[Item]]:
    """Cut `items` into batches of `size`, of more where there would be over `at_most` batches.

    Examples
    --------
    >>> cut([1, 2, 3], 2, 10)
    [[1, 2], [3]]
    >>> [len(batch) for batch in cut(list(range(10)), 1, 4)]
    [3, 3, 3, 1]
    """
    size = max(size, -(-len(items) // at_most), 1)
    return [list(items[i : i + size]) for i in range(0, len(items), size)]


def _entries(inbox: Path) -> Iterator[tuple[Path, bool]]:
    """Yield what is not hidden, and whether it may be a scan."""
    unreadable: list[OSError] = []
    for folder, folders, files in os.walk(inbox, onerror=unreadable.append):
        here = Path(folder)
        folders[:] = [name for name in folders if not name.startswith(".")]
        # A link to a folder is passed on as if it were a scan, so that its refusal is recorded.
        links = [name for name in folders if os.path.islink(here / name)]
        for path in (here / name for name in [*files, *links] if not name.startswith(".")):
            yield path, path.suffix.rstrip().lower() in PICTURES or os.path.islink(path)
    for error in unreadable:
        if Path(error.filename) == inbox:
            fault = f"the inbox cannot be read ({error.strerror})"
            raise HeliochromeError(inbox, fault, "Let the account of Airflow's workers read it.") from error
        # A folder that may not be read is passed on likewise; one that vanished was removed on purpose.
        if not isinstance(error, FileNotFoundError):
            yield Path(error.filename), True


def _is_quiet(path: Path, quiet_seconds: float) -> bool:
    # The inode's change time, which no copying tool can set back. A file that vanished was removed on
    # purpose; a dangling link is passed on, to be refused, and so is what may not be read.
    try:
        changed = path.lstat().st_ctime
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
    return time.time() - changed >= quiet_seconds
