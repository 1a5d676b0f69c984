"""The output folder of commands on single files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import pyvips

from catalog.durability import exclusive
from imaging.errors import OptionsError, UnsupportedScan
from imaging.fixity import describe_output
from imaging.stage import Role, StageResult
from operators.cli.output_folder import run_stage


class Stage:
    """Writes the files it is told to, and tells what it found in its folder."""

    def __init__(self, scan: Path, text: str = "one", *names: str, page: int = 0) -> None:
        self.scan, self.text, self.names, self.page = scan, text, names or ("a.tif",), page
        self.found: list[str] = []

    def __call__(self, folder: Path) -> StageResult:
        self.found = sorted(path.name for path in folder.iterdir())
        for name in self.names:
            (folder / name).write_text(self.text)
        digest = hashlib.sha256(self.scan.read_bytes()).hexdigest()
        files = tuple(describe_output(folder / name, folder, Role.RESTORED) for name in self.names)
        return StageResult("stage", "1", digest, files, parameters={"page": self.page})

    def into(self, folder: Path) -> Path:
        done = run_stage(self, self.scan, folder, stage="stage", page=self.page, outputs=("a.tif", "b.tif"))
        return done[1]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    pyvips.Image.new_from_array(np.full((20, 30), 90, np.uint8)).tiffsave(str(tmp_path / "scan.tif"))
    return tmp_path / "scan.tif"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    pyvips.Image.new_from_array(np.full((20, 30), 80, np.uint8)).tiffsave(str(tmp_path / "other.tif"))
    return tmp_path / "other.tif"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_and_record_are_in_the_folder_and_nothing_else(scan: Path, tmp_path: Path) -> None:
    record = Stage(scan).into(tmp_path / "new" / "out")
    assert names(record.parent) == ["a.tif", "stage.json"]
    assert StageResult.from_json(record.read_text()).file(Role.RESTORED).name == "a.tif"


def test_a_repeat_replaces_what_it_made_before(scan: Path, tmp_path: Path) -> None:
    Stage(scan, "one", "a.tif", "b.tif").into(tmp_path / "out")
    Stage(scan, "two").into(tmp_path / "out")
    assert names(tmp_path / "out") == ["a.tif", "stage.json"]
    assert (tmp_path / "out" / "a.tif").read_text() == "two"


def test_what_somebody_retouched_since_stays(scan: Path, tmp_path: Path) -> None:
    Stage(scan).into(tmp_path / "out")
    (tmp_path / "out" / "a.tif").write_text("retouched")
    with pytest.raises(OptionsError, match=r"a\.tif.*was changed since"):
        Stage(scan, "two").into(tmp_path / "out")
    assert (tmp_path / "out" / "a.tif").read_text() == "retouched"
    (tmp_path / "out" / "a.tif").unlink()
    Stage(scan, "two").into(tmp_path / "out")
    assert (tmp_path / "out" / "a.tif").read_text() == "two"


def test_the_files_of_another_scan_or_page_stay(scan: Path, other: Path, tmp_path: Path) -> None:
    Stage(scan).into(tmp_path / "out")
    with pytest.raises(OptionsError, match="not of this scan"):
        Stage(other, "two").into(tmp_path / "out")
    assert (tmp_path / "out" / "a.tif").read_text() == "one"


@pytest.mark.parametrize("name", ["b.tif", "stage.json"])
def test_files_of_anybody_stay(scan: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OptionsError, match="there already"):
        Stage(scan).into(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_failed_run_leaves_the_former_files_and_its_own_work(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    Stage(scan).into(folder)
    failing = Stage(scan, "two", "a.tif", "gone.tif")
    monkeypatch.setattr(Path, "stat", _failing_at("gone.tif", Path.stat))
    with pytest.raises(KeyboardInterrupt):
        failing.into(folder)
    monkeypatch.undo()
    assert (folder / "a.tif").read_text() == "one"
    repeat = Stage(scan, "three")
    repeat.into(folder)
    assert repeat.found == ["a.tif", "gone.tif"]
    assert names(folder) == ["a.tif", "stage.json"]


def _failing_at(name: str, stat: object) -> object:
    def failing(self: Path, **options: bool) -> object:
        if self.name == name:
            raise KeyboardInterrupt
        return stat(self, **options)  # type: ignore[operator]

    return failing


def test_unfinished_work_is_no_title_to_what_others_made_meanwhile(
    scan: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    monkeypatch.setattr(Path, "stat", _failing_at("gone.tif", Path.stat))
    with pytest.raises(KeyboardInterrupt):
        Stage(scan, "one", "a.tif", "gone.tif").into(folder)
    monkeypatch.undo()
    Stage(other, "two").into(folder)
    with pytest.raises(OptionsError, match="not of this scan"):
        Stage(scan, "three").into(folder)
    assert (folder / "a.tif").read_text() == "two"


def test_work_that_did_not_begin_leaves_nothing(scan: Path, tmp_path: Path) -> None:
    def refused(_folder: Path) -> StageResult:
        raise OptionsError("device", "there is none", "Choose cpu.")

    with pytest.raises(OptionsError, match="there is none"):
        run_stage(refused, scan, tmp_path / "out", stage="stage", page=0, outputs=())
    assert names(tmp_path / "out") == []


def test_two_runs_do_not_work_in_one_folder(scan: Path, tmp_path: Path) -> None:
    with exclusive(tmp_path / ".heliochrome.lock"), pytest.raises(OptionsError, match="another run"):
        Stage(scan).into(tmp_path)


def test_a_refused_scan_leaves_no_folder(scan: Path, tmp_path: Path) -> None:
    scan.write_text("no picture")
    with pytest.raises(UnsupportedScan):
        Stage(scan).into(tmp_path / "out")
    assert not (tmp_path / "out").exists()
