"""Pictures written as tiled pyramids, in bounded memory.

Writes one file, whole or not at all: a crash, a full disk or a cancelled run leave the former file or none.
The smaller copies are pages of their own (marked as reduced), not SubIFDs, because signing tools and viewers
read only those; offsets are 64 bits wide (BigTIFF) as soon as the uncompressed pyramid could pass 4 GiB.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pyvips

from imaging.disk import writing
from imaging.errors import OptionsError
from imaging.fixity import atomic_path
from imaging.xmp import forget_resolution, replace_xmp

Progress = Callable[[float], None]
"""Called with the finished share, 0–1; an exception raised in it cancels the work and leaves the writer."""


class Compression(StrEnum):
    """How tiles are packed; DEFLATE, ZSTD, LZW and NONE lose nothing."""

    DEFLATE = "deflate"
    ZSTD = "zstd"
    LZW = "lzw"
    JPEG = "jpeg"
    WEBP = "webp"
    NONE = "none"


_PREDICTED = (Compression.DEFLATE, Compression.ZSTD, Compression.LZW)
_LOSSY = (Compression.JPEG, Compression.WEBP)
_MOST_EFFORT = {Compression.DEFLATE: 9, Compression.ZSTD: 22}
_LARGEST_TILE = 1024
_CLASSIC_LIMIT = 4 * 1024**3 - 64 * 1024**2
"""What classic TIFF can address, less room for directories and metadata, bytes."""
_KEEP_XMP, _KEEP_ICC = 2, 8
"""Bits of VipsForeignKeep."""


@cache
def is_available(compression: Compression) -> bool:
    """Return whether this libvips can write a compression; packaged builds often lack ZSTD."""
    try:
        pyvips.Image.black(16, 16, bands=3).tiffsave_buffer(compression=str(compression))
    except pyvips.Error:
        return False
    return True


@dataclass(frozen=True)
class PyramidOptions:
    """How a pyramid is written.

    Parameters
    ----------
    compression
        JPEG and WEBP take 8 bit only and lose detail.
    quality
        1–100, for JPEG and WEBP.
    level
        Effort of DEFLATE (1–9) or ZSTD (1–22); ``None`` for libvips' own choice.
    tile
        Side of a tile, px, a multiple of 16 up to 1024: who looks at a corner of a tile unpacks all of it.
    predictor
        Store differences of neighbors before DEFLATE, ZSTD or LZW; smaller for photographs.
    labels
        Values are labels, not tones: smaller copies keep the largest of four pixels, not their mean.
    """

    compression: Compression = Compression.DEFLATE
    quality: int = 90
    level: int | None = None
    tile: int = 256
    predictor: bool = True
    labels: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise OptionsError(
                "quality", f"{self.quality} is outside 1–100", "Choose a quality from 1 to 100."
            )
        if not 16 <= self.tile <= _LARGEST_TILE or self.tile % 16:
            raise OptionsError(
                "pyramid tile",
                f"{self.tile} px is no multiple of 16 up to {_LARGEST_TILE}",
                "Choose 256 or 512.",
            )
        most = _MOST_EFFORT.get(self.compression)
        if self.level is not None and most is not None and not 1 <= self.level <= most:
            raise OptionsError(
                "level", f"{self.level} is outside 1–{most}", f"Choose one of these for {self.compression}."
            )


@dataclass(frozen=True)
class OutputSize:
    """What was written: full size in px, bits per sample, levels (the full size included) and bytes."""

    width: int
    height: int
    bits: int
    levels: int
    bytes: int


def write_pyramid(
    image: pyvips.Image,
    path: Path,
    options: PyramidOptions | None = None,
    *,
    xmp: bytes | None = None,
    profile: Path | str | None = "srgb",
    dpi: float | None = None,
    progress: Progress | None = None,
) -> OutputSize:
    """Write a tiled pyramidal TIFF, atomically, streaming.

    Parameters
    ----------
    image
        ``uchar`` or ``ushort``, 1 or 3 bands.
    path
        Where; its folder exists.
    options
        Compression and tiling.
    xmp
        An XMP packet to embed.
    profile
        ICC profile to embed in RGB pictures: ``"srgb"``, ``"p3"`` or an ICC file; ``None`` embeds none.
        Pixels are not converted. Grey pictures get none: an RGB profile in them would be invalid.
    dpi
        Resolution; ``None`` when unknown, which the file then says (ResolutionUnit 1, TIFF 6.0 §8).
    progress
        Called with 0–1 while writing.

    Raises
    ------
    OptionsError
        When the compression does not take the picture's depth, or this libvips lacks it.
    StoreError
        When the disk is full.
    pyvips.Error
        When decoding the source fails; see `imaging.scan.decoding`.
    """
    options = options or PyramidOptions()
    check_depth(options, image)
    bits = 16 if image.format == "ushort" else 8
    image = image.copy()
    if xmp is not None:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    elif image.get_typeof("xmp-data") != 0:
        image.remove("xmp-data")
    arguments = _save_arguments(image, options, dpi)
    if profile is not None and image.bands >= 3:
        arguments["profile"] = str(profile)
        arguments["keep"] = _KEEP_XMP | _KEEP_ICC
    with atomic_path(path) as partial, _watched(image, progress), writing(path):
        pyvips.Operation.call("tiffsave", image, os.fsencode(partial), **arguments)
        if dpi is None:
            forget_resolution(partial)
    return OutputSize(image.width, image.height, bits, _levels(image, options.tile), path.stat().st_size)


def check_depth(options: PyramidOptions, image: pyvips.Image) -> None:
    """Raise `OptionsError` when `write_pyramid` would: before the work whose result it is to write."""
    if image.format == "ushort" and options.compression in _LOSSY:
        fault = f"{options.compression} holds 8 bits per sample, the picture has 16"
        raise OptionsError("compression", fault, "Choose deflate or zstd, or write 8 bits.")
    if not is_available(options.compression):
        raise OptionsError("compression", f"this libvips lacks {options.compression}", "Choose deflate.")


def write_jpeg(
    image: pyvips.Image,
    path: Path,
    *,
    quality: int = 90,
    xmp: bytes | None = None,
    max_side: int | None = None,
) -> OutputSize:
    """Write an 8-bit JPEG with an sRGB profile, atomically; `max_side` (px) bounds the longer side.

    Raises
    ------
    OptionsError
        When a side passes 65,535 px, which JPEG cannot hold.
    StoreError
        When the disk is full.
    """
    if max_side is not None and max(image.width, image.height) > max_side:
        image = image.resize(max_side / max(image.width, image.height))
    if max(image.width, image.height) > 65535:
        raise OptionsError("JPEG", f"{image.width}×{image.height} px do not fit", "Give max_side ≤ 65535.")
    if image.format == "ushort":
        image = ((image + 128) / 257).floor().cast("uchar")
    image = image.copy(interpretation="srgb" if image.bands == 3 else "b-w")
    if xmp is not None:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    arguments: dict[str, Any] = {"Q": quality, "keep": _KEEP_XMP, "optimize_coding": True}
    if image.bands == 3:
        arguments |= {"profile": "srgb", "keep": _KEEP_XMP | _KEEP_ICC}
    with atomic_path(path) as partial, writing(path):
        pyvips.Operation.call("jpegsave", image, os.fsencode(partial), **arguments)
    return OutputSize(image.width, image.height, 8, 1, path.stat().st_size)


def _save_arguments(image: pyvips.Image, options: PyramidOptions, dpi: float | None) -> dict[str, Any]:
    uncompressed = image.width * image.height * image.bands * (2 if image.format == "ushort" else 1)
    resolution = (dpi or 1) / 25.4
    arguments: dict[str, Any] = {
        "compression": str(options.compression),
        "tile": True,
        "tile_width": options.tile,
        "tile_height": options.tile,
        "pyramid": True,
        "bigtiff": uncompressed * 4 / 3 > _CLASSIC_LIMIT,
        "resunit": "inch",
        "xres": resolution,
        "yres": resolution,
        "keep": _KEEP_XMP,
        "region_shrink": "max" if options.labels else "mean",
    }
    if options.compression in _PREDICTED:
        arguments["predictor"] = "horizontal" if options.predictor else "none"
    if options.compression in _LOSSY:
        arguments["Q"] = options.quality
    if options.level is not None and options.compression in (Compression.DEFLATE, Compression.ZSTD):
        arguments["level"] = options.level
    return arguments


@contextmanager
def _watched(image: pyvips.Image, progress: Progress | None) -> Iterator[None]:
    """Report progress, and raise again what the reporting raised."""
    if progress is None:
        yield
        return
    stopped: list[BaseException] = []

    def report(_: pyvips.Image, state: Any) -> None:
        # An exception cannot cross libvips: keep it, stop the pipeline, raise it again outside.
        if stopped:
            return
        try:
            progress(min(1.0, state.percent / 100))
        except BaseException as error:  # KeyboardInterrupt must stop the pipeline as well
            stopped.append(error)
            image.set_kill(True)

    image.set_progress(True)
    image.signal_connect("eval", report)
    try:
        yield
    except pyvips.Error:
        if stopped:
            raise stopped[0] from None
        raise
    if stopped:
        raise stopped[0]


def _levels(image: pyvips.Image, tile: int) -> int:
    width, height, levels = image.width, image.height, 1
    while width > tile or height > tile:
        width, height, levels = max(1, width // 2), max(1, height // 2), levels + 1
    return levels


__all__ = [
    "Compression",
    "OutputSize",
    "Progress",
    "PyramidOptions",
    "is_available",
    "replace_xmp",
    "write_jpeg",
    "write_pyramid",
]
