from __future__ import annotations

from pathlib import Path

import pytest

from operators import settings
from operators.work.colorization import chosen


def test_models_of_the_museum_are_looked_for_where_the_command_line_adds_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    assert chosen("tiny", 0).model_folder == settings.models() == tmp_path / "models"
