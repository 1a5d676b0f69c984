"""What the machine, a server or the database refuses is told in words, with the status that says so."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from operators.cli.app import run
from operators.cli.console import Status
from tests.operators.conftest import Photographer

PASSWORD = "p@ssw0rd"  # noqa: S105 - nobody's


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_folder_that_cannot_be_made_is_status_4(
    photograph: Photographer, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["restore", str(photograph("a.tif")), "--into", "/proc/nope", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (status, told["subject"]) == (Status.FAILED, "/proc/nope")
    assert told["fault"] and told["remedy"]


def test_an_interruption_is_said(
    photograph: Photographer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("restoration.pipeline.restore", interrupted)
    assert run(["restore", str(photograph("a.tif"))]) == Status.INTERRUPTED
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://museum:p%40ssw0rd@127.0.0.1:{port}/catalog",
        f"postgresql://museum:{PASSWORD}@127.0.0.1:{{port}}/catalog",
        f"postgresql://museum:{PASSWORD}@[/catalog",
    ],
)
def test_catalog_that_cannot_be_reached_is_status_4_and_its_password_kept(
    dsn: str,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HELIOCHROME_CATALOG_DSN", dsn.format(port=closed_port))
    status = run(["catalog", "list", "--home", str(tmp_path), "--json"])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (status, told["error"], told["subject"]) == (Status.FAILED, "CatalogError", "catalog")
    assert "HELIOCHROME_CATALOG_DSN" in told["remedy"]
    assert "ssw0rd" not in out + err


def test_defect_is_not_hidden(monkeypatch: pytest.MonkeyPatch, photograph: Photographer) -> None:
    monkeypatch.setattr("imaging.scan.inspect_scan", lambda *arguments, **options: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run(["inspect", str(photograph("a.tif"))])
