"""The one door for untrusted scans.

Reads a file, never writes. What a file is, is decided by its first bytes, never by its name. Its size,
pixels, sides and pages are checked against limits from the header alone, and a TIFF's strips and tiles
against the file's length, before anything is decoded. Errors that only decoding finds surface while pixels
stream: stages wrap that in `decoding`, so that each becomes a `CorruptScan`.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pyvips

from imaging.decoding import decoding
from imaging.errors import CorruptScan, ScanError, ScanTooLarge, UnsupportedScan
from imaging.files import is_to_blame
from imaging.jpeg import load_jpeg
from imaging.png import StatedColors, read_color
from imaging.profiles import ColorModel, ProfileUse, as_plain_srgb, use_of_profile
from imaging.resolution import UNSTATED_DPI, stated_dpi
from imaging.stage import Scalar
from imaging.tiff import Directory, Tag
from imaging.tiff_pages import TiffPage, find_page
from imaging.tiff_segments import check_segments, check_streams
from imaging.tiff_support import check_supported
from imaging.tiff_view import dots_per_inch, is_opaque, load_page, orientation_of, remarks_on

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScanLimits:
    """What a deployment is willing to decode.

    Parameters
    ----------
    max_pixels
        Width × height, px.
    max_side
        The longer side, px.
    max_bytes
        Size of the file, bytes.
    max_pages
        Pages in one file; a pyramid's smaller copies count here too.
    """

    max_pixels: int
    max_side: int
    max_bytes: int
    max_pages: int


DEFAULT_LIMITS = ScanLimits(max_pixels=2_500_000_000, max_side=300_000, max_bytes=24 * 1024**3, max_pages=500)
"""Room for a 16-bit RGB gigapixel master; a 60,000 × 60,000 px decompression bomb stays outside."""


@dataclass(frozen=True)
class ScanProperties:
    """What the header of a scan says.

    Parameters
    ----------
    path
        The file.
    media_type
        IANA media type, from the file's first bytes.
    width, height
        Upright size, px: after the EXIF orientation is applied.
    bits
        Bits per sample in the file (1, 2, 4, 8 or 16).
    bands
        Samples per pixel in the file, all included.
    left_out
        How many of them `open_scan` leaves out: neither color nor opacity, as the infrared of film scanners.
    color_model
        How the file stores its samples.
    pages
        Pages of their own; the smaller copies of a pyramid do not count.
    profile
        What `open_scan` does with the embedded ICC profile, or with what a PNG says in other words.
    orientation
        As EXIF counts it, 1–8; from XMP where only that states it.
    dpi
        Resolution, dots per inch; ``None`` when the file does not state one, or none in a unit of length.
    remarks
        What in the file is unusual, and how it is taken.
    """

    path: Path
    media_type: str
    width: int
    height: int
    bits: int
    bands: int
    left_out: int
    color_model: ColorModel
    pages: int
    profile: ProfileUse
    orientation: int
    dpi: float | None
    remarks: tuple[str, ...] = ()

    def as_parameters(self) -> dict[str, Scalar]:
        """Return what the file held before `open_scan` made it upright grey or sRGB, for a stage's record."""
        said: dict[str, Scalar] = {
            "source_color_model": str(self.color_model),
            "source_bits": self.bits,
            "source_bands": self.bands,
            "source_bands_left_out": self.left_out,
            "source_profile": str(self.profile),
            "source_orientation": self.orientation,
        }
        return said | ({"source_remarks": "; ".join(self.remarks)} if self.remarks else {})


@dataclass(frozen=True)
class _Format:
    media_type: str
    loader: str
    signatures: tuple[bytes, ...]
    """First bytes; ``?`` stands for any byte."""


_FORMATS = (
    _Format("image/tiff", "tiffload", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    _Format("image/jpeg", "jpegload", (b"\xff\xd8\xff",)),
    _Format("image/png", "pngload", (b"\x89PNG\r\n\x1a\n",)),
    _Format("image/webp", "webpload", (b"RIFF????WEBP",)),
    _Format("image/jp2", "jp2kload", (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
)
_GIF = b"GIF8"
_READ = "TIFF, JPEG, PNG, WebP or JPEG 2000"

_SIDEWAYS = 5
"""Orientations from here on swap width and height."""
_STREAMABLE = (1, 2)
"""Orientations that need no random access: upright, and mirrored left to right."""
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")


def inspect_scan(path: Path, *, limits: ScanLimits = DEFAULT_LIMITS, page: int = 0) -> ScanProperties:
    """Read the header of a scan and check it against the limits; nothing is decoded.

    Raises
    ------
    UnsupportedScan
        For a format, sample type or page that is not read.
    CorruptScan
        For an empty, truncated or lying file.
    ScanTooLarge
        When a limit is exceeded.
    """
    return _open_header(path, limits, page).properties


def open_scan(
    path: Path, *, limits: ScanLimits = DEFAULT_LIMITS, page: int = 0, sequential: bool = False
) -> pyvips.Image:
    """Open a scan as an upright sRGB-encoded picture that decodes lazily.

    Parameters
    ----------
    path
        The file.
    limits
        Checked before decoding.
    page
        Which page, from 0; a pyramid's smaller copies are no pages.
    sequential
        Promise to read from top to bottom, once: large strip files then need no temporary copy.

    Returns
    -------
    pyvips.Image
        1 band (``b-w`` or ``grey16``) or 3 bands (``srgb`` or ``rgb16``), ``uchar`` or ``ushort`` as in the
        file (fewer than 8 bits become 8). Embedded profiles and CMYK are converted to sRGB, alpha is laid on
        white.

    Raises
    ------
    UnsupportedScan, CorruptScan, ScanTooLarge
        As `inspect_scan`; later decoding errors surface as ``pyvips.Error`` inside `decoding`.
    """
    header = _open_header(path, limits, page)
    properties = header.properties
    for remark in properties.remarks:
        logger.warning("%s: %s", path.name, remark)
    image = header.load(sequential=sequential and properties.orientation in _STREAMABLE)
    with decoding(path):
        if properties.orientation != 1:
            image = image.copy()
            image.set_type(pyvips.GValue.gint_type, "orientation", properties.orientation)
            image = image.autorot()
        if header.stated is not None:
            image = header.stated.to_srgb(image)
        return as_plain_srgb(path, image, properties.color_model, properties.profile)


@dataclass(frozen=True)
class _Header:
    """What was found out about a page, and how its pixels are loaded."""

    kind: _Format
    picture: TiffPage | None
    colors: int
    stated: StatedColors | None
    properties: ScanProperties

    def load(self, *, sequential: bool) -> pyvips.Image:
        """Open the pixels of the page, without the samples that are left out."""
        path = self.properties.path
        access = "sequential" if sequential else "random"
        if self.kind.loader == "jpegload":
            image = load_jpeg(path, access=access)
        else:
            if self.picture is not None:
                check_streams(self.picture.directory)
            image = _load(path, self.kind, self.picture, access=access)
        return image.extract_band(0, n=self.colors) if self.properties.left_out else image


def _open_header(path: Path, limits: ScanLimits, page: int) -> _Header:
    kind = _recognize(path, limits)
    picture: TiffPage | None = None
    if kind.loader == "tiffload":
        picture = _tiff_page(path, limits, page)
    elif page != 0:
        raise UnsupportedScan(path, f"it has no page {page}", "Ask for page 0.")
    image = _load(path, kind, picture, access="sequential")
    _check_size(path, image.width, image.height, limits)
    # The pages of a JPEG 2000 file are its resolutions.
    if kind.loader == "webpload" and _meta(image, "n-pages", 1) > 1:
        raise UnsupportedScan(path, "it is an animation", "Export one picture as TIFF.")
    _check_inflation(path, kind, image)
    orientation = _orientation(image, picture)
    width, height = image.width, image.height
    if orientation >= _SIDEWAYS:
        width, height = height, width
    directory = None if picture is None else picture.directory
    color_model, colors, bits = _samples(path, image, directory)
    left_out = image.bands - colors if directory is not None and is_opaque(directory) else 0
    stated, profile = _colors(path, kind, image.extract_band(0, n=colors) if left_out else image, color_model)
    dpi = stated_dpi(path, kind.media_type, image) if picture is None else dots_per_inch(picture)
    properties = ScanProperties(
        path=path,
        media_type=kind.media_type,
        width=width,
        height=height,
        bits=bits,
        bands=image.bands if directory is None else directory.first(Tag.SAMPLES_PER_PIXEL, 1),
        left_out=left_out,
        color_model=color_model,
        pages=1 if picture is None else picture.count,
        profile=profile,
        orientation=orientation,
        dpi=round(dpi, 2) if dpi is not None and dpi > UNSTATED_DPI else None,
        remarks=() if picture is None else picture.remarks + remarks_on(picture),
    )
    return _Header(kind, picture, colors, stated, properties)


def _orientation(image: pyvips.Image, picture: TiffPage | None) -> int:
    """Return the orientation that EXIF or TIFF states, else that of XMP (its namespace ``tiff``), else 1."""
    stated = image.get_typeof("orientation") != 0 if picture is None else picture.states(Tag.ORIENTATION)
    if not stated and image.get_typeof("xmp-data") != 0:
        found = _XMP_ORIENTATION.search(image.get("xmp-data"))
        return int(found[1]) if found else 1
    if picture is not None:
        return orientation_of(picture)
    return min(8, max(1, _meta(image, "orientation", 1)))


def _colors(
    path: Path, kind: _Format, image: pyvips.Image, model: ColorModel
) -> tuple[StatedColors | None, ProfileUse]:
    """Return colors that are stated in other words than a profile, and what becomes of the profile."""
    use = use_of_profile(image, model)
    if kind.loader != "pngload":
        return None, use
    color = read_color(path)
    if color.lacks_transparency(image.bands):
        fault = "what it says of transparent parts is damaged, and libpng leaves it away"
        raise CorruptScan(path, fault, "Copy the file again or export it anew.")
    if use is not ProfileUse.NONE and b"iCCP" not in color.damaged:
        return None, use
    if color.has_profile or color.is_unread:
        return None, ProfileUse.IGNORED
    try:
        stated = color.stated(grey=image.bands < 3)
    except ValueError:
        return None, ProfileUse.IGNORED
    return stated, ProfileUse.NONE if stated is None else ProfileUse.STATED


def _recognize(path: Path, limits: ScanLimits) -> _Format:
    try:
        if not path.is_file():
            raise UnsupportedScan(path, "it is not a file", "Name a scan.")
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(16)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and not is_to_blame(error):
            raise
        raise UnsupportedScan(path, "it cannot be read", "Check the permissions of the file.") from error
    if size == 0:
        raise CorruptScan(path, "the file is empty", "Copy the file again.")
    if size > limits.max_bytes:
        raise ScanTooLarge(
            path, f"{size} bytes, more than {limits.max_bytes}", "Split it, or scan at fewer dpi."
        )
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
        raise UnsupportedScan(path, "GIF holds animations and 256 colors, no scans", "Export it as TIFF.")
    raise UnsupportedScan(path, f"its first bytes are not those of {_READ}", f"Convert it to {_READ}.")


def _starts(head: bytes, signature: bytes) -> bool:
    return len(head) >= len(signature) and all(
        s in (b, ord("?")) for s, b in zip(signature, head, strict=False)
    )


def _tiff_page(path: Path, limits: ScanLimits, page: int) -> TiffPage:
    picture = find_page(path, page, limits.max_pages)
    directory = picture.directory
    _check_size(path, directory.first(Tag.WIDTH, 0), directory.first(Tag.HEIGHT, 0), limits)
    check_supported(directory)
    check_segments(directory)
    return picture


def _check_size(path: Path, width: int, height: int, limits: ScanLimits) -> None:
    if width < 1 or height < 1:
        raise CorruptScan(path, f"its header says {width}×{height} px", "Scan or export it again.")
    if max(width, height) > limits.max_side:
        raise ScanTooLarge(
            path, f"{width}×{height} px, a side over {limits.max_side}", "Split it, or scan at fewer dpi."
        )
    if width * height > limits.max_pixels:
        raise ScanTooLarge(
            path,
            f"{width}×{height} px, more than {limits.max_pixels} px",
            "Split it, or scan at fewer dpi.",
        )


def _check_inflation(path: Path, kind: _Format, image: pyvips.Image) -> None:
    # Deflate packs at most 1032 bytes into one (zlib's technical notes), and a byte holds up to 8 pixels.
    if kind.loader == "pngload" and image.width * image.height // 8 > 1100 * path.stat().st_size:
        raise CorruptScan(path, "its header promises more data than the file holds", "Copy or scan it again.")


def _load(path: Path, kind: _Format, picture: TiffPage | None, *, access: str) -> pyvips.Image:
    with decoding(path):
        if picture is not None:
            return load_page(picture, access=access)
        # Loaders are called by name: libvips would read "[…]" at the end of a file name as options. Without
        # revalidate its cache would return the pixels of a file that has been replaced since.
        return pyvips.Operation.call(
            kind.loader, os.fsencode(path), fail_on="error", revalidate=True, access=access
        )


def _samples(path: Path, image: pyvips.Image, directory: Directory | None) -> tuple[ColorModel, int, int]:
    """Return the color model, how many samples of a pixel are color, and bits per sample in the file."""
    if image.format not in ("uchar", "ushort") and image.interpretation not in ("lab", "labs"):
        raise UnsupportedScan(path, f"its samples are {image.format}", "Export it with 8 or 16 bits.")
    stored = _meta(image, "bits-per-sample", 16 if image.format == "ushort" else 8)
    bits = stored if directory is None else directory.first(Tag.BITS_PER_SAMPLE, 1)
    palette = image.get_typeof("palette") != 0 or (
        directory is not None and directory.first(Tag.PHOTOMETRIC, 1) == 3
    )
    models = {
        "b-w": (ColorModel.BILEVEL if bits == 1 else ColorModel.GREY, 1),
        "grey16": (ColorModel.GREY, 1),
        "srgb": (ColorModel.RGB, 3),
        "rgb16": (ColorModel.RGB, 3),
        "cmyk": (ColorModel.CMYK, 4),
        "lab": (ColorModel.LAB, 3),
        "labs": (ColorModel.LAB, 3),
    }
    # Of what libvips has no word for, nobody knows whether more means lighter.
    model, colors = models.get(image.interpretation, (ColorModel.GREY, 0))
    if not 0 < colors <= image.bands <= colors + 1:
        fault = f"{image.bands} bands of {image.interpretation} are no photograph"
        raise UnsupportedScan(path, fault, "Export it as grey or RGB.")
    return (ColorModel.PALETTE if palette else model), colors, bits


def _meta(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if image.get_typeof(name) != 0 else default


__all__ = [
    "DEFAULT_LIMITS",
    "ColorModel",
    "ScanError",
    "ScanLimits",
    "ScanProperties",
    "decoding",
    "inspect_scan",
    "open_scan",
]
