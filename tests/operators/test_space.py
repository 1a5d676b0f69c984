"""A full disk makes tasks wait, with a word, and fails nothing."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from imaging.errors import StoreError
from operators.space import GIB, LONGEST_WAIT, Space, free_bytes


class Disk:
    """A disk of which somebody frees `gain` bytes with every look, and a clock."""

    def __init__(self, free: int, gain: int) -> None:
        self.bytes, self.gain, self.now = free, gain, 0.0

    def space(self, spare: int = 0) -> Space:
        return Space(Path("/store"), spare, lambda _: self.bytes, lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.bytes += self.gain


def test_there_is_room_for_what_leaves_the_spare() -> None:
    disk = Disk(3 * GIB, 0)
    assert disk.space(GIB).shortage(2 * GIB) is None
    said = disk.space(GIB).shortage(2 * GIB + 1)
    assert said == (
        "3.00 GiB are free on the disk of /store; 2.00 GiB may be written, and 1.00 GiB are to stay free"
    )


def test_a_task_waits_and_goes_on_when_there_is_room(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk(0, 100)
    with caplog.at_level(logging.INFO):
        waited = list(disk.space().wait_for(1000, "a.tif"))
    assert len(waited) == 10
    assert disk.bytes == 1000
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.messages[0].startswith("a.tif waits for space: 0.00 GiB are free")


def test_a_task_that_waited_a_night_fails_as_after_any_fault_of_the_disk() -> None:
    disk = Disk(0, 0)
    with pytest.raises(StoreError, match=r"a\.tif: waited 12 h for space.*Free some space"):
        list(disk.space().wait_for(1000, "a.tif"))
    assert disk.now == LONGEST_WAIT


def test_free_space_is_known_before_the_store_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=7)

    monkeypatch.setattr("shutil.disk_usage", usage)
    assert free_bytes(tmp_path / "store" / "entries") == 7
    assert asked == [tmp_path]
