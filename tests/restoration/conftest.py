"""Damaged photographs whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
import skimage.data
import torch
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Small networks in one thread: threads that wait for each other cost more than they bring."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def photograph() -> NDArray[np.float32]:
    """The moon, 300×220, encoded values in [0, 1]: smooth, with edges, and a real photograph."""
    return np.asarray(skimage.data.moon()[100:400, 100:320] / np.float32(255), np.float32)


@pytest.fixture(scope="session")
def damaged(photograph: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same with light specks, a dark speck and a scratch."""
    picture = add_damage(photograph)
    return np.where(picture != photograph, cv2.GaussianBlur(picture, (0, 0), 0.5), photograph)


def add_damage(photograph: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a photograph with light specks, a dark speck and a scratch."""
    picture = photograph.copy()
    for x, y in ((30, 30), (80, 120), (150, 90), (180, 250)):
        cv2.circle(picture, (x, y), 3, 0.98, -1)
    cv2.circle(picture, (100, 220), 3, 0.02, -1)
    cv2.line(picture, (10, 280), (200, 200), 0.97, 2)
    return picture


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write encoded values as a TIFF scan of a depth and number of bands."""

    def write(picture: NDArray[np.float32], bits: int = 8, bands: int = 1, name: str = "scan.tif") -> Path:
        depth = np.uint8 if bits == 8 else np.uint16
        pixels = np.rint(picture * np.iinfo(depth).max).astype(depth)
        pixels = np.repeat(pixels[:, :, None], bands, axis=2)
        image = pyvips.Image.new_from_array(pixels)
        grey, color = ("b-w", "srgb") if bits == 8 else ("grey16", "rgb16")
        image = image.copy(interpretation=grey if bands == 1 else color)
        image.tiffsave(str(tmp_path / name))
        return tmp_path / name

    return write


@pytest.fixture
def pixels() -> Callable[[Path], Pixels]:
    """Read a picture's full-size pixels, H×W×B."""

    def read(path: Path) -> Pixels:
        image = pyvips.Image.tiffload(str(path))
        return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)

    return read
