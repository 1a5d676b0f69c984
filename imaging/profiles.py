"""Any color model and profile that a scan may have, brought to grey or RGB in sRGB encoding."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyvips
from pyvips import ffi, glib_lib, vips_lib

logger = logging.getLogger(__name__)

_SAME_COLOR = 0.75 / 255
"""A profile that moves no color by more than this is sRGB; applying it would only add rounding."""
_CURVES: Mapping[bytes, frozenset[bytes]] = {
    b"GRAY": frozenset({b"kTRC"}),
    b"RGB ": frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}),
    b"CMYK": frozenset({b"A2B0"}),
}
"""The tags of a profile by color space, unless it has tables (A2B)."""
_IGNORED = "%s: its color profile is broken, not supported or of another color model; taken as sRGB"
_DESCRIBING = (b"exif-", b"png-comment-")
_INTENT = {"intent": "relative", "black_point_compensation": True}


class ColorSpace(StrEnum):
    """How the file stores its samples, before `open_scan` brings them to grey or sRGB."""

    GREY = "grey"
    RGB = "rgb"
    CMYK = "cmyk"
    LAB = "lab"
    BILEVEL = "bilevel"
    PALETTE = "palette"


class ProfileUse(StrEnum):
    """How the embedded ICC profile of a file is used."""

    NONE = "none"
    """It has none."""
    APPLIED = "applied"
    IGNORED = "ignored"
    """It is broken or of another color model, and samples are taken as sRGB; or they are CIELAB."""
    STATED = "stated"
    """It has none, but states gamma or primaries by other means (PNG: gAMA, cHRM), which are applied."""


def use_of_profile(image: pyvips.Image, model: ColorSpace) -> ProfileUse:
    """Return what `as_plain_srgb` does with the profile of a decoded page."""
    if image.get_typeof("icc-profile-data") == 0:
        return ProfileUse.NONE
    space = b"CMYK" if model is ColorSpace.CMYK else b"GRAY" if image.bands < 3 else b"RGB "
    profile = image.get("icc-profile-data")
    fits = model is not ColorSpace.LAB and _is_profile(profile, space) and _transforms(profile, space)
    return ProfileUse.APPLIED if fits else ProfileUse.IGNORED


def _is_profile(profile: bytes, space: bytes) -> bool:
    """Return whether this is an ICC profile of a color `space`, whole (ICC.1:2022, sections 7.2, 7.3 and 8).

    libvips does not tell: it takes a profile of its own instead of a broken one.
    """
    size, tags = int.from_bytes(profile[:4], "big"), int.from_bytes(profile[128:132], "big")
    ends = 132 + 12 * tags
    if profile[36:40] != b"acsp" or profile[16:20] != space or not ends <= size <= len(profile):
        return False
    table = [struct.unpack_from(">4sII", profile, start) for start in range(132, ends, 12)]
    known = {tag for tag, _, _ in table}
    useful = _CURVES[space] <= known or any(tag.startswith(b"A2B") for tag in known)
    return useful and all(offset + length <= size for _, offset, length in table)


def _transforms(profile: bytes, space: bytes) -> bool:
    """Return whether a pixel goes through; curves and tables are read only then."""
    interpretation, bands = {b"GRAY": ("b-w", 1), b"RGB ": ("srgb", 3), b"CMYK": ("cmyk", 4)}[space]
    pixel = pyvips.Image.black(1, 1, bands=bands).copy(interpretation=interpretation)
    try:
        _with_profile(pixel, profile).icc_transform("srgb", embedded=True, **_INTENT).avg()
    except pyvips.Error:
        return False
    return True


def as_plain_srgb(path: Path, image: pyvips.Image, model: ColorSpace, use: ProfileUse) -> pyvips.Image:
    """Return a decoded page as 1 or 3 bands in sRGB encoding, opaque, without the file's own metadata.

    Parameters
    ----------
    path
        The file, for the log.
    image
        As libvips decoded it, upright.
    model
        How the file stores its samples.
    use
        The use of its profile, see `use_of_profile`.
    """
    return _plain(_without_alpha(_as_srgb(path, image, model, use)))


def _as_srgb(path: Path, image: pyvips.Image, model: ColorSpace, use: ProfileUse) -> pyvips.Image:
    deep = image.format == "ushort" or image.interpretation == "labs"
    if model is ColorSpace.LAB:
        return image.colourspace("rgb16" if deep else "srgb")
    if use is ProfileUse.IGNORED:
        logger.warning(_IGNORED, path.name)
        image = image.copy()
        image.remove("icc-profile-data")
    if model is ColorSpace.CMYK:
        depth = 16 if deep else 8
        return image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth, **_INTENT)
    if use is not ProfileUse.APPLIED:
        return image
    return _grey_as_srgb(image) if image.bands < 3 else _rgb_as_srgb(image)


def _grey_as_srgb(image: pyvips.Image) -> pyvips.Image:
    deep = image.format == "ushort"
    profile = image.get("icc-profile-data")
    codes = _with_profile(pyvips.Image.identity(ushort=deep, size=65536 if deep else 256), profile)
    curve = codes.icc_transform("srgb", embedded=True, depth=16, **_INTENT)[1]
    table = curve.numpy().astype(np.float64) / 65535
    if np.abs(table - np.linspace(0, 1, table.shape[1])).max() < _SAME_COLOR:
        return image
    top = 65535 if deep else 255
    curve = pyvips.Image.new_from_array((table * top).round().astype(np.uint16 if deep else np.uint8))
    converted = image[0].maplut(curve)
    return converted.bandjoin(image[1]) if image.bands == 2 else converted


def _rgb_as_srgb(image: pyvips.Image) -> pyvips.Image:
    steps = np.linspace(0, 65535, 9).round().astype(np.uint16)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(9, 81, 3)
    sample = pyvips.Image.new_from_array(cube).copy(interpretation="rgb16")
    sample = _with_profile(sample, image.get("icc-profile-data"))
    moved = sample.icc_transform("srgb", embedded=True, depth=16, **_INTENT).numpy()
    if np.abs(moved.astype(np.float64) - cube).max() / 65535 < _SAME_COLOR:
        return image
    return image.icc_transform("srgb", embedded=True, depth=16 if image.format == "ushort" else 8, **_INTENT)


def _with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def _without_alpha(image: pyvips.Image) -> pyvips.Image:
    return (
        image.flatten(background=[65535 if image.format == "ushort" else 255]) if image.hasalpha() else image
    )


def _plain(image: pyvips.Image) -> pyvips.Image:
    deep = image.format == "ushort"
    if image.bands == 1:
        image = image.copy(interpretation="grey16" if deep else "b-w")
    else:
        image = image.copy(interpretation="rgb16" if deep else "srgb")
    # Pixels are sRGB and upright from here on; what described the file no longer describes them.
    for name in _field_names(image):
        if name in (b"icc-profile-data", b"orientation", b"exif-data") or name.startswith(_DESCRIBING):
            vips_lib.vips_image_remove(image.pointer, name)
    return image


def _field_names(image: pyvips.Image) -> list[bytes]:
    # pyvips reads names as UTF-8; the keywords of a PNG, which libvips makes names of, are Latin-1.
    fields = vips_lib.vips_image_get_fields(image.pointer)
    names: list[bytes] = []
    while fields[len(names)] != ffi.NULL:
        names.append(ffi.string(fields[len(names)]))
        glib_lib.g_free(fields[len(names) - 1])
    glib_lib.g_free(fields)
    return names
