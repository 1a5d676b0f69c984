"""Every photometric interpretation, depth, plane, tile and compression: read rightly, or refused by name.

What the generated files hold is known; tifffile and Pillow confirm that the files say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, UnidentifiedImageError

from imaging.errors import UnsupportedScan
from imaging.profiles import ColorSpace, ProfileUse, as_plain_srgb
from imaging.scan import inspect_scan, open_scan
from tests.imaging.tiffs import Samples, Tiff

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
COLORS = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    SEPARATED: 4,
    YCBCR: 3,
    CIELAB: 3,
}
NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 7, 8, 32946, 32773
LOSSLESS = (NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS)
ALPHA = 2
HEIGHT, WIDTH = 21, 37


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("further", [0, 1])
@pytest.mark.parametrize("photometric", COLORS)
def test_every_layout_without_loss(tmp_path: Path, photometric: int, bits: int, further: int) -> None:
    samples = picture(COLORS[photometric] + further, bits)
    if further:
        samples[..., -1] = 2**bits - 1
    confirmed, expected = 0, None
    for tiff in layouts(photometric, bits, further):
        path = tiff.write(tmp_path / "a.tif", samples)
        if not is_read(tiff, samples.shape[2]):
            assert_refused(path)
            continue
        if expected is None:
            expected = upright_srgb(path, tiff, samples[..., : COLORS[photometric]])
        assert inspect_scan(path).left_out == 0
        assert np.array_equal(open_scan(path).numpy(), expected), tiff
        confirmed += is_confirmed(path, tiff, samples)
    assert confirmed or not is_read(Tiff(photometric, bits), samples.shape[2])


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    ("photometric", "read"),
    [(BLACK_IS_ZERO, True), (RGB, True), (YCBCR, True), (PALETTE, False), (WHITE_IS_ZERO, True)],
)
def test_jpeg_in_every_layout(
    tmp_path: Path, photometric: int, read: bool, planar: bool, tiled: bool
) -> None:
    samples = picture(COLORS[photometric], 8)
    extra = {320: list(range(0, 65536, 256)) * 3} if photometric == PALETTE else {}
    tiff = Tiff(photometric, 8, planar, tiled, JPEG, tags={530: [1, 1], **extra})
    path = tiff.write(tmp_path / "a.tif", samples)
    in_planes = planar and COLORS[photometric] > 1
    if not read or (in_planes and (tiled or photometric == YCBCR)):
        assert_refused(path)
        return
    seen = open_scan(path).numpy().reshape(samples.shape).astype(int)
    expected = samples.astype(int) if photometric != WHITE_IS_ZERO else 255 - samples.astype(int)
    assert np.abs(seen - expected).max() <= 12
    assert np.abs(seen - expected).mean() < 2


@pytest.mark.parametrize("tiled", [False, True])
def test_subsampled_jpeg_agrees_with_pillow(tmp_path: Path, tiled: bool) -> None:
    samples = picture(3, 8)
    tiff = Tiff(YCBCR, 8, False, tiled, JPEG, subsampling=2, tags={530: [2, 2]})
    path = tiff.write(tmp_path / "a.tif", samples)
    with Image.open(path) as others:
        expected = np.asarray(others.convert("RGB")).astype(int)
    difference = np.abs(open_scan(path).numpy().astype(int) - expected)
    # Decoders differ in how they smooth chroma between blocks.
    assert difference.mean() < 2


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_compression_agrees_with_pillow(tmp_path: Path, compression: str) -> None:
    bits = (np.indices((HEIGHT, WIDTH)).sum(axis=0) // 5 % 2).astype(bool)
    Image.fromarray(bits).save(tmp_path / "a.tif", compression=compression)
    assert np.array_equal(open_scan(tmp_path / "a.tif").numpy(), bits * np.uint8(255))


@pytest.mark.parametrize("photometric", [4, 9, 10, 32803, 32844, 32845, 34892, 51177, 12345])
def test_other_photometric_interpretations_are_refused(tmp_path: Path, photometric: int) -> None:
    for bits, planar, tiled in product((8, 16), (False, True), (False, True)):
        path = Tiff(photometric, bits, planar, tiled).write(tmp_path / "a.tif", picture(3, bits))
        assert_refused(path)


@pytest.mark.parametrize("compression", [6, 34925, 34712, 33003, 32809, 32766, 32909, 34676, 34887, 4711])
@pytest.mark.parametrize("tiled", [False, True])
def test_other_compressions_are_refused(tmp_path: Path, compression: int, tiled: bool) -> None:
    for photometric in (BLACK_IS_ZERO, RGB, YCBCR):
        tiff = Tiff(photometric, tiled=tiled, tags={259: [compression]})
        assert_refused(tiff.write(tmp_path / "a.tif", picture(COLORS[photometric], 8)))


@pytest.mark.parametrize("bits", [3, 6, 10, 12, 14, 24, 32, 64])
def test_other_depths_are_refused(tmp_path: Path, bits: int) -> None:
    for photometric in (BLACK_IS_ZERO, RGB):
        colors = COLORS[photometric]
        tiff = Tiff(photometric, 16, tags={258: [bits] * colors})
        assert_refused(tiff.write(tmp_path / "a.tif", picture(colors, 16)))


@pytest.mark.parametrize("subsampling", [[1, 1], [2, 1], [2, 2]])
@pytest.mark.parametrize("compression", LOSSLESS)
def test_ycbcr_without_jpeg_is_not_taken_for_rgb(
    tmp_path: Path, compression: int, subsampling: list[int]
) -> None:
    tiff = Tiff(YCBCR, compression=compression, tags={530: subsampling})
    assert_refused(tiff.write(tmp_path / "a.tif", picture(3, 8)))


def picture(samples: int, bits: int) -> Samples:
    """Smooth, so that JPEG keeps it, and different in each sample."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    codes = np.stack([x * (2 + n) + y * (3 - n % 3) + 9 * n for n in range(samples)], axis=-1) % 256
    deep = codes * 257 if bits == 16 else codes >> (8 - bits)
    return deep.astype(np.uint16 if bits == 16 else np.uint8)


def layouts(photometric: int, bits: int, further: int) -> Iterator[Tiff]:
    tags: dict[int, list[int]] = {338: [ALPHA]} if further else {}
    if photometric == PALETTE:
        tags[320] = np.random.default_rng(2).integers(0, 65536, 3 * 2**bits).tolist()
    # Each conversion of CMYK takes a tenth of a second.
    compressions = LOSSLESS if photometric != SEPARATED else (NONE, LZW)
    for planar, tiled, compression in product((False, True), (False, True), compressions):
        tiff = Tiff(photometric, bits, planar, tiled, compression, tags=tags)
        yield tiff
        if compression in (NONE, LZW):
            yield replace(tiff, order=">")
        if compression in (LZW, DEFLATE) and bits >= 8:
            yield replace(tiff, predictor=2)


def is_read(tiff: Tiff, samples: int) -> bool:
    """Say what is promised to be read of `layouts`."""
    further = samples > COLORS[tiff.photometric]
    depths = {
        WHITE_IS_ZERO: (8, 16) if further else (1, 2, 4, 8, 16),
        BLACK_IS_ZERO: (8, 16) if further else (1, 2, 4, 8, 16),
        RGB: (8, 16),
        PALETTE: (8,) if further else (1, 2, 4, 8),
        SEPARATED: (8, 16),
        YCBCR: (),
        CIELAB: () if further else (16,),
    }[tiff.photometric]
    in_planes = tiff.planar and samples > 1
    return tiff.bits in depths and not (
        in_planes and (tiff.tiled or tiff.photometric not in (RGB, SEPARATED))
    )


def upright_srgb(path: Path, tiff: Tiff, colors: Samples) -> Samples:
    """Return what `open_scan` must yield for opaque samples."""
    if tiff.photometric == PALETTE:
        return (np.array(tiff.tags[320]).reshape(3, -1) >> 8).T[colors[..., 0]].astype(np.uint8)
    if tiff.photometric == SEPARATED:
        image = pyvips.Image.new_from_array(colors).copy(interpretation="cmyk")
        return as_plain_srgb(path, image, ColorSpace.CMYK, ProfileUse.NONE).numpy()
    if tiff.photometric == CIELAB:
        # TIFF counts L* to 65535 and a*, b* in 1/256 (section 23); libvips' LabS L* to 32767.
        lab = colors.view(np.int16).copy()
        lab[..., 0] = colors[..., 0] >> 1
        image = pyvips.Image.new_from_array(lab).copy(interpretation="labs")
        return image.colourspace("rgb16").numpy()
    top = 2**tiff.bits - 1
    codes = top - colors if tiff.photometric == WHITE_IS_ZERO else colors
    scale = 255 // top if tiff.bits < 8 else 1
    return (codes * codes.dtype.type(scale)).squeeze()


def is_confirmed(path: Path, tiff: Tiff, samples: Samples) -> bool:
    """Hold a file against the other decoders that can read it; return whether one could."""
    confirmed = False
    if tiff.compression != LZW and tiff.bits not in (2, 4):
        others = tifffile.imread(path)
        others = np.moveaxis(others, 0, -1) if tiff.planar and others.ndim == 3 else others
        assert np.array_equal(others.reshape(samples.shape), samples), tiff
        confirmed = True
    modes = {WHITE_IS_ZERO: "L", BLACK_IS_ZERO: "L", RGB: "RGB", PALETTE: "P", SEPARATED: "CMYK"}
    if samples.shape[2] == COLORS[tiff.photometric] and not tiff.planar and 1 < tiff.bits <= 8:
        try:
            with Image.open(path) as picture:
                if picture.mode != modes.get(tiff.photometric):
                    return confirmed
                top = 2**tiff.bits - 1
                scale = 255 // top if picture.mode == "L" else 1
                codes = top - samples if tiff.photometric == WHITE_IS_ZERO else samples
                assert np.array_equal(np.asarray(picture).reshape(samples.shape), codes * scale), tiff
        except UnidentifiedImageError:
            return confirmed
        confirmed = True
    return confirmed


def assert_refused(path: Path) -> None:
    for refusing in (inspect_scan, open_scan):
        with pytest.raises(UnsupportedScan) as caught:
            refusing(path)
        assert "xport it" in caught.value.remedy or "evelop it" in caught.value.remedy
