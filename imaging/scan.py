"""The one door for untrusted scans.

Reads a file, never writes. What a file is, is decided by its first bytes, never by its name. Its size,
pixels, sides and pages are checked against limits from the header alone, and a TIFF's strips and tiles
against the file's length, before anything is decoded. Errors that only decoding finds surface while pixels
stream: stages wrap that in `decoding`, so that each becomes a `CorruptScan`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyvips

from imaging.decoding import decoding
from imaging.errors import CorruptScan, ScanError, ScanTooLarge, UnsupportedScan
from imaging.files import is_to_blame
from imaging.profiles import ColorModel, ProfileUse, as_plain_srgb, use_of_profile
from imaging.stage import Scalar
from imaging.tiff import Directory, Tag, check_segments, read_directories


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
        What `open_scan` does with the embedded ICC profile.
    orientation
        EXIF orientation, 1–8.
    dpi
        Resolution, dots per inch; ``None`` when the file does not state one.
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

    def as_parameters(self) -> dict[str, Scalar]:
        """Return what the file held before `open_scan` made it upright grey or sRGB, for a stage's record."""
        return {
            "source_color_model": str(self.color_model),
            "source_bits": self.bits,
            "source_bands": self.bands,
            "source_bands_left_out": self.left_out,
            "source_profile": str(self.profile),
            "source_orientation": self.orientation,
        }


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
_UNSTATED_DPI = 26
"""libvips reports 1 px/mm (25.4 dpi) for files that state no resolution."""
_FLOAT_OR_SIGNED = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_DEPTHS = (1, 2, 4, 8, 16)
_ALPHA = (1, 2)
"""ExtraSamples that are opacity; 0 leaves open what they are (TIFF 6.0, section 18)."""
_CIELAB = 8
"""PhotometricInterpretation (TIFF 6.0, section 23)."""


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
    return _open_header(path, limits, page, sequential=True)[1]


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
    image, properties = _open_header(path, limits, page, sequential=sequential)
    with decoding(path):
        if properties.orientation not in (1, 0):
            image = image.autorot()
        return as_plain_srgb(path, image, properties.color_model)


def _open_header(
    path: Path, limits: ScanLimits, page: int, *, sequential: bool
) -> tuple[pyvips.Image, ScanProperties]:
    kind = _recognize(path, limits)
    options: dict[str, object] = {}
    directory: Directory | None = None
    pages = 1
    if kind.loader == "tiffload":
        directory, pages = _tiff_page(path, limits, page)
        # libtiff refuses strips above 50 MB unless told otherwise; the limits were checked just now.
        options = {"page": directory.index, "unlimited": True}
    elif page != 0:
        raise UnsupportedScan(path, f"it has no page {page}", "Ask for page 0.")
    image = _load(path, kind, options, sequential=True)
    _check_size(path, image.width, image.height, limits)
    if directory is None and _meta(image, "n-pages", 1) > 1:
        raise UnsupportedScan(path, "it is an animation", "Export one picture as TIFF.")
    _check_inflation(path, kind, image)
    orientation = min(8, max(1, _meta(image, "orientation", 1)))
    if not sequential or orientation not in _STREAMABLE:
        image = _load(path, kind, options, sequential=False)
    width, height = image.width, image.height
    if orientation >= _SIDEWAYS:
        width, height = height, width
    color_model, colors, bits = _samples(path, image, directory)
    opaque = directory is not None and directory.first(Tag.EXTRA_SAMPLES, 0) not in _ALPHA
    left_out = image.bands - colors if opaque else 0
    if left_out:
        image = image.extract_band(0, n=colors)
    dpi = image.xres * 25.4
    return image, ScanProperties(
        path=path,
        media_type=kind.media_type,
        width=width,
        height=height,
        bits=bits,
        bands=image.bands if directory is None else directory.first(Tag.SAMPLES_PER_PIXEL, 1),
        left_out=left_out,
        color_model=color_model,
        pages=pages,
        profile=use_of_profile(image, color_model),
        orientation=orientation,
        dpi=round(dpi, 2) if dpi > _UNSTATED_DPI else None,
    )


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
        raise UnsupportedScan(path, "it can not be read", "Check the permissions of the file.") from error
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


def _tiff_page(path: Path, limits: ScanLimits, page: int) -> tuple[Directory, int]:
    directories = read_directories(path, limits.max_pages)
    pages = [d for d in directories if d.is_page] or directories[:1]
    if not 0 <= page < len(pages):
        raise UnsupportedScan(path, f"it has no page {page}", f"Ask for a page from 0 to {len(pages) - 1}.")
    directory = pages[page]
    _check_size(path, directory.first(Tag.WIDTH, 0), directory.first(Tag.HEIGHT, 0), limits)
    sample_format = _FLOAT_OR_SIGNED.get(directory.first(Tag.SAMPLE_FORMAT, 1))
    if sample_format and directory.first(Tag.PHOTOMETRIC, 1) != _CIELAB:
        raise UnsupportedScan(path, f"its samples are {sample_format}", "Export it with 8 or 16 bits.")
    if directory.first(Tag.PHOTOMETRIC, 1) == _CIELAB and directory.first(Tag.BITS_PER_SAMPLE, 1) == 8:
        remedy = "Export it as RGB, or with 16 bits."
        raise UnsupportedScan(path, "it is CIELAB of 8 bits, which libvips does not read", remedy)
    if directory.first(Tag.BITS_PER_SAMPLE, 1) not in _DEPTHS:
        depth = directory.first(Tag.BITS_PER_SAMPLE, 1)
        raise UnsupportedScan(path, f"it has {depth} bits per sample", "Export it with 8 or 16 bits.")
    check_segments(path, directory)
    return directory, len(pages)


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


def _load(path: Path, kind: _Format, options: dict[str, object], *, sequential: bool) -> pyvips.Image:
    with decoding(path):
        # Loaders are called by name: libvips would read "[…]" at the end of a file name as options. Without
        # revalidate its cache would return the pixels of a file that has been replaced since.
        return pyvips.Operation.call(
            kind.loader,
            os.fsencode(path),
            fail_on="error",
            revalidate=True,
            access="sequential" if sequential else "random",
            **options,
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
    model, colors = models.get(image.interpretation, (ColorModel.GREY, 0))
    if not colors <= image.bands <= colors + 1:
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
