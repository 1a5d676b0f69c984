"""Metadata segments of JPEG: where they go, what cannot be read, how long texts are cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import piexif
import pytest
import pyvips

from catalog.provenance.exif import insert_exif
from catalog.provenance.iptc import insert_iptc
from catalog.provenance.jpeg import APP0, APP1, APP13, LONGEST_SEGMENT, insert_segment, read_xmp, segments
from catalog.provenance.record import assemble
from imaging.errors import CorruptScan
from imaging.pyramid import OutputSize, write_jpeg
from imaging.stage import Role
from tests.catalog.provenance.conftest import Photograph

PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    image = pyvips.Image.gaussnoise(64, 48, mean=128, sigma=20, seed=1).cast("uchar")
    write_jpeg(image.copy(interpretation="b-w"), path, xmp=PACKET)
    return path


def test_xmp_is_read(picture: Path) -> None:
    packet = read_xmp(picture)
    assert packet is not None
    assert PACKET in packet


def test_a_jpeg_without_xmp_has_none(tmp_path: Path) -> None:
    path = tmp_path / "plain.jpg"
    write_jpeg(pyvips.Image.black(8, 8).copy(interpretation="b-w"), path)
    assert read_xmp(path) is None


def test_a_segment_goes_behind_its_elders_and_no_pixel_changes(picture: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.jpg"
    insert_segment(picture, target, APP13, b"Photoshop 3.0\0")
    markers = [segment.marker for segment in segments(target)]
    assert markers[: markers.index(APP13)] == [m for m in markers if m in {APP0, APP1}]
    before, after = (pyvips.Image.jpegload(str(path)).numpy() for path in (picture, target))
    assert np.array_equal(before, after)


def test_a_segment_has_a_longest_length(picture: Path, tmp_path: Path) -> None:
    insert_segment(picture, tmp_path / "long.jpg", APP13, bytes(LONGEST_SEGMENT))
    assert pyvips.Image.jpegload(str(tmp_path / "long.jpg")).width == 64
    with pytest.raises(ValueError, match="65533"):
        insert_segment(picture, tmp_path / "longer.jpg", APP13, bytes(LONGEST_SEGMENT + 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe1",
        b"\xff\xd8\xff\xe1\0\x01",
        b"\xff\xd8\xff\xe1\xff\xffxmp",
        b"\xff\xd8xx",
    ],
)
def test_broken_jpegs_are_refused(data: bytes, tmp_path: Path, photograph: Photograph) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match=r"broken\.jpg"):
        read_xmp(path)
    with pytest.raises(CorruptScan, match=r"broken\.jpg"):
        insert_iptc(path, photograph.record, photograph.result(0).file(Role.RESTORED))


def test_exif_refuses_what_is_no_jpeg(tmp_path: Path, photograph: Photograph) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("hello")
    file = photograph.result(0).file(Role.RESTORED)
    with pytest.raises(CorruptScan, match="cannot take EXIF"):
        insert_exif(path, photograph.record, file, OutputSize(1, 1, 8, 1, 5))


def test_long_texts_are_cut_at_a_letter(picture: Path, photograph: Photograph) -> None:
    about = replace(photograph.inputs.description, maker="Ž" * 40, title="ř" * 500)
    runs = [stored.run for stored in photograph.inputs.runs]
    record = assemble(about, photograph.inputs.scan, runs)
    insert_iptc(picture, record, photograph.result(1).file(Role.COLORIZED))
    (block,) = [s.content for s in segments(picture) if s.marker == APP13]
    assert b"\x1c\x02\x50\x00\x20" + "Ž".encode() * 16 + b"\x1c" in block
    assert b"\x1c\x02\x05\x00\x40" + "ř".encode() * 32 + b"\x1c" in block


def test_exif_goes_beside_xmp_and_iptc(picture: Path, photograph: Photograph) -> None:
    file = photograph.result(1).file(Role.COLORIZED)
    insert_exif(picture, photograph.record, file, OutputSize(64, 48, 8, 1, 0))
    insert_iptc(picture, photograph.record, file)
    assert piexif.load(str(picture))["Exif"][piexif.ExifIFD.PixelXDimension] == 64
    assert PACKET in (read_xmp(picture) or b"")
