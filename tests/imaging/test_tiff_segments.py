"""JPEG in TIFF that lost data, which libtiff fills with grey, and what only looks like it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging.errors import CorruptScan
from imaging.scan import decoding, inspect_scan, open_scan
from tests.imaging.tiffs import Page, Tiff, assemble

NOISE = np.random.default_rng(1).integers(0, 30, (96, 128))
GREY = (np.add.outer(np.arange(96), np.arange(128)) + NOISE).astype(np.uint8)
END = b"\xff\xd9"
LAYOUTS = pytest.mark.parametrize("tiled", [False, True])
COLORS = pytest.mark.parametrize("photometric", [1, 2, 6])


def early_end(stream: bytes) -> bytes:
    return stream[: data_at(stream) + 60] + END


def no_end(stream: bytes) -> bytes:
    return stream[: data_at(stream) + 60]


def wrong_marker(stream: bytes) -> bytes:
    at = data_at(stream) + 60
    return stream[:at] + b"\xff\xf7" + stream[at + 2 :]


@LAYOUTS
@COLORS
@pytest.mark.parametrize("damage", [early_end, no_end, wrong_marker])
def test_lost_data_is_refused(
    tmp_path: Path, photometric: int, tiled: bool, damage: Callable[[bytes], bytes]
) -> None:
    page = encode(photometric, tiled)
    for place in (1, len(page.blocks) - 1):
        blocks = [damage(block) if i == place else block for i, block in enumerate(page.blocks)]
        path = tmp_path / f"{place}.tif"
        path.write_bytes(assemble([replace(page, blocks=blocks)]))
        with pytest.raises(CorruptScan), decoding(path):
            open_scan(path, sequential=True).numpy()


def padded(stream: bytes) -> bytes:
    return stream[:-2] + bytes(9) + END


def trailed(stream: bytes) -> bytes:
    return stream + b"\0" * 7


def unknown_jfif_revision(stream: bytes) -> bytes:
    return stream[:2] + b"\xff\xe0\x00\x10JFIF\0\7\7\0\0\1\0\1\0\0" + stream[2:]


@LAYOUTS
@COLORS
@pytest.mark.parametrize("oddity", [padded, trailed, unknown_jfif_revision])
def test_oddities_without_loss_are_read(
    tmp_path: Path, photometric: int, tiled: bool, oddity: Callable[[bytes], bytes]
) -> None:
    page = encode(photometric, tiled)
    whole, odd = tmp_path / "whole.tif", tmp_path / "odd.tif"
    whole.write_bytes(assemble([page]))
    odd.write_bytes(assemble([replace(page, blocks=[oddity(block) for block in page.blocks])]))
    assert np.array_equal(open_scan(odd).numpy(), open_scan(whole).numpy())


def test_two_wrong_bytes_with_shared_tables_are_found(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, "TIFF", compression="jpeg", quality=90)
    whole = stream.getvalue()
    middle = len(whole) // 2
    path = tmp_path / "a.tif"
    path.write_bytes(whole)
    assert np.abs(open_scan(path).numpy().astype(int) - GREY).mean() < 5
    path.write_bytes(whole[:middle] + b"\xff\xf7" + whole[middle + 2 :])
    with pytest.raises(CorruptScan):
        open_scan(path)


@LAYOUTS
def test_a_strip_or_tile_shorter_than_its_rows_is_found_in_the_header(tmp_path: Path, tiled: bool) -> None:
    page = Tiff(tiled=tiled).page(GREY[..., None])
    blocks = [page.blocks[0] * 2, page.blocks[1][:-1], *page.blocks[2:]]
    (tmp_path / "a.tif").write_bytes(assemble([replace(page, blocks=blocks)]))
    with pytest.raises(CorruptScan, match="too short"):
        inspect_scan(tmp_path / "a.tif")


def encode(photometric: int, tiled: bool) -> Page:
    samples = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1) if photometric != 1 else GREY[..., None]
    return Tiff(photometric, tiled=tiled, compression=7, tags={530: [1, 1]}).page(samples)


def data_at(stream: bytes) -> int:
    at = stream.index(b"\xff\xda")
    return at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
