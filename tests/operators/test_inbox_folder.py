"""Runs reach into the inbox and the home folder only."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import ForbiddenScan, OptionsError
from operators.inbox_folder import inbox_folder


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    return tmp_path


def test_runs_reach_into_the_inbox_and_the_home_only(home: Path) -> None:
    (home / "demo").mkdir()
    assert inbox_folder() == home / "inbox"
    assert inbox_folder(str(home / "demo")) == home / "demo"
    for elsewhere in ("/etc", "..", "../demo", str(home / ".." / "other")):
        with pytest.raises(ForbiddenScan):
            inbox_folder(elsewhere)


def test_relative_inbox_is_looked_for_in_the_inbox_first(home: Path) -> None:
    for folder in ("inbox/box1", "box1", "box2"):
        (home / folder).mkdir(parents=True)
    assert inbox_folder("box1") == home / "inbox" / "box1"
    assert inbox_folder("box2") == home / "box2"


def test_mistyped_inbox_is_told_and_not_made(home: Path) -> None:
    assert inbox_folder().is_dir(), "the configured one is made"
    for mistyped in ("box1", str(home / "box1")):
        with pytest.raises(OptionsError, match="there is no folder"):
            inbox_folder(mistyped)
    assert [path.name for path in home.rglob("*")] == ["inbox"]


def test_what_heliochrome_keeps_is_no_inbox(home: Path) -> None:
    for folder in ("store/originals", "secrets", "inbox"):
        (home / folder).mkdir(parents=True)
    for kept in ("store", "store/originals", "secrets", str(home)):
        with pytest.raises(ForbiddenScan, match="cannot be an inbox"):
            inbox_folder(kept)
