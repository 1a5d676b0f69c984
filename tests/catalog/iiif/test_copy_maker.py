"""Copies are made beside the server, one after the other, and their process ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.iiif import copy_maker
from catalog.iiif.copy_maker import CopyMaker
from catalog.iiif.service_copies import ServedScan, ServiceCopies


def scan(path: Path, number: int = 0, *, side: int = 1100) -> ServedScan:
    if not path.exists():
        noise = np.random.default_rng(1).integers(0, 255, (side, side), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return ServedScan(f"{number:064x}", path, 0, side * side)


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 240
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def test_what_is_asked_for_is_made_in_another_process(tmp_path: Path) -> None:
    copies, wanted = ServiceCopies(tmp_path / "store"), scan(tmp_path / "scan.png")
    maker = CopyMaker(copies)
    assert maker.ask(wanted)
    assert maker.ask(wanted)
    assert until(lambda: copies.find(wanted) is not None)
    found = copies.find(wanted)
    assert found is not None
    assert found[1]
    with Image.open(found[0]) as image:
        assert image.size == (1100, 1100)
    assert until(lambda: not any(t.name == "service copies" for t in threading.enumerate()))


def test_a_copy_that_was_removed_is_made_again(tmp_path: Path) -> None:
    copies, wanted = ServiceCopies(tmp_path / "store"), scan(tmp_path / "scan.png")
    maker = CopyMaker(copies)
    for _ in range(2):
        maker.ask(wanted)
        assert until(lambda: copies.find(wanted) is not None)
        copy, pyramid = copies.find(wanted) or (Path(), False)
        assert pyramid
        assert until(lambda: not any(t.name == "service copies" for t in threading.enumerate()))
        copy.unlink()


def test_a_scan_that_breaks_its_decoder_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    copies, wanted = ServiceCopies(tmp_path / "store"), scan(tmp_path / "scan.png")
    CopyMaker(copies).ask(wanted)
    assert until(lambda: copies.find(wanted) is not None)
    assert copies.find(wanted) == (tmp_path / "scan.png", False)


def test_the_queue_is_bounded_and_worked_off_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ServedScan] = []
    free = threading.Event()

    def make(_: CopyMaker, wanted: ServedScan) -> bool:
        free.wait(30)
        made.append(wanted)
        return True

    monkeypatch.setattr(CopyMaker, "_make", make)
    monkeypatch.setattr(copy_maker, "MOST_WAITING", 3)
    maker = CopyMaker(ServiceCopies(tmp_path / "store"))
    wanted = [ServedScan(f"{number:064x}", tmp_path, 0, 1) for number in range(5)]
    assert [maker.ask(one) for one in wanted] == [True, True, True, False, False]
    free.set()
    assert until(lambda: made == wanted[:3])
    assert until(lambda: maker.ask(wanted[3]))
    assert until(lambda: made == wanted[:4])


def test_the_process_ends_with_the_server(tmp_path: Path) -> None:
    wanted = scan(tmp_path / "scan.png", side=4000)
    told = (tmp_path / "store", wanted.image, wanted.original, 0, wanted.pixels)
    with subprocess.Popen(
        [sys.executable, "-m", copy_maker.__name__, *map(str, told)],
        stdin=subprocess.PIPE,
        env={**os.environ, "VIPS_CONCURRENCY": "1"},
    ) as process:
        assert until((tmp_path / "store").exists), "it has begun"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == os.EX_TEMPFAIL
    assert ServiceCopies(tmp_path / "store").find(wanted) is None
    # What it left does not stand in the way of the next one.
    copies = ServiceCopies(tmp_path / "store")
    assert copies.make(wanted)
    assert len([path for path in (tmp_path / "store").rglob("*") if path.is_file()]) == 1
