"""Who publishes is named whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.cli.answer import Status
from operators.cli.app import run


@pytest.mark.parametrize(
    "command", [["serve"], ["publish", "ships", "--to", "site", "--address", "http://h"]]
)
def test_an_institution_needs_a_homepage(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def begins(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.web.standalone.PublicServer", begins)
    monkeypatch.setattr("operators.work.publishing.publish_collection", begins)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path / "home"))
    assert run([*command, "--institution", "Harbor Museum"]) == Status.USAGE
    assert "Harbor Museum: has no homepage" in " ".join(capfd.readouterr().err.split())
    assert not list(tmp_path.iterdir())
