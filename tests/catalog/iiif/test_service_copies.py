from __future__ import annotations

from pathlib import Path

import pytest
import pyvips
from PIL import Image

from catalog.iiif import service_copies
from catalog.iiif.service_copies import SMALL_PIXELS, ServedScan, ServiceCopies
from imaging.errors import StoreError

IMAGE = "ab" * 32


def scan(folder: Path, *, width: int = 1200, height: int = 1000, page: int = 0) -> ServedScan:
    path = folder / "scan.tif"
    pages = [Image.new("L", (width, height), 60 + 40 * number) for number in range(page + 1)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return ServedScan(f"{IMAGE}-p{page}" if page else IMAGE, path, page, width * height)


def test_looking_for_a_copy_makes_none(tmp_path: Path) -> None:
    large = scan(tmp_path)
    assert ServiceCopies(tmp_path / "store").find(large) is None
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("page", [0, 1])
def test_a_copy_is_made_once_and_found_by_all(tmp_path: Path, page: int) -> None:
    large, root = scan(tmp_path, page=page), tmp_path / "store"
    assert ServiceCopies(root).make(large)
    found = ServiceCopies(root).find(large)
    assert found is not None
    copy, pyramid = found
    assert pyramid
    with Image.open(copy) as image:
        assert (image.size, image.n_frames > 1) == ((1200, 1000), True)
        assert image.getpixel((600, 500)) == pytest.approx(60 + 40 * page, abs=1)
    stamp = copy.stat().st_mtime_ns
    assert ServiceCopies(root).make(large)
    assert copy.stat().st_mtime_ns == stamp
    assert [path for path in root.rglob("*") if path.is_file()] == [copy]


def test_a_small_scan_needs_no_copy(tmp_path: Path) -> None:
    small, copies = scan(tmp_path, width=40, height=30), ServiceCopies(tmp_path / "store")
    assert copies.make(small)
    assert copies.find(small) == (small.original, False)
    assert not (tmp_path / "store").exists()


def test_a_scan_is_served_itself_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(original: Path, copy: Path, page: int) -> None:
        raise StoreError(copy, "it could not be written to the disk", "Free disk space.")

    monkeypatch.setattr(service_copies, "_write", full)
    path = tmp_path / "scan.png"
    pyvips.Image.black(40, 30).write_to_file(str(path))
    copies = ServiceCopies(tmp_path / "store")
    first = ServedScan(IMAGE, path, 0, SMALL_PIXELS + 1)
    later = ServedScan(f"{IMAGE}-p1", path, 1, SMALL_PIXELS + 1)
    assert not copies.make(first)
    assert not copies.make(later)
    assert copies.find(first) == (path, False)
    with pytest.raises(StoreError, match="has no copy"):
        copies.find(later)
    monkeypatch.setattr(service_copies, "PATIENCE_SECONDS", -1.0)
    impatient = ServiceCopies(tmp_path / "store")
    impatient.make(first)
    assert impatient.find(first) is None, "the copy is never tried again"
