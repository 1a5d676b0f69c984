"""Formats of scans, recognized by their first bytes, never by the file name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyvips

from imaging.errors import CorruptScan, ScanTooLarge, UnsupportedScan
from imaging.files import is_file_error


@dataclass(frozen=True)
class ScanFormat:
    """A file format that is read.

    Parameters
    ----------
    media_type
        IANA media type.
    loader
        libvips' operation.
    signatures
        First bytes; ``?`` stands for any byte.
    """

    media_type: str
    loader: str
    signatures: tuple[bytes, ...]


_FORMATS = (
    ScanFormat("image/tiff", "tiffload", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ScanFormat("image/jpeg", "jpegload", (b"\xff\xd8\xff",)),
    ScanFormat("image/png", "pngload", (b"\x89PNG\r\n\x1a\n",)),
    ScanFormat("image/webp", "webpload", (b"RIFF????WEBP",)),
    ScanFormat("image/jp2", "jp2kload", (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
)
_GIF = b"GIF8"
_READ = "TIFF, JPEG, PNG, WebP or JPEG 2000"


def recognize(path: Path, max_bytes: int) -> ScanFormat:
    """Return the format of a file by its first bytes.

    Raises
    ------
    UnsupportedScan
        It cannot be read, or is in none of the formats.
    CorruptScan
        It is empty.
    ScanTooLarge
        It has more than `max_bytes`.
    """
    try:
        if not path.is_file():
            raise UnsupportedScan(path, "it is not a file", "Name a scan.")
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(16)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and not is_file_error(error):
            raise
        raise UnsupportedScan(path, "it cannot be read", "Check the permissions of the file.") from error
    if size == 0:
        raise CorruptScan(path, "the file is empty", "Copy the file again.")
    if size > max_bytes:
        raise ScanTooLarge(path, f"{size} bytes, more than {max_bytes}", "Split it, or scan at fewer dpi.")
    for kind in _FORMATS:
        if any(_starts(head, signature) for signature in kind.signatures):
            if pyvips.type_find("VipsOperation", kind.loader) == 0:
                raise UnsupportedScan(
                    path,
                    f"this libvips has no {kind.loader}",
                    "Install a libvips that has it, or convert to TIFF.",
                )
            return kind
    if head.startswith(_GIF):
        raise UnsupportedScan(path, "GIF holds animations and 256 colors, not scans", "Export it as TIFF.")
    raise UnsupportedScan(path, f"its first bytes are not those of {_READ}", f"Convert it to {_READ}.")


def _starts(head: bytes, signature: bytes) -> bool:
    return len(head) >= len(signature) and all(
        s in (b, ord("?")) for s, b in zip(signature, head, strict=False)
    )
