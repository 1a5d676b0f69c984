"""Files that others write."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from imaging.errors import ForbiddenScan, UnfinishedScan
from imaging.files import is_settled, resolve_inside, unchanging


def test_a_fresh_file_is_not_settled(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    os.utime(path, (0, 0))
    assert not is_settled(path, 60)
    time.sleep(0.06)
    assert is_settled(path, 0.05)
    path.write_bytes(b"")
    assert not is_settled(path, 0)


def test_paths_stay_inside_their_folder(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "a").mkdir(parents=True)
    (inbox / "a" / "s.tif").write_bytes(b"x")
    (tmp_path / "secret.tif").write_bytes(b"x")
    (inbox / "link.tif").symlink_to(tmp_path / "secret.tif")
    (inbox / "loop.tif").symlink_to(inbox / "loop.tif")
    (inbox / "good.tif").symlink_to(inbox / "a" / "s.tif")
    assert resolve_inside(Path("a/s.tif"), inbox) == (inbox / "a" / "s.tif").resolve()
    assert resolve_inside(inbox / "good.tif", inbox) == (inbox / "a" / "s.tif").resolve()
    for bad in ("../secret.tif", "link.tif", "a/../../secret.tif", "/etc/passwd", "\0"):
        with pytest.raises(ForbiddenScan):
            resolve_inside(Path(bad), inbox)


def test_a_file_that_stays_as_it_is_passes(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"one")
    with unchanging(path):
        assert path.read_bytes() == b"one"


@pytest.mark.parametrize("change", ["rewrite", "replace", "remove"])
def test_a_file_that_changes_is_told(tmp_path: Path, change: str) -> None:
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    with pytest.raises(UnfinishedScan, match="changed while it was read"), unchanging(path):
        if change == "rewrite":
            path.write_bytes(b"longer")
        elif change == "replace":
            other.replace(path)
        else:
            path.unlink()
