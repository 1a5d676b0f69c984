"""`heliochrome film`: what it prints, what it writes, and that it overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imaging.fixity import sha256_file
from operators.cli.app import run
from operators.cli.console import Status
from tests.imaging.films import noise, write_film


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    codes = np.broadcast_to(np.linspace(30, 220, 96, dtype=np.uint8), (64, 96))
    return write_film(tmp_path / "reel.mkv", [np.roll(codes, i, axis=1) for i in range(6)], sound=True)


def test_a_film_is_inspected(reel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["film", "inspect", str(reel), "--json"]) == Status.WELL
    told = json.loads(capsys.readouterr().out)
    assert (told["codec"], told["frames"], told["grey"]) == ("ffv1", 6, True)
    assert told["carried"][0]["codec"] == "pcm_s16le"
    assert run(["film", "inspect", str(reel)]) == Status.WELL
    assert "ffv1" in capsys.readouterr().out


def test_a_film_is_restored_and_colorized_beside_itself(
    reel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sha256_file(reel)
    assert run(["film", "restore", str(reel), "--json"]) == Status.WELL
    restored = Path(json.loads(capsys.readouterr().out)["files"]["restored.mkv"])
    assert restored == reel.parent / "reel-restored" / "restored.mkv"
    assert run(["film", "colorize", str(restored), "--json", "--hint", "2,0.5,0.5,0.1,10,-10"]) == Status.WELL
    told = json.loads(capsys.readouterr().out)
    for file in told["result"]["files"]:
        assert sha256_file(Path(told["files"][file["name"]])) == file["sha256"]
    record = json.loads(Path(told["files"]["record"]).read_text())
    assert record["input_sha256"] == sha256_file(restored)
    assert record["models"][0]["name"] == "heliochrome-color"
    assert sha256_file(reel) == before
    assert not list(restored.parent.glob(".film*"))


def test_foreign_files_are_not_overwritten(reel: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "restored.mkv").write_text("mine")
    assert run(["film", "restore", str(reel), "--into", str(tmp_path / "out")]) == Status.USAGE
    assert (tmp_path / "out" / "restored.mkv").read_text() == "mine"


def test_bad_films_are_refused_and_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_film(tmp_path / "film.mkv", noise(6))
    path.write_bytes(path.read_bytes()[:-2000])
    for command in ("inspect", "restore", "colorize"):
        assert run(["film", command, str(path)]) == Status.REFUSED
        assert "cut off" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["film.mkv"]


@pytest.mark.parametrize("option", [["--hint", "1,2"], ["--rate", "fast"], ["--bits", "10"]])
def test_options_that_make_no_sense_are_wrong_usage(reel: Path, option: list[str]) -> None:
    assert run(["film", "colorize", str(reel), *option]) == Status.USAGE
    assert not (reel.parent / "reel-colorized").exists()
