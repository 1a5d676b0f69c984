"""Everything in the inbox is a scan, waits, or is named; batches hold everything once."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from operators.inbox import cut, list_inbox


def test_listing_is_sorted_and_names_everything(inbox: Path) -> None:
    for name in ("b.tif", "a.JPG", "box/c.png", "notes.txt", ".DS_Store", ".hidden/d.tif"):
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_bytes(b"x")
    listing = list_inbox(inbox, quiet_seconds=0)
    assert listing.scans == ("a.JPG", "b.tif", "box/c.png")
    assert (listing.waiting, listing.others) == ((), ("notes.txt",))


def test_links_are_handed_on_to_be_judged(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.tif").touch()
    (inbox / "folder").symlink_to(tmp_path / "elsewhere")
    (inbox / "dangling.tif").symlink_to(tmp_path / "nowhere.tif")
    assert list_inbox(inbox, 0).scans == ("dangling.tif", "folder")


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
