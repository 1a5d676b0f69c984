"""Bands on disk: what happens when the disk is full, and pictures wider than libtiff's limits."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import StoreError
from imaging.scan import decoding
from restoration.bands import BandFolder


def test_a_full_disk_is_a_store_error_and_leaves_no_half_band(tmp_path: Path) -> None:
    bands = BandFolder(tmp_path / "bands", width=400, height=100, pixel_bytes=6, tile=128)
    (band,) = bands
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match="could not be written"), decoding(tmp_path / "scan.tif"):
            bands.save("restored", band, np.ones((100, 400, 3), np.uint16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(bands.folder.iterdir()) == []


def test_bands_of_strips_beyond_libtiffs_limit_are_read(tmp_path: Path) -> None:
    """libtiff refuses strips above 50 MB by default; a band has several from 129 rows on."""
    bands = BandFolder(tmp_path / "bands", width=68_500, height=130, pixel_bytes=6, tile=256)
    (band,) = bands
    bands.save("restored", band, np.full((130, 68_500, 3), 7, np.uint16))
    assert (bands.rows("restored", 127, 130) == 7).all()
    assert bands.joined("restored").min() == 7


@pytest.mark.parametrize("width", [20_000, 30_000, 50_000])
def test_bands_begin_where_the_cells_of_the_networks_do(tmp_path: Path, width: int) -> None:
    bands = BandFolder(tmp_path / "bands", width=width, height=3000, pixel_bytes=6, tile=1024)
    assert len(bands) > 3
    assert all(band.top % 32 == 0 for band in bands)


def test_a_damaged_band_is_named_and_not_the_scan(tmp_path: Path) -> None:
    bands = BandFolder(tmp_path / "bands", width=400, height=100, pixel_bytes=1, tile=128)
    (band,) = bands
    bands.save("found", band, np.random.default_rng(0).integers(0, 255, (100, 400), np.uint8))
    (path,) = bands.folder.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"found-00000.tif: this unfinished work is damaged"):
        bands.rows("found", 0, 10)
