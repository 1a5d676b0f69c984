"""A store and an inbox for each test, and photographs to put into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.store import Store

Photographer = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def photograph(inbox: Path) -> Photographer:
    """Put a small photograph of seeded noise on a gradient into the inbox."""

    def take(name: str, mode: str = "L", seed: int = 0, size: tuple[int, int] = (96, 64)) -> Path:
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(mode, seed, size).save(path)
        return path

    return take


def picture(mode: str, seed: int = 0, size: tuple[int, int] = (96, 64)) -> Image.Image:
    width, height = size
    ramp = np.linspace(40, 200, width)[None, :] + np.random.default_rng(seed).normal(0, 6, (height, width))
    grey = Image.fromarray(ramp.clip(0, 255).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((ramp.clip(0, 255) * 257).astype(np.uint16))
    return grey.convert("P", palette=Image.Palette.ADAPTIVE) if mode == "P" else grey.convert(mode)
