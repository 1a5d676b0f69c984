"""Rows computed in Python arrive in libvips unchanged, and failures are kept."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.pyramid import write_pyramid
from imaging.scan import open_scan
from imaging.streamed_image import Rows, StreamedImage


def strips(array: Rows, rows: int) -> Iterator[Rows]:
    for top in range(0, len(array), rows):
        yield array[top : top + rows]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70), st.sampled_from([8, 16]))
def test_every_pixel_arrives(width: int, height: int, rows: int, bits: int) -> None:
    kind = np.uint8 if bits == 8 else np.uint16
    array = np.random.default_rng(0).integers(0, 1 << bits, (height, width, 3)).astype(kind)
    computed = StreamedImage(width, height, bits, rows, strips(array, rows))
    assert computed.image.interpretation == ("srgb" if bits == 8 else "rgb16")
    assert np.array_equal(computed.image.numpy(), array)


def test_large_pictures_stream_into_a_pyramid(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (900, 1300, 3), dtype=np.uint8)
    write_pyramid(StreamedImage(1300, 900, 8, 64, strips(array, 64)).image, tmp_path / "a.tif")
    assert np.array_equal(open_scan(tmp_path / "a.tif").numpy(), array)


def test_a_failure_stops_the_reader_and_is_kept(tmp_path: Path) -> None:
    def failing() -> Iterator[Rows]:
        yield np.zeros((64, 1300, 3), np.uint8)
        raise KeyError("source")

    computed = StreamedImage(1300, 900, 8, 64, failing())
    with pytest.raises(pyvips.Error):
        write_pyramid(computed.image, tmp_path / "a.tif")
    assert isinstance(computed.failure, KeyError)
    assert list(tmp_path.iterdir()) == []
