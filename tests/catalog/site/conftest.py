"""The pictures of the image service's tests, which the static one is tested with too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog.iiif.conftest import grey_pyramid, squares_pyramid

__all__ = ["grey_pyramid", "squares_pyramid"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "site"
