"""PyAV, the one library that reads and writes moving pictures, and what FFmpeg says while it works.

PyAV is an extra (``film``): it is imported where it is used. FFmpeg decodes damaged data as well as it can
and tells of it in its log alone (an FFV1 slice whose checksum is wrong comes out as a picture like any
other), so the log is part of the answer. Decoders run in the calling thread, for only there can it be told
whose log it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from imaging.errors import ServiceError

LogLine = tuple[int, str, str]
"""Level, the part of FFmpeg that speaks, and what it says."""


def library() -> ModuleType:
    """Return PyAV.

    Raises
    ------
    ServiceError
        It is not installed.
    """
    try:
        import av  # noqa: PLC0415 - an extra
        import av.logging  # noqa: PLC0415
    except ImportError as error:
        raise ServiceError(
            "film", "PyAV is not installed", "Install it: pip install 'heliochrome[film]'."
        ) from error
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    return av


def versions() -> dict[str, str]:
    """Return the versions of PyAV and of FFmpeg."""
    av = library()
    return {"pyav": str(av.__version__), "ffmpeg": str(av.ffmpeg_version_info)}


@contextmanager
def listening() -> Iterator[list[LogLine]]:
    """Lend the list to which FFmpeg's errors in this thread are added."""
    av = library()
    with av.logging.Capture(local=True) as lines:
        yield lines


def said(lines: list[LogLine], error: BaseException | None = None) -> str:
    """Return the first of what FFmpeg said in one line; `error` speaks where it logged nothing."""
    for _, speaker, line in lines:
        if line.strip():
            return f"{speaker}: {' '.join(line.split())}"
    return str(getattr(error, "strerror", None) or error or "no reason was told")


def is_missing(codec: str) -> bool:
    """Return whether this build of FFmpeg lacks an encoder."""
    av: Any = library()
    try:
        av.codec.Codec(codec, "w")
    except (ValueError, LookupError):
        return True
    return False
