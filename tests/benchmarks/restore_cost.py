"""Cost of the whole restoration stage at growing sizes; alone: ``python -m tests.benchmarks.restore_cost``.

Each size runs in a process of its own, on a mosaic of photographs with damage on them, with mending and noise
reduction on. ``MEGAPIXELS=4,64`` chooses sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.stage import Role
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from restoration.training.damage import damage
from restoration.training.shapes import HELD_OUT_SCANS, Shapes
from tests.benchmarks.frame import Reached, peak_rss_mib, report, show
from tests.benchmarks.restore_defects import SHARED, held_out_photographs

MEGAPIXELS = (4, 64, 256)
CELL = 1000
"""Side of the picture that the mosaic repeats and mirrors, px; mirror lines must not lie on seams."""
RSS_MIB = 1536
LARGEST_TILE = 4096
"""Side up to which a picture is also restored in one tile, which has no seams, px."""


def measure() -> tuple[dict[str, Any], list[Reached]]:
    """Return seconds per megapixel, peak memory and the seam index at each size."""
    sizes = [int(size) for size in os.environ.get("MEGAPIXELS", ",".join(map(str, MEGAPIXELS))).split(",")]
    figures = {size: _in_its_own_process(size) for size in sizes}
    show(
        "the whole stage: mending and noise reduction on",
        (
            *("megapixels", "seconds", "seconds per megapixel", "peak RSS, MiB"),
            *("seam index", "the scan's own", "restored in one tile"),
        ),
        [
            (
                size,
                f["seconds"],
                f["seconds"] / size,
                f["rss"],
                f["seam"],
                f["seam before"],
                f.get("untiled", ""),
            )
            for size, f in figures.items()
        ],
    )
    largest = figures[max(sizes)]
    ratio = (largest["seconds"] / max(sizes)) / (figures[min(sizes)]["seconds"] / min(sizes))
    promises = [
        Reached(f"peak RSS at {max(sizes)} MP, MiB", largest["rss"], RSS_MIB),
        Reached(f"cost per MP at {max(sizes)} MP, of that at {min(sizes)} MP", ratio, 1.3),
        Reached("seam index", max(f["seam"] for f in figures.values()), 1.02),
        # Edges of the picture that lie on a border are in the scan too.
        Reached(
            "seam index ÷ the scan's own", max(f["seam"] / f["seam before"] for f in figures.values()), 1.02
        ),
    ]
    promises += [
        Reached(f"seam index ÷ that of one tile at {size} MP", f["seam"] / f["untiled"], 1.02)
        for size, f in figures.items()
        if "untiled" in f
    ]
    return {str(size): figure for size, figure in figures.items()}, promises


def _in_its_own_process(megapixels: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.restore_cost", str(megapixels)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _restore_one(megapixels: int) -> dict[str, float]:
    figures: dict[str, float]
    with tempfile.TemporaryDirectory(dir=os.environ.get("HELIOCHROME_HOME")) as folder:
        scan, into = Path(folder, "scan.tif"), Path(folder, "out")
        into.mkdir()
        side = round((megapixels * 1e6) ** 0.5)
        _mosaic(side).tiffsave(str(scan), tile=True, compression="none")
        started = time.monotonic()
        options = RestorationOptions(denoise=0.5)
        result = restore(scan, into, options)
        figures = {"seconds": time.monotonic() - started, "rss": peak_rss_mib()}
        restored = into / result.file(Role.RESTORED).name
        figures |= {"seam": seam_index(restored, options.tile), "seam before": seam_index(scan, options.tile)}
        if options.tile < side <= LARGEST_TILE:
            restore(scan, into, replace(options, tile=LARGEST_TILE))
            figures["untiled"] = seam_index(restored, options.tile)
    return figures


def _mosaic(side: int) -> pyvips.Image:
    """Return a grey picture of `side`² px: one damaged cell, repeated and mirrored."""
    cell = _damaged_cell()
    four = np.block([[cell, cell[:, ::-1]], [cell[::-1], cell[::-1, ::-1]]])
    times = -(-side // four.shape[0])
    return pyvips.Image.new_from_array(four).replicate(times, times).crop(0, 0, side, side)


def _damaged_cell() -> NDArray[np.uint8]:
    photograph = held_out_photographs()[0]
    large = pyvips.Image.new_from_array((photograph * 255).astype(np.uint8))
    large = large.resize(CELL / min(large.width, large.height)).crop(0, 0, CELL, CELL)
    shapes = Shapes(SHARED / "damage" / "film-defects.json.gz", HELD_OUT_SCANS)
    random = np.random.default_rng(4)
    hurt = damage(large.numpy().astype(np.float32) / 255, shapes, random)
    grain = random.normal(0, 0.015, hurt.picture.shape)
    return np.rint((hurt.picture + grain).clip(0, 1) * 255).astype(np.uint8)


def seam_index(path: Path, tile: int) -> float:
    """Return how much rougher the picture is across the borders of tiles than beside them; 1 is no seam.

    The mean step between the two columns (rows) at a border over that between columns 2–9 px from it.
    """
    image = pyvips.Image.tiffload(str(path))
    at: list[float] = []
    beside: list[float] = []
    for turned in (False, True):
        for border in range(tile, (image.height if turned else image.width) - 9, tile):
            strip = (
                image.crop(0, border - 9, image.width, 18).numpy().T
                if turned
                else image.crop(border - 9, 0, 18, image.height).numpy()
            )
            steps = abs(np.diff(strip.astype(np.float32), axis=1)).mean(axis=0)
            at.append(float(steps[8]))
            beside.append(float(np.delete(steps, [7, 8, 9]).mean()))
    return float(np.mean(at) / np.mean(beside)) if at else 1.0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(_restore_one(int(sys.argv[1]))) + "\n")
    else:
        sys.exit(report("restore_cost", *measure()))
