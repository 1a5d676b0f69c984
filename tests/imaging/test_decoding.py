"""Who is to blame when reading fails: the scan, or the disk that what is read goes to."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from imaging.decoding import decoding
from imaging.errors import CorruptScan, StoreError
from imaging.scan import inspect_scan
from tests.imaging.conftest import Picture

Save = Callable[..., Path]


def test_a_full_disk_is_no_fault_of_the_scan(save: Save, colors: Picture, tmp_path: Path) -> None:
    scan = save(colors, "a.tif")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match="Free disk space"), decoding(scan):
            pyvips.Image.tiffload(str(scan)).write_to_file(str(tmp_path / "copy.v"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_machine_without_file_handles_is_no_fault_of_the_scan(save: Save, colors: Picture) -> None:
    scan = save(colors, "a.tif")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files") as raised:
            inspect_scan(scan)
        with pytest.raises(OSError, match="Too many open files") as told, decoding(scan):
            pyvips.Image.tiffload(str(scan)).avg()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert raised.value.errno == told.value.errno == errno.EMFILE


def test_a_disk_that_does_not_answer_is_no_fault_of_the_scan(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error") as raised, decoding(tmp_path / "a.tif"):
        raise pyvips.Error(f"unable to read: {os.strerror(errno.EIO)}")
    assert (raised.value.errno, raised.value.filename) == (errno.EIO, str(tmp_path / "a.tif"))


@pytest.mark.parametrize("name", ["write error.png", "no space left on device.tif", "Input output error.tif"])
def test_a_cut_off_scan_is_to_blame_whatever_it_is_called(save: Save, colors: Picture, name: str) -> None:
    scan = save(colors, name)
    scan.write_bytes(scan.read_bytes()[: scan.stat().st_size // 2])
    with pytest.raises(CorruptScan), decoding(scan):
        pyvips.Image.new_from_file(str(scan), fail_on="error").numpy()
