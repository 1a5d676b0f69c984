from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from catalog.iiif import service_copies
from catalog.iiif.service_copies import SMALL_PIXELS, ServiceCopies
from imaging.errors import StoreError


def test_a_scan_is_served_itself_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(original: Path, copy: Path, page: int) -> None:
        raise StoreError(copy, "it could not be written to the disk", "Free disk space.")

    monkeypatch.setattr(service_copies, "_write", full)
    scan = tmp_path / "scan.png"
    pyvips.Image.black(40, 30).write_to_file(str(scan))
    copies = ServiceCopies(tmp_path / "store")
    assert copies.prepare(scan, "ab", page=0, pixels=SMALL_PIXELS + 1) == (scan, False)
    with pytest.raises(StoreError):
        copies.prepare(scan, "ab-p1", page=1, pixels=SMALL_PIXELS + 1)
