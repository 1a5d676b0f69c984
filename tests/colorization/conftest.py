"""A tiny network with random weights, exported as the shipped one is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colorization.chroma import Decoding
from colorization.network import ColorNetwork
from colorization.training.export import export
from colorization.training.targets import Palette


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small pictures gain nothing from a second thread, and lose much where cores are busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_palette() -> Palette:
    axis = torch.arange(-40.0, 41.0, 20.0)
    bins = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)
    return Palette(bins, torch.full((len(bins),), 1 / len(bins)))


@pytest.fixture(scope="session")
def museum(tmp_path_factory: pytest.TempPathFactory, small_palette: Palette) -> Path:
    """A museum's folder of weights, with one model called ``tiny``."""
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("weights")
    network = ColorNetwork(small_palette.bins, width=24)
    export(network, small_palette, folder, version="1", decoding=Decoding(), name="tiny")
    return folder


@pytest.fixture
def grey() -> np.ndarray:
    """L* of a soft gradient with a square in it, 1×1×70×100: no multiple of anything."""
    light = np.linspace(10, 90, 100, dtype=np.float32)[None].repeat(70, 0)
    light[20:50, 30:60] = 75
    return light[None, None]
