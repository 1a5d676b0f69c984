"""Which TIFF pages libvips reads correctly; all others are refused by name, from the header alone.

A list of what is read, not of what is not: libvips and libtiff accept many combinations that they then
scramble or fill with black. `tests/imaging/test_tiff_matrix.py` compares the list with other decoders. TIFF
6.0 §§3–8, 14–16, 18–23; the numbers of later tags as in libtiff's ``tiff.h``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from imaging.errors import UnsupportedScan
from imaging.pyramid import Compression, is_available
from imaging.tiff import Directory, Tag


class Photometric(IntEnum):
    """What the samples of a pixel mean (TIFF 6.0 §§8, 16, 20, 21 and 23), as far as it is read."""

    WHITE_IS_ZERO = 0
    BLACK_IS_ZERO = 1
    RGB = 2
    PALETTE = 3
    SEPARATED = 5
    YCBCR = 6
    CIELAB = 8


class Packing(IntEnum):
    """Compressions that are distinguished here."""

    NONE = 1
    CCITT_RLE = 2
    CCITT_T4 = 3
    CCITT_T6 = 4
    LZW = 5
    JPEG = 7
    DEFLATE = 8
    CCITT_RLE_WORDS = 32771
    PACKBITS = 32773
    OLD_DEFLATE = 32946
    ZSTD = 50000
    WEBP = 50001


@dataclass(frozen=True)
class _Reading:
    name: str
    colors: int
    depths: tuple[int, ...]
    """Bits per sample of chunky pixels without further samples."""
    deep: tuple[int, ...] = ()
    """Bits per sample where one further sample may follow."""


_READ: Mapping[int, _Reading] = {
    Photometric.WHITE_IS_ZERO: _Reading("grey", 1, (1, 2, 4, 8, 16), (8, 16)),
    Photometric.BLACK_IS_ZERO: _Reading("grey", 1, (1, 2, 4, 8, 16), (8, 16)),
    Photometric.RGB: _Reading("RGB", 3, (8, 16), (8, 16)),
    Photometric.PALETTE: _Reading("palette color", 1, (1, 2, 4, 8), (8,)),
    Photometric.SEPARATED: _Reading("CMYK", 4, (8, 16), (8, 16)),
    Photometric.YCBCR: _Reading("YCbCr", 3, (8,)),
    Photometric.CIELAB: _Reading("CIELAB", 3, (16,)),
}
_BILEVEL = frozenset({Packing.CCITT_RLE, Packing.CCITT_T4, Packing.CCITT_T6, Packing.CCITT_RLE_WORDS})
_LOSSY = frozenset({Packing.JPEG, Packing.WEBP})
_DIFFERENCED = frozenset({Packing.LZW, Packing.DEFLATE, Packing.OLD_DEFLATE, Packing.ZSTD})
_OPTIONAL = {Packing.ZSTD: Compression.ZSTD, Packing.WEBP: Compression.WEBP}
_OTHER_COMPRESSIONS = {
    6: "old-style JPEG (compression 6)",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT RLE",
    32809: "ThunderScan RLE",
    32908: "PixarFilm",
    32909: "PixarLog",
    32947: "Kodak DCS",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of a raw photograph",
    34925: "LZMA",
    50000: "ZSTD",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_OTHER_PHOTOMETRICS = {
    4: "a transparency mask",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "raw data of a color filter array",
    32844: "CIE LogL",
    32845: "CIE LogLuv",
    34892: "linear raw data",
    51177: "a depth map",
    52527: "a semantic mask",
}
_RAW = frozenset({32803, 34892})
_SAMPLES = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_ONE_SAMPLE = 1
_SEPARATE_PLANES = 2
_CMYK_INKS = 1

_REPACK = "Export it as TIFF with LZW, Deflate or no compression."
_REDEPTH = "Export it with 8 or 16 bits."
_AS_RGB = "Export it as grey or RGB."
_INTERLEAVE = "Export it with interleaved samples (PlanarConfiguration 1)."


def check_supported(directory: Directory) -> None:
    """Refuse a page that is not read correctly, naming what is not supported.

    Raises
    ------
    UnsupportedScan
        Whose remedy is a change of format: the data may be sound.
    """
    refusal = _refusal(directory)
    if refusal is not None:
        raise UnsupportedScan(directory.path, *refusal)


def colors_of(directory: Directory) -> int:
    """Return how many samples of a pixel are color, for a page that `check_supported` let pass."""
    return _READ[directory.first(Tag.PHOTOMETRIC, 1)].colors


def _refusal(directory: Directory) -> tuple[str, str] | None:
    return _photometric(directory) or _compression(directory) or _depth(directory) or _planes(directory)


def _photometric(directory: Directory) -> tuple[str, str] | None:
    meaning = directory.first(Tag.PHOTOMETRIC, -1)
    if meaning < 0:
        fault = "its header does not state what its samples mean (PhotometricInterpretation)"
        return fault, "Open it in an image editor and export it as grey or RGB."
    if meaning not in _READ:
        name = _OTHER_PHOTOMETRICS.get(meaning, f"of photometric interpretation {meaning}")
        remedy = "Develop it to TIFF, grey or RGB." if meaning in _RAW else _AS_RGB
        return f"it is {name}, which is not read", remedy
    if meaning == Photometric.SEPARATED and directory.first(Tag.INK_SET, _CMYK_INKS) != _CMYK_INKS:
        return "its inks are not CMYK", _AS_RGB
    return None


def _compression(directory: Directory) -> tuple[str, str] | None:
    packing = directory.first(Tag.COMPRESSION, Packing.NONE)
    known = packing in set(Packing)
    if not known or (packing in _OPTIONAL and not is_available(_OPTIONAL[Packing(packing)])):
        name = _OTHER_COMPRESSIONS.get(packing, f"compression {packing}")
        return f"it is packed with {name}, which is not read", _REPACK
    if packing in _BILEVEL and _bits(directory) != {1}:
        return "its fax compression packs more than black and white", _REPACK
    predictor = directory.first(Tag.PREDICTOR, 1)
    if packing in _DIFFERENCED and predictor > 2:
        return f"its samples are packed with predictor {predictor}", _REPACK
    return None


def _depth(directory: Directory) -> tuple[str, str] | None:
    formats = directory.all(Tag.SAMPLE_FORMAT) or (1,)
    meaning = directory.first(Tag.PHOTOMETRIC, 1)
    odd = next((_SAMPLES[each] for each in formats if each in _SAMPLES), None)
    if odd and meaning != Photometric.CIELAB:
        return f"its samples are {odd}", _REDEPTH
    depths = _bits(directory)
    if len(depths) > 1:
        return f"its samples have {', '.join(map(str, sorted(depths)))} bits each", _REDEPTH
    (bits,) = depths
    read = _READ[meaning]
    if meaning == Photometric.CIELAB and bits == 8:
        return "it is CIELAB of 8 bits, which libvips does not read", "Export it as RGB, or with 16 bits."
    if bits not in read.depths:
        return f"it has {bits} bits per sample as {read.name}", _REDEPTH
    return None


def _planes(directory: Directory) -> tuple[str, str] | None:
    meaning, packing = directory.first(Tag.PHOTOMETRIC, 1), directory.first(Tag.COMPRESSION, Packing.NONE)
    read, samples = _READ[meaning], directory.first(Tag.SAMPLES_PER_PIXEL, 1)
    (bits,) = _bits(directory)
    further = samples - read.colors
    if further < 0 or further > 1 or (further and bits not in read.deep):
        return f"it is {read.name} of {bits} bits with {samples} of {read.colors} samples per pixel", _AS_RGB
    if meaning == Photometric.YCBCR and packing != Packing.JPEG:
        return "its colors are YCbCr without JPEG compression", "Export it as RGB."
    if packing in _LOSSY and (
        further or bits != 8 or meaning in (Photometric.PALETTE, Photometric.SEPARATED)
    ):
        return f"it is {read.name} of {samples} samples packed with {Packing(packing).name}", _REPACK
    if samples > _ONE_SAMPLE and directory.first(Tag.PLANAR_CONFIGURATION, 1) == _SEPARATE_PLANES:
        if directory.is_tiled:
            return "its samples lie in tiles of separate planes", _INTERLEAVE
        if read.colors == _ONE_SAMPLE or meaning in (Photometric.YCBCR, Photometric.CIELAB):
            more = " with another sample" if further else ""
            return f"it is {read.name}{more} in separate planes", _INTERLEAVE
    return None


def _bits(directory: Directory) -> frozenset[int]:
    samples = max(1, directory.first(Tag.SAMPLES_PER_PIXEL, 1))
    return frozenset(directory.all(Tag.BITS_PER_SAMPLE)[:samples]) or frozenset({1})
