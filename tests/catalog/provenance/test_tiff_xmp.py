"""XMP in TIFF: every kind of TIFF, no pixel touched, lies refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

from catalog.provenance.tiff_xmp import embed_xmp, read_xmp
from imaging.errors import CorruptScan, OptionsError

PACKET = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
LONGER = PACKET.replace(b"<rdf:RDF/>", b"<rdf:RDF>" + b" " * 9000 + b"</rdf:RDF>")


@pytest.fixture(scope="module")
def picture() -> pyvips.Image:
    return (
        pyvips.Image.gaussnoise(600, 401, mean=128, sigma=40, seed=3).cast("uchar").copy(interpretation="b-w")
    )


KINDS: dict[str, dict[str, object]] = {
    "strips": {},
    "uncompressed tiles": {"tile": True},
    "pyramid": {"tile": True, "pyramid": True, "compression": "deflate"},
    "BigTIFF": {"bigtiff": True},
    "BigTIFF pyramid": {"tile": True, "pyramid": True, "compression": "lzw", "bigtiff": True},
    "JPEG pyramid": {"tile": True, "pyramid": True, "compression": "jpeg", "Q": 90},
    "SubIFD pyramid": {"tile": True, "pyramid": True, "subifd": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_packet_goes_in_and_no_pixel_changes(kind: str, picture: pyvips.Image, tmp_path: Path) -> None:
    path = tmp_path / "picture.tif"
    picture.tiffsave(str(path), **KINDS[kind])
    before, encoded, pages = _levels(path), _encoded(path), _page_count(path)
    for packet in (PACKET, LONGER, PACKET):
        embed_xmp(path, packet)
        assert read_xmp(path) == packet
        assert pyvips.Image.tiffload(str(path), revalidate=True).get("xmp-data") == packet
        assert _encoded(path) == encoded
        assert _page_count(path) == pages
        assert all(np.array_equal(a, b) for a, b in zip(_levels(path), before, strict=True))


def _encoded(path: Path) -> list[bytes]:
    """The tiles or strips of every page, as tifffile finds them."""
    with tifffile.TiffFile(path) as tiff, path.open("rb") as stream:
        segments = [
            segment
            for page in tiff.pages
            for level in (page, *(page.pages or ()))
            for segment in zip(level.dataoffsets, level.databytecounts, strict=True)
        ]
        return [stream.read(length) for start, length in segments if stream.seek(start) == start]


def _page_count(path: Path) -> int:
    return int(pyvips.Image.tiffload(str(path), revalidate=True).get("n-pages"))


def _levels(path: Path) -> list[np.ndarray]:
    return [
        pyvips.Image.tiffload(str(path), page=page, revalidate=True).numpy()
        for page in range(_page_count(path))
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_both_byte_orders_and_both_widths(order: str, big: bool, tmp_path: Path) -> None:
    path = tmp_path / "one-pixel.tif"
    path.write_bytes(_one_pixel(order, big))
    assert pyvips.Image.tiffload(str(path))(0, 0) == [77.0]
    encoded = _encoded(path)
    embed_xmp(path, PACKET)
    image = pyvips.Image.tiffload(str(path), revalidate=True)
    assert image.get("xmp-data") == PACKET == read_xmp(path)
    assert image(0, 0) == [77.0]
    assert _encoded(path) == encoded


def _one_pixel(order: str, big: bool, length: int = 1) -> bytes:
    values = {256: 1, 257: 1, 258: 8, 262: 1, 278: 1, 279: length}
    entry, count, offset, first = (order + "HHQ", "Q", "Q", 16) if big else (order + "HHI", "H", "I", 8)
    size = (
        struct.calcsize(order + count)
        + (len(values) + 1) * (20 if big else 12)
        + struct.calcsize(order + offset)
    )
    values[273] = first + size
    head = (
        struct.pack(order + "2sHHHQ", _mark(order), 43, 8, 0, first)
        if big
        else struct.pack(order + "2sHI", _mark(order), 42, first)
    )
    slot = 8 if big else 4
    body = b"".join(
        struct.pack(entry, tag, 4, 1) + struct.pack(order + "I", value).ljust(slot, b"\0")
        for tag, value in sorted(values.items())
    )
    return (
        head + struct.pack(order + count, len(values)) + body + struct.pack(order + offset, 0) + bytes([77])
    )


def _mark(order: str) -> bytes:
    return b"II" if order == "<" else b"MM"


def test_a_tiff_without_a_packet_has_none(picture: pyvips.Image, tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    picture.tiffsave(str(path))
    assert read_xmp(path) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II",
        b"GIF89a..........",
        b"II*\0\x10\0\0\0",
        b"II*\0\xff\xff\xff\xff",
        b"II+\0\x08\0\0\0" + b"\xff" * 8,
        b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\0" * 40,
        b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 256, 4, 1, 1) + struct.pack("<I", 8),
    ],
    ids=["empty", "two bytes", "a GIF", "cut off", "far away", "big and far", "many entries", "a loop"],
)
def test_broken_files_are_refused_and_not_written_to(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.tif"
    path.write_bytes(data)
    for work in (read_xmp, lambda p: embed_xmp(p, PACKET)):
        with pytest.raises(CorruptScan, match=r"broken\.tif"):
            work(path)
    assert path.read_bytes() == data


def test_only_packets_are_embedded(picture: pyvips.Image, tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    picture.tiffsave(str(path))
    with pytest.raises(OptionsError, match="not XMP"):
        embed_xmp(path, b"hello")
