"""A resolution is stated in a unit of length, or it is unknown."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import piexif
import pytest
import tifffile
from PIL import Image

from imaging.pyramid import write_pyramid
from imaging.scan import inspect_scan, open_scan

GREY = Image.fromarray(np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8))


@pytest.mark.parametrize(
    ("density", "dpi"), [((600, 600, 0), None), ((23622, 23622, 1), 600), ((0, 0, 1), None), (None, None)]
)
def test_of_a_png(tmp_path: Path, density: tuple[int, int, int] | None, dpi: float | None) -> None:
    path = tmp_path / "a.png"
    GREY.save(path)
    if density:
        chunk = b"pHYs" + struct.pack(">IIB", *density)
        whole = path.read_bytes()
        chunk = struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(whole[:33] + chunk + whole[33:])
    assert inspect_scan(path).dpi == (dpi and pytest.approx(dpi, abs=0.01))


@pytest.mark.parametrize(
    ("unit", "density", "dpi"), [(0, 600, None), (1, 300, 300), (2, 200, 508), (1, 0, None)]
)
def test_of_a_jfif(tmp_path: Path, unit: int, density: int, dpi: float | None) -> None:
    path = tmp_path / "a.jpg"
    GREY.save(path)
    whole = bytearray(path.read_bytes())
    whole[13:18] = struct.pack(">BHH", unit, density, density)
    path.write_bytes(whole)
    assert inspect_scan(path).dpi == dpi


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
@pytest.mark.parametrize(("unit", "dpi"), [(1, None), (2, 400), (3, 1016), (None, 400)])
def test_of_exif(tmp_path: Path, name: str, unit: int | None, dpi: float | None) -> None:
    fields = {piexif.ImageIFD.XResolution: (400, 1), piexif.ImageIFD.YResolution: (400, 1)}
    if unit is not None:
        fields[piexif.ImageIFD.ResolutionUnit] = unit
    GREY.save(tmp_path / name, exif=piexif.dump({"0th": fields}))
    assert inspect_scan(tmp_path / name).dpi == dpi


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_that_is_not_stated_is_not_written_either(tmp_path: Path, name: str) -> None:
    GREY.save(tmp_path / name)
    properties = inspect_scan(tmp_path / name)
    assert properties.dpi is None
    write_pyramid(open_scan(tmp_path / name), tmp_path / "master.tif", dpi=properties.dpi)
    with tifffile.TiffFile(tmp_path / "master.tif") as master:
        assert {page.tags["ResolutionUnit"].value for page in master.pages} == {1}
    assert inspect_scan(tmp_path / "master.tif").dpi is None


def test_that_is_stated_is_written(tmp_path: Path) -> None:
    scan = tmp_path / "a.tif"
    GREY.save(scan, dpi=(600, 600))
    write_pyramid(open_scan(scan), tmp_path / "master.tif", dpi=inspect_scan(scan).dpi)
    with Image.open(tmp_path / "master.tif") as master:
        assert master.info["dpi"] == pytest.approx((600, 600))
