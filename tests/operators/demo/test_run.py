"""What the demonstration prints is what the catalog says."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from operators.demo.run import Demonstration, _show
from operators.demo.summary import Summary

PICTURE = Path("picture.tif")


def test_brackets_in_titles_and_folders_are_text() -> None:
    title, home = "[unidentified man] a[/].tif", Path("/homes/[/]")
    photograph = Summary("1987.12", title, 0.1, 0.9, 1.0, 8, PICTURE, PICTURE, PICTURE, PICTURE)
    services: Any = SimpleNamespace(home=SimpleNamespace(store=home / "store", logs=home / "logs"))
    told = io.StringIO()
    done = Demonstration((photograph,), {}, "failed", 0, home / "sheet.png")
    _show(done, services, Console(file=told, width=200))
    assert title in told.getvalue()
    assert told.getvalue().count(str(home)) == 3
