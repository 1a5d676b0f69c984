"""Copies of masters: by the file system where it can, by hand where it cannot."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from catalog.provenance.clone import clone_file
from imaging.errors import StoreError


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "master.tif"
    path.write_bytes(bytes(range(256)) * 9000)
    path.chmod(0o444)
    return path


def test_a_copy_has_the_bytes_and_can_be_written_to(master: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tif"
    copy.write_bytes(b"something older and longer" * 200_000)
    clone_file(master, copy)
    assert copy.read_bytes() == master.read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) & stat.S_IWUSR


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_the_system_cannot_it_is_copied_by_hand(
    number: int, master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(source: int, target: int, count: int) -> int:
        os.write(target, b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", unable)
    clone_file(master, tmp_path / "copy.tif")
    assert (tmp_path / "copy.tif").read_bytes() == master.read_bytes()


def test_a_system_without_the_call_is_no_hindrance(
    master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    clone_file(master, tmp_path / "copy.tif")
    assert (tmp_path / "copy.tif").read_bytes() == master.read_bytes()


def test_a_full_disk_is_a_store_error(master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(StoreError, match="full"):
        clone_file(master, tmp_path / "copy.tif")
