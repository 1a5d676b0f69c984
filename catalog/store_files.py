"""The files of the store: what is wrong with them, and how they are put on the disk for good."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from catalog.durability import sync_file, sync_folder
from imaging.errors import HeliochromeError, StoredFileError
from imaging.files import SYSTEM_ERRNOS
from imaging.stage import OutputFile

RESULT = "result.json"
"""The report of an entry, which no stage may call a file of its own."""
CHUNK = 1 << 20
"""Bytes read at a time when copying and hashing."""
_ADDRESS = re.compile(r"[0-9a-f]{64}")


def seal_output(folder: Path, file: OutputFile) -> None:
    """Check an output of a stage, make it read-only and put it on the disk; raise `StoredFileError`."""
    path = folder / relative_path(file.name)
    if fault := file_fault(path, file.bytes, file.sha256):
        remedy = "The stage's report and its files disagree: run it again, and report it if that repeats."
        raise StoredFileError(path, fault, remedy)
    path.chmod(0o444)
    sync_file(path)


def drop_scratch(folder: Path, keep: set[PurePosixPath]) -> None:
    """Remove all files but those to `keep`, and the folders that are empty then."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif PurePosixPath(path.relative_to(folder).as_posix()) not in keep:
            path.unlink()


def write_durably(path: Path, text: str) -> None:
    """Write a text file and put it on the disk."""
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Put the names of all files in a folder, and below it, on the disk."""
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
    sync_folder(folder)


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file that somebody brought, `CHUNK` at a time."""
    # Not the store's own faults: whoever brought the file has to look at his disk.
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except OSError as error:
        if error.errno in SYSTEM_ERRNOS:
            raise
        remedy = "Look at the disk or the network folder that holds it."
        raise HeliochromeError(path, f"cannot be read to its end ({error.strerror})", remedy) from error


def file_fault(path: Path, size: int | None, sha256: str) -> str | None:
    """Return how a file differs from what was stored, or why it cannot be read; ``None`` if intact."""
    if fault := size_fault(path, size):
        return fault
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if actual == sha256 else f"sha256 is {actual} instead of {sha256}"


def size_fault(path: Path, size: int | None) -> str | None:
    """Return how a stored file's size differs, or that it is missing; ``None`` when the size is right."""
    try:
        actual = path.stat().st_size
    except FileNotFoundError:
        return "is missing"
    return None if size is None or actual == size else f"holds {actual} bytes instead of {size}"


def relative_path(name: str) -> PurePosixPath:
    """Return a file name as a path inside a folder; raise `StoredFileError` when it leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name in {"", ".", RESULT}:
        remedy = "Name files relative to the stage's folder."
        raise StoredFileError(name, "is no name for a stored file", remedy)
    return path


def addresses(folder: Path) -> Iterator[str]:
    """Yield the addresses that are stored in a folder, in order."""
    # File systems and file managers leave names of their own between ours: .nfs…, .DS_Store.
    for shelf in sorted(folder.glob("[0-9a-f][0-9a-f]")):
        yield from sorted(path.name for path in shelf.iterdir() if _ADDRESS.fullmatch(path.name))
