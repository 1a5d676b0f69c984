"""Everything in the inbox is a scan, waits, or is named; batches hold everything once."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import HeliochromeError
from operators.inbox import cut, list_inbox


def test_listing_is_sorted_and_names_everything(inbox: Path) -> None:
    for name in ("b.tif", "a.JPG", "box/c.png", "d.jfif", "notes.txt", ".DS_Store", ".hidden/d.tif"):
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_bytes(b"x")
    listing = list_inbox(inbox, quiet_seconds=0)
    assert listing.scans == ("a.JPG", "b.tif", "box/c.png", "d.jfif")
    assert (listing.waiting, listing.others) == ((), ("notes.txt",))


def test_links_are_handed_on_to_be_judged(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.tif").touch()
    (inbox / "folder").symlink_to(tmp_path / "elsewhere")
    (inbox / "dangling.tif").symlink_to(tmp_path / "nowhere.tif")
    assert list_inbox(inbox, 0).scans == ("dangling.tif", "folder")


def test_name_that_is_no_text_is_listed_as_text(inbox: Path) -> None:
    (inbox / os.fsdecode(b"caf\xe9.tif")).touch()
    (inbox / os.fsdecode(b"\xe9.txt")).touch()
    listing = list_inbox(inbox, 0)
    assert (listing.scans, listing.others) == ((r"caf\xe9.tif",), (r"\xe9.txt",))
    assert json.dumps(listing.scans, ensure_ascii=False).encode()


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Folders that may not be read; root, who may run the tests, could read any."""
    locked: set[Path] = set()
    scandir = os.scandir

    def guarded(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path) in locked:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    return locked


def test_folder_that_may_not_be_read_is_handed_on(inbox: Path, locked: set[Path]) -> None:
    for name in ("box.1/a.tif", "open/b.tif"):
        (inbox / name).parent.mkdir()
        (inbox / name).touch()
    locked.add(inbox / "box.1")
    listing = list_inbox(inbox, 0)
    assert (listing.scans, listing.others) == (("box.1", "open/b.tif"), ())


def test_inbox_that_may_not_be_read_is_an_error(inbox: Path, locked: set[Path]) -> None:
    locked.add(inbox)
    with pytest.raises(HeliochromeError, match=r"cannot be read \(Permission denied\)\. Let the account"):
        list_inbox(inbox, 0)


def test_inbox_that_went_away_is_an_error(inbox: Path) -> None:
    inbox.rmdir()
    with pytest.raises(HeliochromeError, match="No such file"):
        list_inbox(inbox, 0)


def test_fresh_file_waits(inbox: Path) -> None:
    (inbox / "a.tif").write_bytes(b"half of it")
    os.utime(inbox / "a.tif", (0, 0))
    assert list_inbox(inbox, quiet_seconds=60).waiting == ("a.tif",)


@given(st.integers(0, 5000), st.integers(1, 50), st.integers(1, 1000))
def test_batches_hold_everything_once_and_are_never_too_many(count: int, size: int, at_most: int) -> None:
    batches = cut(range(count), size, at_most)
    assert [item for batch in batches for item in batch] == list(range(count))
    assert len(batches) <= at_most
    assert all(batches)
