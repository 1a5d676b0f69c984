"""PNG: colors are read as the chunks say them, and what is not read is said."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from struct import pack

import numpy as np
import pytest
import pyvips

from imaging.errors import CorruptScan
from imaging.profiles import ProfileUse
from imaging.scan import inspect_scan, open_scan
from tests.imaging.conftest import Picture

RAMP = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
COLORS = np.random.default_rng(2).integers(0, 256, (16, 16, 3), dtype=np.uint8)
ADOBE_RGB = [0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06]
ADOBE_TO_XYZ = np.array(
    [[0.5767309, 0.1855540, 0.1881852], [0.2973769, 0.6273491, 0.0752741], [0.0270343, 0.0706872, 0.9911085]]
)
XYZ_TO_SRGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
"""Both D65, from brucelindbloom.com."""


def chunk(kind: bytes, data: bytes, *, damaged: bool = False) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data) ^ damaged)


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", pack(">I", round(value * 100_000)))


def chromaticities(values: Sequence[float]) -> bytes:
    return chunk(b"cHRM", pack(">8I", *(round(value * 100_000) for value in values)))


def write_png(path: Path, pixels: Picture, *chunks: bytes) -> Path:
    height, width = pixels.shape[:2]
    kind = {2: 0, 3: 2}[pixels.ndim]
    bits = 8 * pixels.itemsize
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def encode(linear: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray:
    """IEC 61966-2-1."""
    linear = linear.clip(0, 1)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("value", [1.0, 1 / 1.8])
def test_gamma_is_obeyed(tmp_path: Path, value: float, deep: bool) -> None:
    pixels = RAMP.astype(np.uint16) * 257 if deep else RAMP
    for picture in (pixels, np.stack([pixels] * 3, axis=-1)):
        path = write_png(tmp_path / "a.png", picture, gamma(value))
        expected = encode((picture / picture.max()) ** (1 / value)) * 255
        got = open_scan(path).numpy() / (257 if deep else 1)
        assert inspect_scan(path).profile is ProfileUse.STATED
        assert np.abs(got - expected).max() < 1.5


def test_primaries_are_obeyed(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", COLORS, gamma(1 / 2.2), chromaticities(ADOBE_RGB))
    linear = (COLORS / 255) ** 2.19921875 @ ADOBE_TO_XYZ.T @ XYZ_TO_SRGB.T
    inside = ((linear > 0.01) & (linear < 0.99)).all(axis=-1)
    assert inside.sum() > 50
    assert inspect_scan(path).profile is ProfileUse.STATED
    assert np.abs(open_scan(path).numpy() - encode(linear) * 255)[inside].max() < 2


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (gamma(0.45455),),
        (gamma(0.45455), chromaticities([0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06])),
        (chunk(b"sRGB", b"\0"), gamma(1.0)),
        (chunk(b"cICP", bytes([1, 13, 0, 1])), gamma(1.0)),
    ],
)
def test_srgb_in_any_words_changes_no_pixel(tmp_path: Path, chunks: tuple[bytes, ...]) -> None:
    path = write_png(tmp_path / "a.png", COLORS, *chunks)
    assert np.array_equal(open_scan(path).numpy(), COLORS)
    assert inspect_scan(path).profile is ProfileUse.NONE


@pytest.mark.parametrize(
    "broken",
    [
        chunk(b"cICP", bytes([9, 16, 0, 1])),
        chunk(b"gAMA", pack(">I", 100_000), damaged=True),
        chunk(b"gAMA", b"\0\0\1"),
        chromaticities([0.3, 0] * 4),
        chromaticities([0.3127, 0.329] * 4),
        chunk(b"iCCP", b"name\0\0no deflate stream"),
        chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(400))),
        chunk(b"iCCP", b"name\0\0" + zlib.compress(pyvips.Image.profile_load("p3")), damaged=True),
    ],
)
def test_colors_that_are_not_read_are_taken_as_srgb_and_said_to_be(
    tmp_path: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_png(tmp_path / "a.png", COLORS, broken)
    assert np.array_equal(open_scan(path).numpy(), COLORS)
    assert inspect_scan(path).profile is ProfileUse.IGNORED
    assert "a.png: " in caplog.text
    assert "taken as sRGB" in caplog.text


def test_keywords_and_texts_are_latin_1(tmp_path: Path) -> None:
    texts = chunk(b"tEXt", "Künstler\0Böhm".encode("latin-1")) + chunk(b"tEXt", b"Title\0plain")
    path = write_png(tmp_path / "a.png", RAMP, texts)
    image = open_scan(path)
    assert np.array_equal(image.numpy(), RAMP)
    assert not [name for name in image.get_fields() if name.startswith("png-comment")]


def test_transparency_that_libpng_would_leave_away_is_refused(tmp_path: Path) -> None:
    clear = chunk(b"tRNS", pack(">H", 7))
    assert open_scan(write_png(tmp_path / "a.png", RAMP, clear)).numpy()[0, 7] == 255
    for broken in (chunk(b"tRNS", pack(">H", 7), damaged=True), chunk(b"tRNS", b"\0")):
        path = write_png(tmp_path / "b.png", RAMP, broken)
        with pytest.raises(CorruptScan, match=r"b\.png: .*transparency.*Copy"):
            open_scan(path)
