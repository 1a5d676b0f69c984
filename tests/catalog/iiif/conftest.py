from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import pyvips
import uvicorn
from starlette.types import ASGIApp

from imaging.pyramid import Compression, PyramidOptions, write_pyramid

VALIDATOR_IMAGE = "67352ccc-d1b0-11e1-89ae-279075081939"
"""The identifier that the official validator's documentation uses for its picture."""


def validator_picture() -> pyvips.Image:
    """The validator's 1000×1000 px test picture: 10×10 squares of the colors that it looks for."""
    from iiif_validator.validator import ValidationInfo

    colors = np.array(ValidationInfo().colorInfo, dtype=np.uint8)
    squares = colors.transpose(1, 0, 2).repeat(100, axis=0).repeat(100, axis=1)
    return pyvips.Image.new_from_array(np.ascontiguousarray(squares)).copy(interpretation="srgb")


@pytest.fixture(scope="session")
def squares_pyramid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("iiif") / "squares.tif"
    write_pyramid(validator_picture(), path)
    return path


@pytest.fixture(scope="session")
def grey_pyramid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 16-bit grey ramp of 1301×777 px: odd sizes at every level."""
    path = tmp_path_factory.mktemp("iiif") / "grey.tif"
    ramp = (pyvips.Image.xyz(1301, 777)[0] * 50).cast("ushort").copy(interpretation="grey16")
    write_pyramid(ramp, path, PyramidOptions(Compression.DEFLATE))
    return path


@contextmanager
def serving(make_app: Callable[[str], ASGIApp]) -> Iterator[str]:
    """Serve the app that `make_app` makes for its own address; yields ``host:port``."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(make_app(f"http://{address}"), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()
