"""From a stored picture to the bytes of an answer: the only module of the image service that needs libvips.

Reads one file, from the pyramid page that is just large enough (shrink-on-load), and writes nothing. Opened
pictures are kept for the next request, a bounded number of them. A rendering can be stopped from another
thread by the `Cancellation` it was given.
"""

from __future__ import annotations

import io
import math
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyvips
from PIL import Image

from catalog.iiif.image_request import Format, Quality, RenderPlan
from imaging.errors import ScanError, StoreError
from imaging.scan import open_scan

OPEN_PICTURES = 48
"""Files kept open between requests; each holds a descriptor and its table of tiles."""

DIRECT_PIXELS = 1 << 20
"""Up to this many px, a piece that needs no scaling is copied in one go instead of through a pipeline."""

MEDIA_TYPES = {
    Format.JPG: "image/jpeg",
    Format.PNG: "image/png",
    Format.WEBP: "image/webp",
    Format.TIF: "image/tiff",
}
_JPEG_QUALITY = 85
_WEBP_QUALITY = 80
_WHITE = 255
_BLACK_BELOW = 128
# Twice is one pyramid level; a level may be off by the rounding of its size.
_LEVEL_SLACK = 1.01


class Cancellation:
    """Stops a rendering that runs in another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._image: pyvips.Image | None = None
        self.cancelled = False

    def watch(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image`, which `cancel` will stop."""
        with self._lock:
            self._image = image
            image.set_kill(self.cancelled)
        return image

    def cancel(self) -> None:
        """Stop the rendering at its next tile."""
        with self._lock:
            self.cancelled = True
            if self._image is not None:
                self._image.set_kill(True)


@dataclass(frozen=True)
class Picture:
    """A stored picture, open: its levels from full size downward.

    Parameters
    ----------
    path
        The file.
    levels
        The full-size image and its reductions, each half the one before; one when there is no pyramid.
    """

    path: Path
    levels: tuple[pyvips.Image, ...]

    @property
    def width(self) -> int:
        """Full width, px."""
        return int(self.levels[0].width)

    @property
    def height(self) -> int:
        """Full height, px."""
        return int(self.levels[0].height)

    @cached_property
    def native(self) -> Quality:
        """The quality that ``default`` means: ``color`` or ``gray``."""
        return Quality.COLOR if self.levels[0].bands >= 3 else Quality.GRAY

    def render(self, plan: RenderPlan, cancellation: Cancellation | None = None) -> bytes:
        """Return the picture that `plan` asks for, encoded.

        Raises
        ------
        StoreError
            When the file can not be read, or the rendering was cancelled.
        """
        try:
            return _render(self, plan, cancellation or Cancellation())
        except pyvips.Error as error:
            raise StoreError(
                self.path, f"can not be rendered ({error.message})", "Check its fixity."
            ) from error


def save_tiles(picture: Picture, folder: Path, tile: int) -> None:
    """Write the tiles of a static image service (level 0) into the new folder `folder`.

    libvips names them as Image API 3.0 §4.7 does; what else a static service needs is not among them.

    Raises
    ------
    StoreError
        When the file can not be read, or the disk is full.
    """
    try:
        image = _in_quality(_in_eight_bits(picture.levels[0]), Quality.DEFAULT, picture.native)
        image.dzsave(str(folder), layout="iiif3", tile_size=tile, suffix=f".jpg[Q={_JPEG_QUALITY},keep=none]")
    except pyvips.Error as error:
        raise StoreError(
            picture.path, f"can not be cut into tiles ({error.message})", "Check its fixity and disk space."
        ) from error


def open_picture(path: Path, *, pyramid: bool) -> Picture:
    """Return the picture in the file at `path`, opened now or kept from an earlier request.

    Parameters
    ----------
    path
        The file.
    pyramid
        Whether Heliochrome wrote it as a pyramid, to be read page by page; anything else goes through
        `imaging.open_scan` and has one level.

    Raises
    ------
    StoreError
        When the file is gone or can not be read.
    """
    try:
        status = os.stat(path)
        return _open_pictures.get(path, pyramid, (status.st_ino, status.st_size, status.st_mtime_ns))
    except (OSError, pyvips.Error, ScanError) as error:
        raise StoreError(path, f"can not be opened ({error})", "Check its fixity.") from error


class _OpenPictures:
    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, bool, tuple[int, int, int]], Picture] = OrderedDict()

    def get(self, path: Path, pyramid: bool, stamp: tuple[int, int, int]) -> Picture:
        key = (path, pyramid, stamp)
        with self._lock:
            picture = self._kept.get(key)
            if picture is not None:
                self._kept.move_to_end(key)
                return picture
        picture = Picture(path, _pyramid_levels(path) if pyramid else (open_scan(path),))
        with self._lock:
            self._kept[key] = picture
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return picture


_open_pictures = _OpenPictures(OPEN_PICTURES)


def _pyramid_levels(path: Path) -> tuple[pyvips.Image, ...]:
    # Masters were written by Heliochrome and their digests are on record: they need no door. Their name is
    # a digest too, so libvips' cache can not mistake one for another.
    first = pyvips.Image.tiffload(str(path), fail_on="error")
    pages = int(first.get("n-pages")) if first.get_typeof("n-pages") else 1
    return first, *(pyvips.Image.tiffload(str(path), page=page, fail_on="error") for page in range(1, pages))


def _render(picture: Picture, plan: RenderPlan, cancellation: Cancellation) -> bytes:
    piece, exact = _cut(picture, plan)
    if exact and _is_plain(piece, plan):
        return _encode_directly(piece, plan)
    image = piece if exact else _scaled(piece, plan)
    image = _turned(_in_eight_bits(image), plan)
    image = _in_quality(image, plan.quality, picture.native)
    return _encode(cancellation.watch(image.copy()), plan)


def _cut(picture: Picture, plan: RenderPlan) -> tuple[pyvips.Image, bool]:
    shrink = min(plan.width / plan.out_width, plan.height / plan.out_height) * _LEVEL_SLACK
    level = min(max(0, math.floor(math.log2(shrink))), len(picture.levels) - 1)
    image, factor = picture.levels[level], 2**level
    left = min(plan.left // factor, image.width - 1)
    top = min(plan.top // factor, image.height - 1)
    right = min(max(left + 1, math.ceil((plan.left + plan.width) / factor)), image.width)
    bottom = min(max(top + 1, math.ceil((plan.top + plan.height) / factor)), image.height)
    piece = image.crop(left, top, right - left, bottom - top)
    return piece, (piece.width, piece.height) == (plan.out_width, plan.out_height)


def _is_plain(piece: pyvips.Image, plan: RenderPlan) -> bool:
    return (
        plan.format is Format.JPG
        and plan.quality is Quality.DEFAULT
        and not plan.mirror
        and not plan.degrees
        and piece.format == "uchar"
        and piece.bands in {1, 3}
        and piece.width * piece.height <= DIRECT_PIXELS
    )


def _encode_directly(piece: pyvips.Image, plan: RenderPlan) -> bytes:
    # Without threads and buffers between them a tile costs a quarter less than through vips_jpegsave.
    pixels = pyvips.Region.new(piece).fetch(0, 0, piece.width, piece.height)
    mode = "RGB" if piece.bands == 3 else "L"
    image = Image.frombuffer(mode, (piece.width, piece.height), pixels, "raw", mode, 0, 1)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _scaled(piece: pyvips.Image, plan: RenderPlan) -> pyvips.Image:
    return piece.thumbnail_image(plan.out_width, height=plan.out_height, size="force")


def _in_eight_bits(image: pyvips.Image) -> pyvips.Image:
    if image.hasalpha():
        image = image.flatten(background=_WHITE)
    if image.format == "uchar":
        return image
    return image.colourspace("srgb" if image.bands >= 3 else "b-w")


def _turned(image: pyvips.Image, plan: RenderPlan) -> pyvips.Image:
    if plan.mirror:
        image = image.fliphor()
    if plan.degrees % 90 == 0:
        turns = {0: None, 90: "d90", 180: "d180", 270: "d270"}[int(plan.degrees)]
        return image.rot(turns) if turns else image
    return image.rotate(plan.degrees, background=[_WHITE] * image.bands)


def _in_quality(image: pyvips.Image, quality: Quality, native: Quality) -> pyvips.Image:
    if quality is Quality.COLOR or (quality is Quality.DEFAULT and native is Quality.COLOR):
        return image.colourspace("srgb")
    grey = image.colourspace("b-w")
    return (grey >= _BLACK_BELOW).copy(interpretation="b-w") if quality is Quality.BITONAL else grey


def _encode(image: pyvips.Image, plan: RenderPlan) -> bytes:
    # One thread a request: the service renders several requests at once.
    image.set_type(pyvips.GValue.gint_type, "concurrency", 1)
    bitonal = {"bitdepth": 1} if plan.quality is Quality.BITONAL else {}
    if plan.format is Format.JPG:
        return bytes(image.jpegsave_buffer(Q=_JPEG_QUALITY, keep="none"))
    if plan.format is Format.PNG:
        return bytes(image.pngsave_buffer(compression=4, keep="none", **bitonal))
    if plan.format is Format.WEBP:
        return bytes(image.webpsave_buffer(Q=_WEBP_QUALITY, keep="none"))
    predictor = "none" if bitonal else "horizontal"
    return bytes(image.tiffsave_buffer(compression="deflate", predictor=predictor, keep="none", **bitonal))
