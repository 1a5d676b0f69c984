"""What clients send as multipart/form-data: streamed to disk, checked through the one door for scans.

A file's name and stated type decide nothing. What is refused leaves nothing on the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from tempfile import NamedTemporaryFile
from typing import BinaryIO

import anyio
from fastapi import Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from catalog.durability import storage_faults
from catalog.request_options import RequestOptions
from catalog.requests import RequestLimits, Upload
from catalog.web.problems import Problem
from imaging.errors import UnsupportedScan

MOST_OPTIONS = 128 * 1024
"""Bytes of the options' JSON."""
MOST_OVERHEAD = 1024 * 1024
"""Bytes of a multipart body beside the photograph."""
SECONDS = 600
"""For so long a client may send."""
CHUNK = 1 << 20
_UNNAMED = "photograph"


@dataclass(frozen=True)
class Sent:
    """What a client sent: a photograph that was looked at, and what it wants."""

    upload: Upload
    options: RequestOptions


@asynccontextmanager
async def received(request: Request, folder: Path, limits: RequestLimits) -> AsyncIterator[Sent]:
    """Lend what a client sends, until the end of the block.

    Parameters
    ----------
    request
        With the parts `photograph`, a file, and `options`, JSON as `RequestOptions`.
    folder
        Where the file lies meanwhile.

    Raises
    ------
    Problem
        The body is no such form, or takes too long.
    ScanError
        The photograph cannot be used.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        remedy = "Send multipart/form-data with the file as photograph and JSON as options."
        raise Problem(415, "The body is not multipart/form-data.", remedy)
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=1, max_fields=1, max_part_size=MOST_OPTIONS
    )
    try:
        with anyio.fail_after(SECONDS):
            form = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, error.message, "Send one file as photograph and JSON as options.") from error
    except TimeoutError as error:
        raise Problem(408, f"Sending took longer than {SECONDS} s.", "Try again.") from error
    try:
        sent, said = form.get("photograph"), form.get("options")
        if not isinstance(sent, UploadFile):
            raise Problem(422, "There is no file named photograph.", "Send the photograph as that part.")
        if isinstance(said, UploadFile) or set(form) - {"photograph", "options"}:
            raise Problem(422, "There are other parts than photograph and options.", "Leave them out.")
        options = _options(said or "{}")
        with _named(folder) as path:
            digest = await run_in_threadpool(_copy, sent.file, path)
            name = _name(sent.filename or "")
            yield Sent(await run_in_threadpool(_looked_at, path, digest, name, limits), options)
    finally:
        await form.close()


def _options(text: str) -> RequestOptions:
    try:
        return RequestOptions.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("options", *(str(part) for part in first["loc"])))
        raise Problem(422, f"{where}: {first['msg']}", "Correct it; see openapi.json.") from error


@contextmanager
def _named(folder: Path) -> Iterator[Path]:
    with storage_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".upload-") as file:
            yield Path(file.name)


def _copy(source: BinaryIO, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _looked_at(path: Path, digest: str, name: str, limits: RequestLimits) -> Upload:
    from imaging.scan import inspect_scan  # noqa: PLC0415 - loads libvips

    properties = inspect_scan(path, limits=limits.scan)
    if properties.pages > 1:
        raise UnsupportedScan(name, f"it has {properties.pages} pages", "Hand over one page at a time.")
    return Upload(path, digest, name, properties.width, properties.height)


def _name(stated: str) -> str:
    """Return a file's name without folders and control characters, as browsers and scripts may send them."""
    name = PureWindowsPath(stated.replace("\0", "")).name
    plain = "".join(character for character in name if character.isprintable()).strip()
    return plain[-200:] or _UNNAMED
