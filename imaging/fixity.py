"""Fixity: digests of files, and files that are either whole or absent.

A crash leaves at most a ``.NAME.….partial`` file beside the target, never half a target.
"""

from __future__ import annotations

import glob
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.stage import OutputFile, Role

PARTIAL = ".partial"
"""Suffix of files that are being written; cleaning up a folder may remove them."""

MEDIA_TYPES = {
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jp2": "image/jp2",
    ".mkv": "video/matroska",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".xml": "application/xml",
    ".xmp": "application/rdf+xml",
    ".c2pa": "application/c2pa",
}


def sha256_file(path: Path) -> str:
    """Return the hex sha256 of the file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; move it into place when the block succeeds.

    The file and its folder are flushed to the disk, so that after a power cut `path` holds either its former
    content or all of the new one. When the block raises, the temporary file is removed.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{PARTIAL}")
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def remove_partials(*paths: Path) -> None:
    """Remove what killed writers of `paths` left next to them; nothing else may be writing them."""
    for path in paths:
        for partial in path.parent.glob(f".{glob.escape(path.name)}.*{PARTIAL}"):
            partial.unlink(missing_ok=True)


def describe_output(
    path: Path,
    folder: Path,
    role: Role,
    *,
    width: int | None = None,
    height: int | None = None,
    bits: int | None = None,
) -> OutputFile:
    """Describe a finished file for a `StageResult`; `path` lies inside `folder`."""
    return OutputFile(
        role=role,
        name=path.relative_to(folder).as_posix(),
        sha256=sha256_file(path),
        bytes=path.stat().st_size,
        media_type=MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"),
        width=width,
        height=height,
        bits=bits,
    )


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
