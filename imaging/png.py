"""Color chunks of a PNG other than an ICC profile, which libpng reads and libvips does not pass on.

PNG, third edition: sections 4.3 (which chunk takes precedence), 11.3.1 and 11.3.2 (the chunks).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError
from struct import unpack
from typing import BinaryIO

import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.errors import CorruptScan

_SIGNATURE_BYTES = 8
_SIZES = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"iCCP": None, b"tRNS": None}
"""Of the chunks that decide how samples look, the length in bytes where it is fixed."""
_MOST_CHUNKS = 10_000
_MOST_BYTES = 16 << 20
_SRGB_CICP = bytes([1, 13, 0, 1])
_SRGB = np.array([[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]])
"""x, y of white, red, green and blue."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""XYZ to cone responses (ICC.1:2022, annex E)."""
_LEAST_VOLUME = 1e-6
_LEAST_GAMMA = 0.01
_SAME_CHROMATICITY = 0.005
_SRGB_GAMMA = 1 / 2.2
_SAME_GAMMA = 0.01


@dataclass(frozen=True)
class StatedColors:
    """A color space as PNG chunks state it.

    Parameters
    ----------
    exponent
        Linear light is the sample, 0–1, to this power.
    matrix
        3×3, from its linear light to that of sRGB; ``None`` for the primaries of sRGB, and for grey.
    """

    exponent: float
    matrix: NDArray[np.float64] | None

    def to_srgb(self, image: pyvips.Image) -> pyvips.Image:
        """Return the picture (8 or 16 bits, grey or RGB, with or without opacity) in sRGB encoding."""
        deep = image.format == "ushort"
        colors = 1 if image.bands < 3 else 3
        opacity = image[colors] if image.bands > colors else None
        linear = np.linspace(0, 1, 65536 if deep else 256) ** self.exponent
        if self.matrix is None:
            table = (_encoded(linear) * (65535 if deep else 255)).round()
            table = table.astype(np.uint16 if deep else np.uint8)
            image = image.extract_band(0, n=colors).maplut(pyvips.Image.new_from_array(table[None]))
        else:
            table = pyvips.Image.new_from_array(linear.astype(np.float32)[None])
            light = image.extract_band(0, n=colors).maplut(table)
            light = light.recomb(pyvips.Image.new_from_array(self.matrix.tolist()))
            image = light.copy(interpretation="scrgb").colourspace("rgb16" if deep else "srgb")
        return image if opacity is None else image.bandjoin(opacity)


@dataclass(frozen=True)
class PngColor:
    """The color chunks of a PNG file.

    Parameters
    ----------
    chunks
        Their contents by type.
    damaged
        The types whose contents are not what their checksum or the specification says.
    """

    chunks: Mapping[bytes, bytes]
    damaged: frozenset[bytes]

    @property
    def has_profile(self) -> bool:
        """Whether there is an ICC profile, even a broken one."""
        return b"iCCP" in self.chunks or b"iCCP" in self.damaged

    @property
    def is_unread(self) -> bool:
        """Whether it names colors that are not read: coding-independent code points, or broken chunks."""
        foreign = self.chunks.get(b"cICP", _SRGB_CICP) != _SRGB_CICP
        return foreign or bool(self.damaged - {b"tRNS", b"iCCP"})

    def lacks_transparency(self, bands: int) -> bool:
        """Return whether there is a transparency chunk that libpng rejects."""
        return b"tRNS" in self.damaged or (b"tRNS" in self.chunks and bands in (1, 3))

    def stated(self, *, grey: bool) -> StatedColors | None:
        """Return the color space of gAMA and cHRM; ``None`` for sRGB, or when nothing is stated.

        Raises
        ------
        ValueError
            When that is not a color space.
        """
        if self.is_unread or b"sRGB" in self.chunks or b"cICP" in self.chunks:
            return None
        gamma, primaries = _SRGB_GAMMA, _SRGB
        if b"gAMA" in self.chunks:
            gamma = unpack(">I", self.chunks[b"gAMA"])[0] / 100_000
        if b"cHRM" in self.chunks and not grey:
            primaries = np.array(unpack(">8I", self.chunks[b"cHRM"])).reshape(4, 2) / 100_000
        if not _LEAST_GAMMA < gamma < 1 / _LEAST_GAMMA:
            raise ValueError(gamma)
        same_primaries = np.abs(primaries - _SRGB).max() < _SAME_CHROMATICITY
        # A gamma of 1/2.2 is what the specification writes for sRGB (section 11.3.2.5).
        if same_primaries and abs(gamma / _SRGB_GAMMA - 1) < _SAME_GAMMA:
            return None
        return StatedColors(1 / gamma, None if same_primaries else _to_linear(_SRGB, primaries))


def read_color(path: Path) -> PngColor:
    """Read the color chunks before the pixels of a PNG file.

    Raises
    ------
    CorruptScan
        When the file ends before its pixels.
    """
    chunks: dict[bytes, bytes] = {}
    damaged: set[bytes] = set()
    try:
        with path.open("rb") as stream:
            stream.seek(_SIGNATURE_BYTES)
            for kind, content, whole in _chunks(stream):
                if whole and _SIZES[kind] in (None, len(content)):
                    chunks.setdefault(kind, content)
                else:
                    damaged.add(kind)
    except (OSError, StructError) as error:
        raise CorruptScan(path, "it is cut off before its pixels", "Copy the file again.") from error
    return PngColor(chunks, frozenset(damaged))


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes, bool]]:
    for _ in range(_MOST_CHUNKS):
        length, kind = unpack(">I4s", stream.read(8))
        if kind in (b"IDAT", b"IEND"):
            return
        if kind not in _SIZES or length > _MOST_BYTES:
            stream.seek(length + 4, 1)
            continue
        content = stream.read(length)
        (checksum,) = unpack(">I", stream.read(4))
        yield kind, content, zlib.crc32(kind + content) == checksum


def _to_linear(target: NDArray[np.float64], source: NDArray[np.float64]) -> NDArray[np.float64]:
    to_target, to_xyz = np.linalg.inv(_rgb_to_xyz(target)), _rgb_to_xyz(source)
    whites = (_BRADFORD @ rgb.sum(axis=1) for rgb in (_rgb_to_xyz(target), to_xyz))
    scale = np.diag(np.divide(*whites))
    matrix: NDArray[np.float64] = to_target @ np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ to_xyz
    return matrix


def _rgb_to_xyz(chromaticities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix whose columns are XYZ of red, green and blue, adding up to white of Y = 1."""
    x, y = chromaticities.T
    if (y <= 0).any():
        raise ValueError(chromaticities)
    white, *colors = np.column_stack([x, y, 1 - x - y]) / y[:, None]
    basis = np.column_stack(colors)
    if abs(np.linalg.det(basis)) < _LEAST_VOLUME:
        raise ValueError(chromaticities)
    scaled: NDArray[np.float64] = basis * np.linalg.solve(basis, white)
    return scaled


def _encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
