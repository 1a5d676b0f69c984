"""Pyramids hold every pixel, say what they are, and are whole or absent."""

import gc
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pyvips
import tifffile
from PIL import Image

from imaging.errors import CorruptScan, OptionsError, StoreError
from imaging.profiles import ProfileUse
from imaging.pyramid import (
    Compression,
    PyramidOptions,
    is_available,
    replace_xmp,
    write_jpeg,
    write_pyramid,
)
from imaging.scan import decoding, inspect_scan, open_scan
from imaging.tiff import Tag, read_directories, read_layout

XMP = (
    b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>"
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/><?xpacket end='w'?>"
)
LOSSLESS = [c for c in Compression if c not in (Compression.JPEG, Compression.WEBP) and is_available(c)]


def picture(width: int = 700, height: int = 500, bands: int = 3, kind: type = np.uint8) -> np.ndarray:
    """Smooth ramps with grain: compressible, and different everywhere."""
    top = np.iinfo(kind).max
    base = np.add.outer(np.linspace(0, 0.6, height), np.linspace(0, 0.3, width))[..., None] * np.ones(bands)
    grain = np.random.default_rng(2).random((height, width, bands)) * 0.1
    return np.squeeze(((base + grain) * top).astype(kind))


def image_of(array: np.ndarray) -> pyvips.Image:
    image = pyvips.Image.new_from_array(array)
    names = {(1, "uchar"): "b-w", (3, "uchar"): "srgb", (1, "ushort"): "grey16", (3, "ushort"): "rgb16"}
    return image.copy(interpretation=names[image.bands, image.format])


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
def test_lossless_pyramids_keep_every_pixel(
    tmp_path: Path, compression: Compression, kind: type, bands: int
) -> None:
    array = picture(bands=bands, kind=kind)
    size = write_pyramid(image_of(array), tmp_path / "a.tif", PyramidOptions(compression))
    assert (size.width, size.height, size.bits) == (700, 500, 8 * array.itemsize)
    assert size.bytes == (tmp_path / "a.tif").stat().st_size
    assert np.array_equal(open_scan(tmp_path / "a.tif").numpy(), array)


@pytest.mark.parametrize("compression", [Compression.JPEG, Compression.WEBP])
def test_lossy_pyramids_stay_close(tmp_path: Path, compression: Compression) -> None:
    array = picture()
    write_pyramid(image_of(array), tmp_path / "a.tif", PyramidOptions(compression, quality=95))
    assert np.abs(open_scan(tmp_path / "a.tif").numpy().astype(int) - array).mean() < 8
    with pytest.raises(OptionsError, match="16"):
        write_pyramid(image_of(picture(kind=np.uint16)), tmp_path / "b.tif", PyramidOptions(compression))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"quality": 0}, "quality"),
        ({"tile": 100}, "pyramid tile"),
        ({"tile": 4096}, "pyramid tile"),
        ({"level": 99}, "level"),
        ({"level": 0, "compression": Compression.ZSTD}, "level"),
    ],
)
def test_options_out_of_range_are_refused_before_any_work(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(OptionsError, match=name):
        PyramidOptions(**wrong)


@pytest.mark.parametrize("compression", [c for c in Compression if not is_available(c)])
def test_a_compression_that_libvips_lacks_is_refused(tmp_path: Path, compression: Compression) -> None:
    with pytest.raises(OptionsError, match="lacks"):
        write_pyramid(image_of(picture()), tmp_path / "a.tif", PyramidOptions(compression))


def test_levels_are_pages_that_halve_until_one_tile_is_enough(tmp_path: Path) -> None:
    size = write_pyramid(image_of(picture(1000, 300)), tmp_path / "a.tif", PyramidOptions(tile=128))
    pages = read_directories(tmp_path / "a.tif", 99)
    widths = [p.first(Tag.WIDTH, 0) for p in pages]
    assert size.levels == len(pages) == 4
    assert widths[0] == 1000
    assert widths[-1] <= 128
    assert all(a // 2 == b for a, b in pairwise(widths))
    assert [p.is_page for p in pages] == [True, False, False, False]
    assert inspect_scan(tmp_path / "a.tif").pages == 1


def test_profile_resolution_and_xmp_are_embedded(tmp_path: Path) -> None:
    write_pyramid(image_of(picture()), tmp_path / "a.tif", xmp=XMP, dpi=600)
    image = pyvips.Image.tiffload(str(tmp_path / "a.tif"))
    assert image.get("xmp-data") == XMP
    assert image.get("icc-profile-data") == pyvips.Image.profile_load("srgb")
    assert inspect_scan(tmp_path / "a.tif").dpi == pytest.approx(600, abs=0.01)


def test_grey_pyramids_carry_no_rgb_profile(tmp_path: Path) -> None:
    write_pyramid(image_of(picture(bands=1)), tmp_path / "a.tif")
    assert inspect_scan(tmp_path / "a.tif").profile is ProfileUse.NONE


def test_offsets_grow_to_64_bits_when_the_picture_may_pass_4_gib(tmp_path: Path) -> None:
    small, wide = tmp_path / "a.tif", tmp_path / "b.tif"
    write_pyramid(image_of(picture()), small)
    layouts = []

    def stop(_: float) -> None:
        for partial in tmp_path.glob(".b.tif*"):
            if partial.stat().st_size > 0:
                with partial.open("rb") as stream:
                    layouts.append(read_layout(partial, stream)[0].big)
                raise KeyboardInterrupt

    huge = pyvips.Image.black(40_000, 30_000, bands=3).copy(interpretation="srgb")
    with pytest.raises(KeyboardInterrupt):
        write_pyramid(huge, wide, PyramidOptions(Compression.NONE), progress=stop)
    with small.open("rb") as stream:
        assert not read_layout(small, stream)[0].big
    assert layouts == [True]


def test_deflate_is_read_as_it_was_written_not_as_zeros(tmp_path: Path) -> None:
    """Golden pixels: libvips 8.17.0 and .1 read some deflate TIFFs as zeros without an error."""
    array = picture(513, 257)
    for predictor in (True, False):
        for tile in (256, 512):
            path = tmp_path / "a.tif"
            write_pyramid(image_of(array), path, PyramidOptions(tile=tile, predictor=predictor))
            with Image.open(path) as other_reader:
                assert np.array_equal(np.asarray(other_reader), array)
            assert open_scan(path).getpoint(512, 256) == array[256, 512].tolist()
            assert open_scan(path).getpoint(300, 100) == array[100, 300].tolist()


def test_progress_rises_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    write_pyramid(image_of(picture(2000, 2000)), tmp_path / "a.tif", progress=seen.append)
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1
    assert len(seen) > 2


def test_cancelling_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"former")

    def cancel(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pyramid(image_of(picture(3000, 3000)), tmp_path / "a.tif", progress=cancel)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
    assert (tmp_path / "a.tif").read_bytes() == b"former"


FULL_DISK = """
import resource, sys
from pathlib import Path
import pyvips
from imaging.errors import StoreError
from imaging.pyramid import PyramidOptions, write_jpeg, write_pyramid
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
noise = pyvips.Image.gaussnoise(900, 900).cast("uchar")
for write in (write_pyramid, write_jpeg):
    try:
        write(noise.bandjoin([noise, noise]).copy(interpretation="srgb"), Path(sys.argv[1]) / "a.tif")
        print("written")
    except StoreError as error:
        print("refused:", error.fault)
"""


def test_a_full_disk_is_a_store_error_and_leaves_no_half_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("refused") == 2, done
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        write_pyramid(image_of(picture()), tmp_path / "absent" / "a.tif")


def test_a_truncated_source_is_a_corrupt_scan_and_leaves_no_half_file(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    image_of(picture()).pngsave(str(source))
    source.write_bytes(source.read_bytes()[:100_000])
    with pytest.raises(CorruptScan), decoding(source):
        write_pyramid(open_scan(source, sequential=True), tmp_path / "a.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["source.png"]


def test_jpeg_access_copies_are_bounded_and_8_bit(tmp_path: Path) -> None:
    size = write_jpeg(image_of(picture(900, 300, kind=np.uint16)), tmp_path / "a.jpg", max_side=450, xmp=XMP)
    assert (size.width, size.height, size.bits) == (450, 150, 8)
    assert pyvips.Image.jpegload(str(tmp_path / "a.jpg")).get("xmp-data").startswith(XMP[:20])
    with pytest.raises(OptionsError):
        write_jpeg(pyvips.Image.black(70_000, 1), tmp_path / "b.jpg")


@pytest.mark.parametrize("had_one", [True, False])
@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("endian", ["little", "big"])
def test_xmp_is_replaced_without_touching_a_pixel(
    tmp_path: Path, had_one: bool, big: bool, endian: str
) -> None:
    path = tmp_path / "a.tif"
    array = picture()
    image = image_of(array)
    if had_one:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<former/>")
    image.tiffsave(str(path), pyramid=True, tile=True, compression="deflate", bigtiff=big)
    if endian == "big":
        with tifffile.TiffWriter(path, bigtiff=big, byteorder=">") as writer:
            tags = [(700, 1, 9, b"<former/>", True)] if had_one else []
            writer.write(array, photometric="rgb", extratags=tags)
    for packet in (XMP, XMP * 3):
        replace_xmp(path, packet)
        loaded = pyvips.Image.tiffload(str(path), revalidate=True)
        assert loaded.get("xmp-data") == packet
        assert np.array_equal(open_scan(path).numpy(), array)
        assert len(read_directories(path, 99)) == (4 if endian == "little" else 1)


def test_a_full_disk_leaves_the_former_xmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    write_pyramid(image_of(picture()), path, xmp=b"<former/>")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
    try:
        with pytest.raises(StoreError):
            replace_xmp(path, XMP)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert pyvips.Image.tiffload(str(path), revalidate=True).get("xmp-data") == b"<former/>"


@pytest.mark.parametrize("bad", [{"quality": 0}, {"quality": 101}, {"tile": 100}, {"tile": 0}])
def test_options_outside_their_range_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(OptionsError):
        PyramidOptions(**bad)  # type: ignore[arg-type]


def test_writing_again_and_again_does_not_grow_memory(tmp_path: Path) -> None:
    array = picture(600, 600)
    process = psutil.Process()

    def write(times: int) -> int:
        for _ in range(times):
            write_pyramid(
                image_of(array), tmp_path / "a.tif", PyramidOptions(Compression.NONE), progress=lambda _: None
            )
            open_scan(tmp_path / "a.tif", sequential=True).avg()
        gc.collect()
        return process.memory_info().rss

    settled = write(20)
    assert write(40) - settled < 12 * 2**20
