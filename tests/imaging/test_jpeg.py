"""JPEG: what is lost is refused, what is merely odd is read, pixel for pixel."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging.errors import CorruptScan
from imaging.jpeg import check_stream
from imaging.scan import decoding, inspect_scan, open_scan
from tests.imaging.conftest import Picture

Alter = Callable[[bytes], bytes]


def encoded(colors: bool = False, **options: object) -> bytes:
    """Return 320×240 px of noise on a ramp as JPEG."""
    noise = np.random.default_rng(1).normal(0, 20, (240, 320))
    grey = (np.linspace(40, 220, 320)[None, :] + noise).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(
        np.stack([grey, grey.T[:240].repeat(2, 1)[:, :320], grey], 2) if colors else grey
    )
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


def read(path: Path, sequential: bool = True) -> Picture:
    inspect_scan(path)
    with decoding(path):
        pixels: Picture = open_scan(path, sequential=sequential).numpy()
    return pixels


def in_the_middle(marker: bytes) -> Alter:
    return lambda data: data[: len(data) // 2] + marker + data[len(data) // 2 + len(marker) :]


def at_first(segment: bytes, added: bytes) -> Alter:
    return lambda data: data.replace(segment, added + segment, 1)


def restart_dropped(data: bytes) -> bytes:
    start = data.index(b"\xff\xd2")
    return data[:start] + data[data.index(b"\xff\xd3") :]


HOLES: dict[str, tuple[bytes, Alter]] = {
    "closed early": (encoded(), lambda data: data[: len(data) // 2] + b"\xff\xd9"),
    "closed very late": (encoded(), lambda data: data[:-40] + b"\xff\xd9"),
    "another marker": (encoded(), in_the_middle(b"\xff\xf7")),
    "colors closed early": (encoded(colors=True), lambda data: data[: len(data) // 2] + b"\xff\xd9"),
    "progressive closed early": (encoded(progressive=True), lambda d: d[: len(d) // 2] + b"\xff\xd9"),
    "an interval is missing": (encoded(restart_marker_rows=1), restart_dropped),
    "a hole behind an oddity": (
        encoded(),
        lambda d: at_first(b"\xff\xdb", b"odd")(in_the_middle(b"\xff\xf7")(d)),
    ),
}
ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
ODDITIES: dict[str, tuple[bytes, Alter]] = {
    "bytes between segments": (encoded(), at_first(b"\xff\xdb", b"odd\0")),
    "bytes before the scan": (encoded(), at_first(b"\xff\xda", b"\0\1\2")),
    "bytes before the end": (encoded(), lambda data: data[:-2] + bytes(7) + data[-2:]),
    "bytes after the end": (encoded(), lambda data: data + b"appended by a mail server"),
    "fill bytes": (encoded(), at_first(b"\xff\xda", b"\xff\xff\xff")),
    "revision of JFIF": (encoded(), lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7", 1)),
    "code of Adobe": (encoded(colors=True), lambda data: data[:2] + ADOBE + b"\7" + data[2:]),
    "unused scan parameters": (encoded(), lambda d: d.replace(b"\x01\x01\0\0\x3f\0", b"\x01\x01\0\0\0\0", 1)),
    "bytes between several scans": (
        encoded(progressive=True),
        lambda data: b"\xff\xda".join(
            p + bytes(3) * (0 < n < 5) for n, p in enumerate(data.split(b"\xff\xda"))
        ),
    ),
    "bytes between scans": (
        encoded(progressive=True),
        lambda data: data[: data.rindex(b"\xff\xc4")] + bytes(5) + data[data.rindex(b"\xff\xc4") :],
    ),
}


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("sequential", [True, False])
def test_lost_data_is_refused_though_the_end_marker_is_there(
    tmp_path: Path, hole: str, sequential: bool
) -> None:
    data, lose = HOLES[hole]
    path = tmp_path / "scan.jpg"
    path.write_bytes(data)
    assert read(path, sequential).std() > 40
    path.write_bytes(lose(data))
    with pytest.raises(CorruptScan, match=r"scan\.jpg: .*(lost|decoded) \(.*Copy the file again"):
        read(path, sequential)


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("sequential", [True, False])
def test_what_loses_nothing_is_read_as_if_it_were_not_there(
    tmp_path: Path, oddity: str, sequential: bool
) -> None:
    data, alter = ODDITIES[oddity]
    path = tmp_path / "scan.jpg"
    path.write_bytes(data)
    expected = read(path, sequential)
    assert alter(data) != data
    path.write_bytes(alter(data))
    assert np.array_equal(read(path, sequential), expected)


def test_a_strip_of_a_tiff_is_judged_alike() -> None:
    data = encoded()
    tables_end = data.index(b"\xff\xc0")
    tables, stream = data[:tables_end] + b"\xff\xd9", b"\xff\xd8" + data[tables_end:]
    check_stream(Path("a.tif"), data)
    check_stream(Path("a.tif"), stream, tables)
    for broken in (in_the_middle(b"\xff\xf7")(stream), stream[: len(stream) // 2] + b"\xff\xd9"):
        with pytest.raises(CorruptScan, match=r"a\.tif: part of its picture is lost"):
            check_stream(Path("a.tif"), broken, tables)
