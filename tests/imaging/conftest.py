"""Small pictures with known content."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips

Picture = np.ndarray[tuple[int, ...], np.dtype[np.unsignedinteger]]


@pytest.fixture
def grey() -> Picture:
    """60 rows × 80 columns, 8 bit, every code value somewhere."""
    return (np.add.outer(np.arange(60) * 3, np.arange(80)) % 256).astype(np.uint8)


@pytest.fixture
def colors() -> Picture:
    return np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an array with libvips: ``save(array, "a.tif", interpretation="grey16", compression="lzw")``."""

    def save(
        array: Picture,
        name: str,
        interpretation: str | None = None,
        profile: bytes | None = None,
        **options: object,
    ) -> Path:
        image = pyvips.Image.new_from_array(array)
        image = image.copy(interpretation=interpretation) if interpretation else image.copy()
        if profile is not None:
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
        if "orientation" in options:
            image.set_type(pyvips.GValue.gint_type, "orientation", options.pop("orientation"))
        image.write_to_file(str(tmp_path / name), **options)
        return tmp_path / name

    return save
