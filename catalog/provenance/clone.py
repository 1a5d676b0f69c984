"""Copies of masters that share disk blocks where the file system can.

Where the file system shares blocks between files (Btrfs, XFS, NFS 4.2, …) a copy is a matter of milliseconds
and takes no space until one of the two is written to; elsewhere the kernel copies.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from catalog.durability import storage_faults

_CHUNK = 1 << 30
_UNSUPPORTED = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


def clone_file(source: Path, target: Path) -> None:
    """Copy `source` to `target`, which is replaced and becomes writable by its owner.

    Raises
    ------
    StoreError
        The disk is full or refuses.
    """
    target.unlink(missing_ok=True)
    with storage_faults(target), source.open("rb") as origin, target.open("wb") as copy:
        try:
            remaining = os.fstat(origin.fileno()).st_size
            while remaining and (
                copied := os.copy_file_range(origin.fileno(), copy.fileno(), min(remaining, _CHUNK))
            ):
                remaining -= copied
        except (OSError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno not in _UNSUPPORTED:
                raise
            origin.seek(0)
            copy.seek(0)
            copy.truncate()
            shutil.copyfileobj(origin, copy, 1 << 20)
