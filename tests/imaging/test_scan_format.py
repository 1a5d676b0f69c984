"""Formats of scans: recognized by their first bytes; every other file is refused with a reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imaging.errors import CorruptScan, ScanError, UnsupportedScan
from imaging.scan import (
    inspect_scan,
)
from tests.imaging.conftest import Picture

Save = Callable[..., Path]


def test_the_first_bytes_decide_not_the_name(save: Save, grey: Picture) -> None:
    path = save(grey, "a.png").rename(save(grey, "a.png").with_name("scan.tif"))
    assert inspect_scan(path).media_type == "image/png"


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"", CorruptScan, "empty"),
        (b"Dear curator,\nplease find enclosed", UnsupportedScan, "first bytes"),
        (b"GIF89a" + b"\0" * 40, UnsupportedScan, "GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedScan, "first bytes"),
        (b"%PDF-1.7", UnsupportedScan, "first bytes"),
        (b"II*\0", CorruptScan, "not a TIFF"),
        (b"II*\0\x08\0\0\0", CorruptScan, "cut off"),
        (b"II*\0\0\0\0\0", CorruptScan, "no page"),
        (b"MM\0*\x7f\xff\xff\xff", CorruptScan, "cut off"),
        (b"\x89PNG\r\n\x1a\n", CorruptScan, "scan"),
        (b"\xff\xd8\xff\xe0", CorruptScan, "scan"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", CorruptScan, "scan"),
    ],
)
def test_what_is_no_scan_is_refused_with_a_reason(
    tmp_path: Path, content: bytes, kind: type[ScanError], said: str
) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(content)
    with pytest.raises(kind, match=said) as caught:
        inspect_scan(path)
    assert caught.value.fault
    assert caught.value.remedy


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.tif", tmp_path):
        with pytest.raises(UnsupportedScan):
            inspect_scan(path)
