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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips
from cachetools import LRUCache
from PIL import Image

from catalog.iiif.image_request import Format, Quality, RenderPlan
from imaging.errors import ScanError, StoreError
from imaging.scan import open_scan

OPEN_PICTURES = 48
"""Files kept open between requests; each holds a descriptor and its table of tiles."""

OPEN_BYTES = 384 << 20
"""Memory that the pictures kept open may take together, about."""

DIRECT_PIXELS = 1 << 20
"""Up to this many px, a piece is copied in one go instead of through a pipeline, then scaled where needed."""

REOPENED_PIXELS = 4 << 20
"""After so many px have been read of a level of a pyramid it is opened anew, which takes a millisecond:
libvips keeps two rows of its tiles, 60 MB of a gigapixel, which requests at random places never use again."""

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
_TILE_ROWS = 256


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


class _Source:
    """Opens an image; where that is quick, anew after so many px."""

    def __init__(self, open_image: Callable[[], pyvips.Image], *, quick: bool) -> None:
        self._lock = threading.Lock()
        self._open = open_image
        self._most = REOPENED_PIXELS if quick else None
        self._image = open_image()
        self._pixels = 0

    def read(self, pixels: int) -> pyvips.Image:
        with self._lock:
            if self._most is not None and self._pixels > self._most:
                self._image, self._pixels = self._open(), 0
            self._pixels += pixels
            return self._image


@dataclass(frozen=True)
class Level:
    """One size of a picture; its properties are read once, for asking libvips costs microseconds each."""

    source: _Source
    width: int
    height: int
    bands: int
    plain: bool
    """Whether its samples go into a JPEG as they are."""

    def read(self, pixels: int) -> pyvips.Image:
        """Return the image, of which about so many px will be read."""
        return self.source.read(pixels)


@dataclass(frozen=True)
class Picture:
    """A stored picture, open: its levels from full size downward.

    Parameters
    ----------
    path
        The file.
    levels
        The full size and its reductions, each half the one before; one when there is no pyramid.
    """

    path: Path
    levels: tuple[Level, ...]

    @property
    def width(self) -> int:
        """Full width, px."""
        return self.levels[0].width

    @property
    def height(self) -> int:
        """Full height, px."""
        return self.levels[0].height

    @property
    def native(self) -> Quality:
        """The quality that ``default`` means: ``color`` or ``gray``."""
        return Quality.COLOR if self.levels[0].bands >= 3 else Quality.GRAY

    @property
    def weight(self) -> int:
        """About how many bytes libvips keeps for it while it is open: two rows of tiles of each level."""
        return sum(
            level.bands * min(level.width * 2 * _TILE_ROWS, 2 * REOPENED_PIXELS) for level in self.levels
        )

    def is_direct(self, plan: RenderPlan) -> bool:
        """Return whether `plan` asks for pixels as a level has them: milliseconds of work."""
        return _is_direct(_cut(self, plan), plan)

    def render(self, plan: RenderPlan, cancellation: Cancellation | None = None) -> bytes:
        """Return the picture that `plan` asks for, encoded.

        Raises
        ------
        StoreError
            When the file cannot be read, or the rendering was cancelled.
        """
        try:
            return _render(self, plan, cancellation or Cancellation())
        except pyvips.Error as error:
            raise StoreError(
                self.path, f"cannot be rendered ({error.message})", "Check its fixity."
            ) from error


def save_tiles(picture: Picture, folder: Path, tile: int) -> None:
    """Write the tiles of a static image service (level 0) into the new folder `folder`.

    libvips names them as Image API 3.0 §4.7 does; what else a static service needs is not among them.

    Raises
    ------
    StoreError
        When the file cannot be read, or the disk is full.
    """
    try:
        whole = picture.levels[0].read(picture.width * picture.height)
        image = _in_quality(_in_eight_bits(whole), Quality.DEFAULT, picture.native)
        image.dzsave(str(folder), layout="iiif3", tile_size=tile, suffix=f".jpg[Q={_JPEG_QUALITY},keep=none]")
        # libvips leaves its notes beside the folder.
        folder.with_name("vips-properties.xml").unlink(missing_ok=True)
    except pyvips.Error as error:
        raise StoreError(
            picture.path, f"cannot be cut into tiles ({error.message})", "Check its fixity and disk space."
        ) from error


def open_picture(path: Path, *, pyramid: bool, labels: bool = False) -> Picture:
    """Return the picture in the file at `path`, opened now or kept from an earlier request.

    Parameters
    ----------
    path
        The file.
    pyramid
        Whether Heliochrome wrote it as a pyramid, to be read page by page; anything else goes through
        `imaging.scan.open_scan` and has one level.
    labels
        Whether its values are labels, as those of a mask: shown white wherever there is one, for as greys
        they would all be black.

    Raises
    ------
    StoreError
        When the file is gone or cannot be read.
    """
    try:
        status = os.stat(path)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        return _open_pictures.get(path, pyramid, labels, stamp)
    except (OSError, pyvips.Error, ScanError) as error:
        raise StoreError(path, f"cannot be opened ({error})", "Check its fixity.") from error


class _OpenPictures:
    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[tuple[Path, bool, bool, tuple[int, int, int]], Picture] = LRUCache(most)

    def get(self, path: Path, pyramid: bool, labels: bool, stamp: tuple[int, int, int]) -> Picture:
        key = (path, pyramid, labels, stamp)
        with self._lock:
            picture = self._kept.get(key)
            if picture is not None:
                return picture
        count = _pages(path) if pyramid else 1

        def level(page: int) -> Level:
            def open_image() -> pyvips.Image:
                image = _load_page(path, page) if pyramid else open_scan(path)
                return (image > 0).copy(interpretation="b-w") if labels else image

            return _level(_Source(open_image, quick=pyramid))

        picture = Picture(path, tuple(level(page) for page in range(count)))
        with self._lock:
            self._kept[key] = picture
            while self._too_heavy():
                self._kept.popitem()
        return picture

    def _too_heavy(self) -> bool:
        # One picture is kept, however heavy.
        return len(self._kept) > 1 and sum(one.weight for one in self._kept.values()) > OPEN_BYTES


_open_pictures = _OpenPictures(OPEN_PICTURES)


def _load_page(path: Path, page: int) -> pyvips.Image:
    # Masters were written by Heliochrome and their digests are on record: they need no door. libvips says no
    # more than a warning where a tile is damaged.
    return pyvips.Image.tiffload(str(path), page=page, fail_on="warning", revalidate=True)


def _pages(path: Path) -> int:
    first = _load_page(path, 0)
    return int(first.get("n-pages")) if first.get_typeof("n-pages") else 1


def _level(source: _Source) -> Level:
    image = source.read(0)
    bands = int(image.bands)
    plain = image.format == "uchar" and bands in {1, 3}
    return Level(source, int(image.width), int(image.height), bands, plain)


@dataclass(frozen=True)
class _Cut:
    level: Level
    left: int
    top: int
    width: int
    height: int

    def image(self) -> pyvips.Image:
        return self.level.read(self.width * self.height)

    def fits(self, plan: RenderPlan) -> bool:
        return (self.width, self.height) == (plan.out_width, plan.out_height)


def _render(picture: Picture, plan: RenderPlan, cancellation: Cancellation) -> bytes:
    cut = _cut(picture, plan)
    if _is_plain(cut, plan):
        return _encode_directly(cut, plan)
    image = cut.image().crop(cut.left, cut.top, cut.width, cut.height)
    image = image if cut.fits(plan) else _scaled(image, plan)
    image = _turned(_in_eight_bits(image), plan)
    image = _in_quality(image, plan.quality, picture.native)
    return _encode(cancellation.watch(image.copy()), plan)


def _cut(picture: Picture, plan: RenderPlan) -> _Cut:
    shrink = min(plan.width / plan.out_width, plan.height / plan.out_height) * _LEVEL_SLACK
    number = min(max(0, math.floor(math.log2(shrink))), len(picture.levels) - 1)
    level, factor = picture.levels[number], 2**number
    left = min(plan.left // factor, level.width - 1)
    top = min(plan.top // factor, level.height - 1)
    right = min(max(left + 1, math.ceil((plan.left + plan.width) / factor)), level.width)
    bottom = min(max(top + 1, math.ceil((plan.top + plan.height) / factor)), level.height)
    return _Cut(level, left, top, right - left, bottom - top)


def _is_direct(cut: _Cut, plan: RenderPlan) -> bool:
    return cut.fits(plan) and _is_plain(cut, plan)


def _is_plain(cut: _Cut, plan: RenderPlan) -> bool:
    return (
        cut.level.plain
        and plan.out_width <= cut.width
        and plan.out_height <= cut.height
        and plan.format is Format.JPG
        and plan.quality is Quality.DEFAULT
        and not plan.mirror
        and not plan.degrees
        and cut.width * cut.height <= DIRECT_PIXELS
    )


def _encode_directly(cut: _Cut, plan: RenderPlan) -> bytes:
    # Without threads and buffers between them a tile costs a quarter less than through vips_jpegsave, and a
    # preview a third of what it costs there.
    bands = cut.level.bands
    pixels = pyvips.Region.new(cut.image()).fetch(cut.left, cut.top, cut.width, cut.height)
    if not cut.fits(plan):
        piece = pyvips.Image.new_from_memory(pixels, cut.width, cut.height, bands, "uchar")
        pixels = _scaled(piece.copy(interpretation="srgb" if bands == 3 else "b-w"), plan).write_to_memory()
    mode = "RGB" if bands == 3 else "L"
    image = Image.frombuffer(mode, (plan.out_width, plan.out_height), pixels, "raw", mode, 0, 1)
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
