"""Any color model and profile that a scan may have, brought to grey or RGB in sRGB encoding."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyvips

logger = logging.getLogger(__name__)

_SAME_COLOR = 0.75 / 255
"""A profile that moves no color by more than this is sRGB; applying it would only add rounding."""
_CURVES: Mapping[bytes, frozenset[bytes]] = {
    b"GRAY": frozenset({b"kTRC"}),
    b"RGB ": frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}),
    b"CMYK": frozenset({b"A2B0"}),
}
"""The tags of a profile by color space, unless it has tables (A2B)."""
_INTENT = {"intent": "relative", "black_point_compensation": True}


class ColorModel(StrEnum):
    """How the file stores its samples, before `open_scan` brings them to grey or sRGB."""

    GREY = "grey"
    RGB = "rgb"
    CMYK = "cmyk"
    LAB = "lab"
    BILEVEL = "bilevel"
    PALETTE = "palette"


class ProfileUse(StrEnum):
    """What becomes of the ICC profile that a file has embedded."""

    NONE = "none"
    """It has none."""
    APPLIED = "applied"
    IGNORED = "ignored"
    """It is broken or of another color model, and samples are taken as sRGB; or they are CIELAB."""


def use_of_profile(image: pyvips.Image, model: ColorModel) -> ProfileUse:
    """Return what `as_plain_srgb` does with the profile of a decoded page."""
    if image.get_typeof("icc-profile-data") == 0:
        return ProfileUse.NONE
    space = b"CMYK" if model is ColorModel.CMYK else b"GRAY" if image.bands < 3 else b"RGB "
    fits = model is not ColorModel.LAB and _is_profile(image.get("icc-profile-data"), space)
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


def as_plain_srgb(path: Path, image: pyvips.Image, model: ColorModel) -> pyvips.Image:
    """Return a decoded page as 1 or 3 bands in sRGB encoding, opaque, without the file's own metadata.

    Parameters
    ----------
    path
        The file, for the log.
    image
        As libvips decoded it, upright.
    model
        How the file stores its samples.
    """
    return _plain(_without_alpha(_as_srgb(path, image, model)))


def _as_srgb(path: Path, image: pyvips.Image, model: ColorModel) -> pyvips.Image:
    deep = image.format == "ushort" or image.interpretation == "labs"
    if model is ColorModel.LAB:
        return image.colourspace("rgb16" if deep else "srgb")
    if model is ColorModel.CMYK:
        depth = 16 if deep else 8
        return image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth, **_INTENT)
    use = use_of_profile(image, model)
    if use is ProfileUse.IGNORED:
        logger.warning("%s: its color profile is broken or not of its color model; taken as sRGB", path.name)
    if use is not ProfileUse.APPLIED:
        return image
    return _grey_as_srgb(image) if image.bands < 3 else _rgb_as_srgb(image)


def _grey_as_srgb(image: pyvips.Image) -> pyvips.Image:
    deep = image.format == "ushort"
    codes = _with_profile_of(image, pyvips.Image.identity(ushort=deep, size=65536 if deep else 256))
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
    moved = _with_profile_of(image, sample).icc_transform("srgb", embedded=True, depth=16, **_INTENT).numpy()
    if np.abs(moved.astype(np.float64) - cube).max() / 65535 < _SAME_COLOR:
        return image
    return image.icc_transform("srgb", embedded=True, depth=16 if image.format == "ushort" else 8, **_INTENT)


def _with_profile_of(image: pyvips.Image, sample: pyvips.Image) -> pyvips.Image:
    profile = image.get("icc-profile-data")
    sample = sample.copy()
    sample.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return sample


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
    for name in image.get_fields():
        if name in ("icc-profile-data", "orientation", "exif-data") or name.startswith("exif-"):
            image.remove(name)
    return image
