"""CIE L*a*b* for the sRGB encoding, D65 white, 2° observer.

The constants are those of scikit-image (ITU-R BT.709 primaries to six digits), which is the oracle of the
tests: both agree within 2e-3 in L*, a* and b*, the difference being float32.
Arrays are float32, ``H×W×3`` (any leading shape will do): sRGB in 0–1, L* in 0–100, a* and b* about ±128.
"""

from __future__ import annotations

import numpy as np
import pyvips
from numpy.typing import NDArray

Array = NDArray[np.float32]

XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
"""Linear sRGB (0–1) to CIE XYZ with Y = 1 at white; the middle row is luminance."""
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)
WHITE = np.array([0.95047, 1.0, 1.08883])
"""D65, 2° observer."""

_EPSILON = 0.008856
_SLOPE = 7.787
_OFFSET = 16 / 116
_GAMUT_TOLERANCE = 1e-4
_BISECTIONS = 14


def srgb_to_lab(rgb: Array) -> Array:
    """Convert sRGB in 0–1 to L*a*b*.

    Examples
    --------
    >>> srgb_to_lab(np.array([[1, 0, 0]], np.float32)).round(2).tolist()
    [[53.2400016784668, 80.08999633789062, 67.19999694824219]]
    """
    xyz = decode_srgb(rgb) @ (XYZ_FROM_RGB / WHITE[:, None]).T.astype(np.float32)
    f = _compress(xyz)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


def lab_to_srgb(lab: Array) -> Array:
    """Convert L*a*b* to sRGB, unclipped: colors outside the gamut leave 0–1."""
    return encode_srgb(_lab_to_linear(lab))


def grey_to_lightness(grey: Array) -> Array:
    """Convert an sRGB-encoded grey in 0–1 (any shape) to L* in 0–100."""
    return _lightness_of_luminance(decode_srgb(np.asarray(grey, np.float32)))


def fit_gamut(lab: Array) -> Array:
    """Bring colors into the sRGB gamut by losing chroma; L* and hue stay.

    L* outside 0–100 is clipped first. Chroma is reduced by bisection to the largest share that fits, within
    6e-5 of itself.

    Examples
    --------
    >>> fitted = fit_gamut(np.array([[90, -128, 90]], np.float32))
    >>> float(fitted[0, 0]), bool(lab_to_srgb(fitted).min() > -1e-3)
    (90.0, True)
    """
    fitted = np.array(lab, np.float32)
    np.clip(fitted[..., 0], 0, 100, out=fitted[..., 0])
    outside = ~_in_gamut(fitted)
    if not outside.any():
        return fitted
    stray = fitted[outside]
    fits = np.zeros(len(stray), np.float32)
    fails = np.ones(len(stray), np.float32)
    for _ in range(_BISECTIONS):
        share: Array = ((fits + fails) / 2).astype(np.float32)
        inside = _in_gamut(_with_chroma(stray, share))
        fits = np.where(inside, share, fits)
        fails = np.where(inside, fails, share)
    fitted[outside] = _with_chroma(stray, fits)
    return fitted


def decode_srgb(encoded: Array) -> Array:
    """Undo the sRGB transfer curve (IEC 61966-2-1): encoded 0–1 to linear 0–1."""
    encoded = np.asarray(encoded, np.float32)
    curved = ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.where(encoded > 0.04045, curved, encoded / 12.92).astype(np.float32)


def encode_srgb(linear: Array) -> Array:
    """Apply the sRGB transfer curve (IEC 61966-2-1): linear 0–1 to encoded 0–1; the toe runs on below 0."""
    linear = np.asarray(linear, np.float32)
    curved = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear > 0.0031308, curved, linear * 12.92).astype(np.float32)


def lightness(image: pyvips.Image) -> pyvips.Image:
    """Return L* of an sRGB-encoded picture, lazily.

    Parameters
    ----------
    image
        8 or 16 bit (``uchar`` or ``ushort``), 1 or 3 bands, as `imaging.scan.open_scan` returns them.

    Returns
    -------
    pyvips.Image
        1 band, float, 0–100; the curve is evaluated once per code value, so nothing is rounded to 8 bit.
    """
    codes = 256 if image.format == "uchar" else 65536
    encoded = (np.arange(codes) / (codes - 1)).astype(np.float32)
    if image.bands == 1:
        return image.maplut(_table(grey_to_lightness(encoded))).copy(interpretation="b-w")
    linear = image.maplut(_table(decode_srgb(encoded)))
    luminance = linear.recomb(pyvips.Image.new_from_array(XYZ_FROM_RGB[1:2].tolist()))
    bent = (luminance ** (1 / 3)) * 116 - 16
    straight = luminance * (116 * _SLOPE)
    return (luminance > _EPSILON).ifthenelse(bent, straight).cast("float").copy(interpretation="b-w")


def _table(values: Array) -> pyvips.Image:
    return pyvips.Image.new_from_array(np.ascontiguousarray(values.reshape(1, -1)))


def _lightness_of_luminance(luminance: Array) -> Array:
    return (116 * _compress(luminance) - 16).astype(np.float32)


def _compress(share: Array) -> Array:
    return np.where(share > _EPSILON, np.cbrt(share), _SLOPE * share + _OFFSET).astype(np.float32)


def _expand(f: Array) -> Array:
    return np.where(f > 0.2068966, f**3, (f - _OFFSET) / _SLOPE).astype(np.float32)


def _lab_to_linear(lab: Array) -> Array:
    lab = np.asarray(lab, np.float32)
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1).astype(np.float32)
    linear: Array = _expand(f) @ (RGB_FROM_XYZ * WHITE).T.astype(np.float32)
    return linear


def _in_gamut(lab: Array) -> NDArray[np.bool_]:
    linear = _lab_to_linear(lab)
    inside: NDArray[np.bool_] = np.all(np.abs(linear - 0.5) < 0.5 + _GAMUT_TOLERANCE, axis=-1)
    return inside


def _with_chroma(lab: Array, share: Array) -> Array:
    return np.concatenate([lab[:, :1], lab[:, 1:] * share[:, None]], axis=1)
