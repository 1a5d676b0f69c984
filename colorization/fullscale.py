"""Chroma of the working scale upsampled to every pixel of the scan, in bounded memory, with L* unchanged.

Reads the scan top to bottom, a strip at a time, and yields the colored strips; nothing of full size is held.

Per pixel, `a* = A·L* + B` (and b* alike) with coefficients interpolated from the working scale. In CIE L*a*b*
(CIE 15:2004 §8.2.1) with ``f = (L* + 16) / 116`` and Y relative luminance, ``X/Xn = (f + a*/500)³``, hence

    X / (Xn·Y) = (1 + a*/(500 f))³ = (1 + 116·A/500 + (B − 16·A)/500 · 1/f)³

and Z alike with −b*/200. The right side is two interpolated coefficients and one table look-up, 1/f. Linear
RGB is then Y times a ratio whose luminance-weighted sum is one: L* stays what it was, whatever the chroma,
until the output is rounded. Colors outside the gamut have that ratio drawn towards one, so chroma is lost and
L* is not. Below L* = 8, where CIE L*a*b* has a straight toe, the cube is kept: color
fades into black.

Tables and interpolation run in OpenCV: the same expression in libvips operations took nine times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.lab import RGB_FROM_XYZ, XYZ_FROM_RGB, decode_srgb, encode_srgb
from imaging.streamed_image import Rows

Array = NDArray[np.float32]

_TOP = 65535.0
_STRIP_PIXELS = 1 << 21
_BLOCK_PIXELS = 1 << 17
"""Size of a block of work that stays in a core's cache, px."""
_LEAST_EXCESS = np.float32(1e-6)

WHITE = XYZ_FROM_RGB.sum(axis=1)
"""XYZ of R = G = B = 1, so that zero chroma is exactly neutral."""


class Primaries(StrEnum):
    """RGB primaries of the output; both use the sRGB curve and D65."""

    SRGB = "srgb"
    DISPLAY_P3 = "p3"


_XYZ_FROM_P3 = np.array(
    [
        [0.4865709486, 0.2656676932, 0.1982172852],
        [0.2289745641, 0.6917385218, 0.0792869141],
        [0.0, 0.0451133819, 1.0439443689],
    ]
)
_RGB_FROM_XYZ = {
    Primaries.SRGB: RGB_FROM_XYZ,
    # Scaled to the white of the sRGB matrix, which differs in the fourth digit.
    Primaries.DISPLAY_P3: np.linalg.inv(_XYZ_FROM_P3 * (WHITE / _XYZ_FROM_P3.sum(axis=1))[:, None]),
}


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of the ratios, at working scale.

    Parameters
    ----------
    field
        h×w×4 float32: for X the constant and the factor of 1/f, interleaved with those for Z:
        ``(x constant, z constant, x factor, z factor)``.
    """

    field: Array

    @classmethod
    def from_affine(cls, slope: Array, intercept: Array) -> Coefficients:
        """Build from `a*b* = slope · L* + intercept`, each h×w×2."""
        field = np.empty((*slope.shape[:2], 4), np.float32)
        scale = np.array([1 / 500, -1 / 200], np.float32)
        field[..., :2] = 1 + 116 * scale * slope
        field[..., 2:] = scale * (intercept - 16 * slope)
        return cls(field)


def strip_rows(width: int) -> int:
    """Return how many rows a strip of a picture `width` px wide has."""
    return max(16, _STRIP_PIXELS // width)


def colored_strips(
    image: pyvips.Image, coefficients: Coefficients, bits: int, primaries: Primaries = Primaries.SRGB
) -> Iterator[Rows]:
    """Yield the colored picture from top to bottom in strips of `strip_rows` rows.

    Parameters
    ----------
    image
        The scan, sRGB-encoded grey or RGB of 8 or 16 bits, as `imaging.scan.open_scan` returns it.
    coefficients
        From the working scale; any size.
    bits
        Of the output, 8 or 16.
    primaries
        Of the output.

    Yields
    ------
    numpy.ndarray
        rows×width×3, ``uint8`` or ``uint16``.

    Raises
    ------
    pyvips.Error
        When decoding the scan fails; see `imaging.scan.decoding`.
    """
    region = pyvips.Region.new(image)
    dtype = np.uint16 if image.format == "ushort" else np.uint8
    colored = _Kernel(16 if dtype == np.uint16 else 8, bits, primaries)
    rows, block = strip_rows(image.width), max(1, _BLOCK_PIXELS // image.width)
    for top in range(0, image.height, rows):
        height = min(rows, image.height - top)
        fetched: Rows = np.frombuffer(region.fetch(0, top, image.width, height), dtype)
        pixels = fetched.reshape(height, image.width, image.bands)
        strip = np.empty((height, image.width, 3), np.uint16 if bits == 16 else np.uint8)
        field = _StripField(coefficients.field, top, height, (image.width, image.height))
        for start in range(0, height, block):
            here = slice(start, min(start + block, height))
            strip[here] = colored(pixels[here], field.planes(here))
        yield strip


class _StripField:
    """The field along one strip of the full picture, bilinear, pixel centers aligned.

    A strip covers few rows of the field: they are enlarged horizontally once, and only mixed for every line.
    """

    def __init__(self, field: Array, top: int, height: int, size: tuple[int, int]) -> None:
        last = len(field) - 1
        lines = np.arange(top, top + height)
        at = np.clip((lines + 0.5) * (len(field) / size[1]) - 0.5, 0, last)
        above = np.minimum(at.astype(np.int64), max(0, last - 1))
        first, end = int(above[0]), min(int(above[-1]) + 2, last + 1)
        self._above = above - first
        self._below = np.minimum(self._above + 1, end - first - 1)
        self._share = (at - above).astype(np.float32)[:, None]
        rows = [np.ascontiguousarray(field[first:end, :, i]) for i in range(field.shape[2])]
        self._wide = [
            np.asarray(cv2.resize(row, (size[0], end - first), interpolation=cv2.INTER_LINEAR), np.float32)
            for row in rows
        ]

    def planes(self, here: slice) -> list[Array]:
        """Return the planes of the field for some lines of the strip."""
        mixed = []
        for wide in self._wide:
            plane = wide[self._below[here]]
            start = wide[self._above[here]]
            plane -= start
            plane *= self._share[here]
            plane += start
            mixed.append(plane)
        return mixed


class _Kernel:
    """The expression of the module's docstring, for blocks that fit the cache."""

    def __init__(self, bits_in: int, bits_out: int, primaries: Primaries) -> None:
        linear = _linear_codes(bits_in)
        self._luminance = (linear * _TOP).astype(np.float32)[None]
        self._per_band = [(linear * _TOP * weight).astype(np.float32)[None] for weight in XYZ_FROM_RGB[1]]
        self._inverse_f = _inverse_f(linear)[None]
        self._inverse_f_of_luminance = _inverse_f(np.arange(65536) / _TOP)[None]
        codes = 65535 if bits_out == 16 else 255
        encoded = encode_srgb((np.arange(65536) / _TOP).astype(np.float32))
        self._encode: NDArray[Any] = (encoded * codes).round()[None]
        self._encode = self._encode.astype(np.uint16 if bits_out == 16 else np.uint8)
        matrix = _RGB_FROM_XYZ[primaries]
        self._from_xz = (matrix[:, [0, 2]] * WHITE[[0, 2]]).astype(np.float32)

    def __call__(self, pixels: Rows, field: list[Array]) -> Rows:
        luminance, inverse_f = self._read(pixels)
        constant_x, constant_z, x, z = field
        _cube_less_one(x, inverse_f, constant_x)
        _cube_less_one(z, inverse_f, constant_z)
        excess: list[Array] = [x * from_x + z * from_z for from_x, from_z in self._from_xz]
        strength = _fitting_strength(luminance, excess)
        luminance += np.float32(0.5)
        planes = [(channel * strength + luminance).astype(np.uint16) for channel in excess]
        encoded: Rows = np.asarray(cv2.LUT(cv2.merge(planes), self._encode))
        return encoded

    def _read(self, pixels: Rows) -> tuple[Array, Array]:
        if pixels.shape[-1] == 1:
            return _look_up(pixels[..., 0], self._luminance), _look_up(pixels[..., 0], self._inverse_f)
        bands = [_look_up(p, table) for p, table in zip(_split(pixels), self._per_band, strict=True)]
        luminance = np.minimum(bands[0] + bands[1] + bands[2], np.float32(_TOP))
        rounded = (luminance + np.float32(0.5)).astype(np.uint16)
        return luminance, _look_up(rounded, self._inverse_f_of_luminance)


def _cube_less_one(factor: Array, inverse_f: Array, constant: Array) -> None:
    """Overwrite `factor` with ``(constant + factor · inverse_f)³ − 1``."""
    factor *= inverse_f
    factor += constant
    np.maximum(factor, 0, out=factor)
    cube = factor * factor
    cube *= factor
    np.subtract(cube, 1, out=factor)


def _fitting_strength(luminance: Array, excess: list[Array]) -> Array:
    """Return the largest factor for `excess` with which 0 ≤ Y + factor·excess ≤ 1."""
    highest = np.maximum(np.maximum(excess[0], excess[1]), excess[2])
    lowest = np.minimum(np.minimum(excess[0], excess[1]), excess[2])
    np.maximum(highest, _LEAST_EXCESS, out=highest)
    np.negative(lowest, out=lowest)
    np.maximum(lowest, 1, out=lowest)
    headroom = np.float32(_TOP) - luminance
    headroom /= highest
    strength: Array = np.minimum(headroom, luminance / lowest)
    return strength


def _look_up(codes: NDArray[Any], table: Array) -> Array:
    return np.asarray(cv2.LUT(np.ascontiguousarray(codes), table), np.float32)


def _split(pixels: NDArray[Any]) -> list[NDArray[Any]]:
    return [np.asarray(plane) for plane in cv2.split(pixels)]


def _linear_codes(bits: int) -> NDArray[np.float64]:
    codes = 1 << bits
    return decode_srgb((np.arange(codes) / (codes - 1)).astype(np.float32)).astype(np.float64)


def _inverse_f(luminance: NDArray[np.float64]) -> Array:
    f = np.where(luminance > 0.008856, np.cbrt(luminance), 7.787 * luminance + 16 / 116)
    return (1 / f).astype(np.float32)
