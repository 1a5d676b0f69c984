"""Gigapixel colorization against libvips copying the file, the common way and independent tiles.

Builds its own scans of known color, measures each contender in a process of its own, removes everything, and
takes some 20 minutes on two quiet cores. ``--largest 64`` leaves out the big ones.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from colorization import guided_filter
from colorization.checkpoint import Checkpoints
from colorization.fullscale import Coefficients
from colorization.gigapixel import ChromaMap, Predictor, Tiling, predict_global, refine
from colorization.models import load
from colorization.working import read_lightness, resized
from imaging.fixity import sha256_file
from imaging.lab import XYZ_FROM_RGB, decode_srgb, encode_srgb, srgb_to_lab
from imaging.pyramid import Compression
from imaging.scan import DEFAULT_LIMITS, open_scan
from imaging.tiles import TileGrid
from tests.benchmarks.frame import Reached, report, show
from tests.benchmarks.gigapixel_tasks import COMMON_SIDE, common_chroma
from tests.benchmarks.mosaic import ACROSS, DIFFERENT, LARGEST, known_color, photographs, write_scan

WORKING = 2048
SIDES = {4: 2048, 64: 8192, 256: 16384, 1024: 32768}
"""Megapixels (2²⁰) and side, px."""
FITS_MEMORY = 64
"""The common way holds some 60 bytes per px; larger scans are not tried, megapixels."""
NAMES = {
    "floor": "(a) libvips copy",
    "pass": "(b) full-resolution pass",
    "whole": "(c) whole",
    "common": "(d) common way",
}
KILLS = 10
WHOLE = 1024
"""Side at which single photographs are measured, px."""

Figures = dict[str, Any]


def main() -> int:
    """Measure everything; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1024, choices=sorted(SIDES), help="megapixels")
    largest = parser.parse_args().largest
    bench = Path(os.environ.get("HELIOCHROME_HOME", ".heliochrome")) / "bench"
    bench.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench) as scratch:
        folder = Path(scratch)
        figures: Figures = {"quality": quality(folder), "lightness": lightness_kept(folder)}
        figures["identical_after_kills"] = killed(folder)
        figures["speed"] = speed(folder, largest)
    return report("gigapixel", figures, promised(figures, largest))


def speed(folder: Path, largest: int) -> Figures:
    """Seconds, CPU seconds and peak memory of (a)–(d) at every size, lossless and as JPEG."""
    measured: Figures = {}
    for megapixels, side in ((m, s) for m, s in SIDES.items() if m <= largest):
        source = folder / f"scan-{megapixels}.tif"
        write_scan(source, side)
        write_field(source, side)
        tasks = ["floor", "pass", "whole"] + (["common"] if megapixels <= FITS_MEMORY else [])
        for compression in (Compression.DEFLATE, Compression.JPEG):
            row = {task: run(task, source, folder, compression) for task in tasks}
            measured[f"{megapixels} {compression}"] = row
            columns = ("contender", "s", "CPU s", "peak MiB", "÷ (a)", "CPU ÷ (a)")
            show(f"{megapixels} megapixels, {compression}", columns, table(row))
        source.unlink()
    return measured


def table(row: dict[str, dict[str, float]]) -> list[tuple[Any, ...]]:
    """Lay out one size's measurements."""
    base = row["floor"]
    return [
        (NAMES[t], m["seconds"], m["cpu"], m["mib"], m["seconds"] / base["seconds"], m["cpu"] / base["cpu"])
        for t, m in row.items()
    ]


def run(task: str, source: Path, folder: Path, compression: Compression) -> dict[str, float]:
    """Run one task in a process of its own."""
    target = folder / "out"
    command = [sys.executable, "-m", "tests.benchmarks.gigapixel_tasks", task, source, target, compression]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    remove(target)
    if done.returncode:
        raise RuntimeError(f"{task} on {source.name} failed:\n{done.stderr[-2000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def write_field(source: Path, side: int) -> None:
    """Write the known color's coefficients beside a scan, at the default working scale."""
    repeats = max(1, side // LARGEST)
    lab = np.tile(known_color(WORKING // repeats), (1, repeats, repeats))
    np.save(source.with_suffix(".field.npy"), guided_filter.fit(lab[0], lab[1:]).field)


def quality(folder: Path) -> Figures:
    """Seams, agreement of tiles and halos, ours and the others', on one scan of known color."""
    source = folder / "scan.tif"
    write_scan(source, SIDES[4])
    truth = known_color(WORKING)
    lightness = read_lightness(source, (WORKING, WORKING), DEFAULT_LIMITS)
    model = load()
    ours = tiles_of(folder / "ours", model, lightness, Tiling())
    untiled = tiles_of(folder / "untiled", model, lightness, Tiling(tile=WORKING, overlap=0)).chroma
    tiles_of(folder / "apart", model, lightness, Tiling(conditioned=False))
    grid = TileGrid(WORKING, WORKING, Tiling().tile, Tiling().overlap)
    soft, sharp = through_network(truth, COMMON_SIDE), carry(lightness, through_network(truth, WORKING))
    edge = near_edges(truth[0])
    figures = {
        "seam_index": seam_index(ours.chroma, borders(grid)),
        "seam_index_untiled": seam_index(untiled, borders(grid)),
        "seam_index_apart": seam_index(hard_cut(folder / "apart", grid), cuts(grid)),
        "seam_index_apart_untiled": seam_index(untiled, cuts(grid)),
        "agreement": agreement(folder / "ours", grid),
        "agreement_apart": agreement(folder / "apart", grid),
        "halo_known_color": error(sharp, truth, edge) / error(soft, truth, edge),
        **halo_of_network(folder, model),
    }
    show("Quality", ("figure", "value"), list(figures.items()))
    for name in ("ours", "untiled", "apart"):
        shutil.rmtree(folder / name)
    return figures


def halo_of_network(folder: Path, model: Predictor) -> Figures:
    """Compare errors with the common way on single photographs: a mosaic is sixteen at once."""
    errors: dict[str, list[float]] = {"near_edges": [], "elsewhere": []}
    common: dict[str, list[float]] = {"near_edges": [], "elsewhere": []}
    for number, photograph in enumerate(islice(photographs(), DIFFERENT)):
        enlarged = cv2.resize(photograph, (WHOLE, WHOLE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        truth = np.moveaxis(srgb_to_lab(enlarged), -1, 0)
        lightness = np.ascontiguousarray(truth[0])
        edge = near_edges(lightness)
        painted = tiles_of(folder / f"photograph-{number}", model, lightness, Tiling()).chroma
        for found, chroma in ((errors, carry(lightness, painted)), (common, common_chroma(lightness))):
            found["near_edges"].append(error(chroma, truth, edge))
            found["elsewhere"].append(error(chroma, truth, ~edge))
        shutil.rmtree(folder / f"photograph-{number}")
    return {
        "halo_network": float(np.mean(errors["near_edges"]) / np.mean(common["near_edges"])),
        **{f"error_{where}": float(np.mean(found)) for where, found in errors.items()},
        **{f"error_{where}_common": float(np.mean(found)) for where, found in common.items()},
    }


def tiles_of(folder: Path, model: Predictor, lightness: np.ndarray, tiling: Tiling) -> ChromaMap:
    """Paint all scales; the tiles stay in `folder`."""
    preferred = model.descriptor.preferred_side  # type: ignore[attr-defined]
    start = predict_global(model, lightness, (), preferred)
    kept = Checkpoints(folder, "bench")
    return refine(model, lightness, start, hints=(), tiling=tiling, checkpoints=kept)


def tile_files(folder: Path) -> list[np.ndarray]:
    """Return the finest scale's tiles, a*b* and confidence, in reading order."""
    return [np.load(path) for path in sorted(folder.glob(f".chroma-*/color-{WORKING}-*.npy"))]


def agreement(folder: Path, grid: TileGrid) -> float:
    """Mean ΔE*ab between neighboring tiles where they overlap (L* is the same)."""
    tiles, distances = list(zip(grid, tile_files(folder), strict=True)), []
    for tile, colored in tiles:
        for other, neighbor in tiles[tile.index + 1 :]:
            left, top = max(tile.left, other.left), max(tile.top, other.top)
            right = min(tile.left + tile.width, other.left + other.width)
            bottom = min(tile.top + tile.height, other.top + other.height)
            if left < right and top < bottom:
                here, there = (
                    c[:2, top - t.top : bottom - t.top, left - t.left : right - t.left]
                    for t, c in ((tile, colored), (other, neighbor))
                )
                distances.append(np.hypot(*(here - there)).mean())
    return float(np.mean(distances))


def hard_cut(folder: Path, grid: TileGrid) -> np.ndarray:
    """Assemble tiles without blending, each up to the middle of its overlaps."""
    canvas = np.zeros((2, grid.height, grid.width), np.float32)
    edges = [0, *cuts(grid), grid.width]
    across = len(edges) - 1
    for tile, colored in zip(grid, tile_files(folder), strict=True):
        row, column = divmod(tile.index, across)
        rows, columns = slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1])
        inner = (
            slice(rows.start - tile.top, rows.stop - tile.top),
            slice(columns.start - tile.left, columns.stop - tile.left),
        )
        canvas[:, rows, columns] = colored[:2, *inner]
    return canvas


def borders(grid: TileGrid) -> list[int]:
    """Columns at which a tile begins or ends."""
    return sorted({x for t in grid for x in (t.left, t.left + t.width)} - {0, grid.width})


def cuts(grid: TileGrid) -> list[int]:
    """Columns in the middle of overlaps."""
    lefts = sorted({t.left for t in grid})
    return [(a + grid[0].width + b) // 2 for a, b in pairwise(lefts)]


def seam_index(chroma: np.ndarray, columns: list[int]) -> float:
    """Mean chroma step across tile borders ÷ inside.

    Borders near those of the mosaic's own photographs are left out.
    """
    period = WORKING // ACROSS
    fair = [c - 1 for c in columns if min(c % period, -c % period) > 24]
    steps = [np.hypot(*np.diff(p, axis=2)).mean(axis=0) for p in (chroma, chroma.transpose(0, 2, 1))]
    at = np.mean([step[fair].mean() for step in steps])
    return float(at / np.mean([np.delete(step, fair).mean() for step in steps]))


def carry(lightness: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Return a*b* as the full-resolution pass makes it: through the guided filter."""
    field = guided_filter.fit(lightness, chroma).field
    field = cv2.resize(field, lightness.shape[::-1], interpolation=cv2.INTER_LINEAR)
    neutral = Coefficients.from_affine(np.zeros((1, 1, 2)), np.ones((1, 1, 2))).field[0, 0, 2:]
    slope = (field[..., :2] - 1) / (116 * neutral)
    intercept = field[..., 2:] / neutral + 16 * slope
    return np.moveaxis(slope * lightness[..., None] + intercept, -1, 0)


def through_network(truth: np.ndarray, side: int) -> np.ndarray:
    """Known color as a perfect network would answer: seen at `side` px, answered at a quarter of it."""
    cells = side // guided_filter.STRIDE
    return np.stack([resized(resized(p, cells, cells), WORKING, WORKING) for p in truth[1:]])


def near_edges(lightness: np.ndarray) -> np.ndarray:
    """Where a strong L* edge (a step over 6 between neighbors) is within 8 px."""
    steps = np.hypot(cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)) / 8
    edges: np.ndarray = cv2.dilate((steps > 6).astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    return edges


def error(chroma: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Mean chroma error, a*b* units."""
    return float(np.hypot(*(chroma - truth[1:]))[where].mean())


def lightness_kept(folder: Path) -> Figures:
    """Largest change of L*, as the code value of the grey that has it, in 8 and 16 bits, lossless."""
    figures = {}
    for bits, top in ((8, 255), (16, 65535)):
        source, target = folder / f"deep-{bits}.tif", folder / "out"
        write_scan(source, SIDES[4], bits)
        write_field(source, SIDES[4])
        run_kept("pass", source, target)
        before, after = open_scan(source).numpy().astype(np.float64), open_scan(target).numpy()
        luminance = decode_srgb((after / top).astype(np.float32)).astype(np.float64) @ XYZ_FROM_RGB[1]
        figures[f"{bits} bit"] = float(np.abs(encode_srgb(luminance.astype(np.float32)) * top - before).max())
        remove(target)
    show("Largest change of L*", ("depth", "code values"), list(figures.items()))
    return figures


def run_kept(task: str, source: Path, target: Path) -> None:
    """Run one task and keep what it wrote."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.gigapixel_tasks",
        task,
        source,
        target,
        Compression.DEFLATE,
    ]
    subprocess.run([str(c) for c in command], capture_output=True, check=True)


def killed(folder: Path) -> bool:
    """Kill a run `KILLS` times after a random number of further tiles; compare with an undisturbed one."""
    source = folder / "scan.tif"
    rng = np.random.default_rng(11)
    run_kept("short", source, folder / "undisturbed")
    target, kills = folder / "killed", 0
    target.mkdir()
    command = [sys.executable, "-m", "tests.benchmarks.gigapixel_tasks", "short", source, target, "deflate"]
    while kills < KILLS:
        goal = tiles_in(target) + int(rng.integers(1, 4))
        process = subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and tiles_in(target) < goal:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += 1
        process.wait()
    run_kept("short", source, target)
    same = all(
        sha256_file(target / name) == sha256_file(folder / "undisturbed" / name)
        for name in ("colorized.tif", "confidence.tif")
    )
    show("Killed and resumed", ("kills", "byte-identical"), [(kills, same)])
    remove(target)
    remove(folder / "undisturbed")
    return same


def tiles_in(folder: Path) -> int:
    """Return how many finished tiles a run left."""
    return len(list(folder.glob(".chroma-*/*-t*.npy")))


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def promised(figures: Figures, largest: int) -> list[Reached]:
    """Hold the figures against what was promised."""
    found, light = figures["quality"], figures["lightness"]
    reached = [
        Reached("seam index", found["seam_index"], 1.02),
        # What the photographs themselves show at those places, tiled or not, cancels.
        Reached("seam index ÷ that without tiles", found["seam_index"] / found["seam_index_untiled"], 1.02),
        Reached(
            "the same of independent tiles",
            found["seam_index_apart"] / found["seam_index_apart_untiled"],
            1.2,
            at_most=False,
        ),
        Reached("ΔE between overlapping tiles", found["agreement"], 2.0),
        Reached("halo ÷ common way, known color", found["halo_known_color"], 0.6),
        Reached("halo ÷ common way, this network", found["halo_network"], 0.6),
        Reached("max ΔL* in 8 bit, codes", light["8 bit"], 1.0),
        Reached("max ΔL* in 16 bit, codes", light["16 bit"], 32.0),
        Reached(
            "killed ten times, byte-identical", float(figures["identical_after_kills"]), 1.0, at_most=False
        ),
    ]
    for compression in (Compression.DEFLATE, Compression.JPEG):
        row = figures["speed"][f"{largest} {compression}"]
        base = row["floor"]["seconds"]
        reached += [
            Reached(f"{compression}: pass ÷ floor", row["pass"]["seconds"] / base, 2.5),
            Reached(f"{compression}: whole ÷ floor", row["whole"]["seconds"] / base, 6.0),
            Reached(f"{compression}: peak MiB of the whole", row["whole"]["mib"], 1.5e9 / 2**20),
        ]
        if largest > 64:
            per_pixel = figures["speed"][f"64 {compression}"]["whole"]["seconds"] / 64
            grown = row["whole"]["seconds"] / largest / per_pixel
            reached.append(Reached(f"{compression}: cost per megapixel ÷ that at 64", grown, 1.3))
    return reached


if __name__ == "__main__":
    sys.exit(main())
