"""Checkpoints: arrays that survive a kill, in a folder named for everything that determines them.

Each array is a ``.npy`` file that is whole or absent. The folder's name carries a digest of the input, the
options and the model, so a changed option finds an empty folder; folders of other digests are removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import StoreError
from imaging.fixity import atomic_path
from imaging.stage import Scalar

Array = NDArray[np.float32]

_PREFIX = ".chroma-"


def fingerprint(facts: Mapping[str, Scalar]) -> str:
    """Return a digest of everything that determines what will be computed."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Checkpoints:
    """Arrays that belong to one fingerprint.

    Parameters
    ----------
    into
        The stage's output folder.
    digest
        From `fingerprint`.
    """

    def __init__(self, into: Path, digest: str) -> None:
        self.folder = into / f"{_PREFIX}{digest[:20]}"
        for other in into.glob(f"{_PREFIX}*"):
            if other != self.folder and other.is_dir():
                shutil.rmtree(other)
        self.folder.mkdir(parents=True, exist_ok=True)

    def load(self, name: str) -> Array | None:
        """Return an array, or `None` when it was never finished or is damaged."""
        try:
            array: Array = np.load(self._path(name), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return array

    def save(self, name: str, array: Array) -> None:
        """Keep an array.

        Raises
        ------
        StoreError
            When the disk is full.
        """
        try:
            with atomic_path(self._path(name)) as partial, partial.open("wb") as stream:
                np.save(stream, array, allow_pickle=False)
        except OSError as error:
            raise _disk_full(self.folder, error) from error

    def scratch(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return zeros mapped from a file that is created anew each time: memory that the system may reclaim.

        Raises
        ------
        StoreError
            When the disk is full.
        """
        path = self.folder / f"{name}.scratch"
        try:
            array: Array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
            with path.open("r+b") as stream:
                # A full disk must show here: later it would end the process with a bus error.
                os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise _disk_full(self.folder, error) from error
        return array

    def discard(self) -> None:
        """Remove the folder: the work is done."""
        shutil.rmtree(self.folder)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


def _disk_full(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        folder, error.strerror or str(error), "Free disk space and run it again; it will resume."
    )
