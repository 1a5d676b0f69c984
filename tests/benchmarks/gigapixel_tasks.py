"""What `gigapixel` measures, each in a process of its own: TASK SOURCE TARGET COMPRESSION."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pyvips

from colorization.fullscale import Coefficients
from colorization.models import load
from colorization.options import ColorizationOptions
from colorization.pipeline import colorize, write_colored
from imaging.lab import fit_gamut, grey_to_lightness, lab_to_srgb
from imaging.pyramid import Compression, PyramidOptions, write_pyramid
from imaging.scan import inspect_scan, open_scan
from tests.benchmarks.frame import peak_rss_mib

COMMON_SIDE = 512


def floor(source: Path, target: Path, compression: Compression) -> None:
    """(a) libvips alone: the grey scan into the same kind of RGB pyramid."""
    grey = open_scan(source, sequential=True)
    write_pyramid(
        grey.bandjoin([grey, grey]).copy(interpretation="srgb"), target, PyramidOptions(compression)
    )


def full_pass(source: Path, target: Path, compression: Compression) -> None:
    """(b) The full-resolution pass alone; its coefficients lie beside the scan."""
    coefficients = Coefficients(np.load(source.with_suffix(".field.npy")))
    options = ColorizationOptions(compression=compression)
    write_colored(source, coefficients, target, options=options, scan=inspect_scan(source))


def whole(source: Path, target: Path, compression: Compression) -> None:
    """(c) The whole colorization, as it is by default."""
    target.mkdir(exist_ok=True)
    colorize(source, target, ColorizationOptions(compression=compression))


def short(source: Path, target: Path, compression: Compression) -> None:
    """(c) With small tiles, for killing."""
    target.mkdir(exist_ok=True)
    colorize(
        source, target, ColorizationOptions(compression=compression, tile=256, working_side=1024, threads=1)
    )


def common(source: Path, target: Path, compression: Compression) -> None:
    """(d) The common way: the whole squashed to one size, color stretched back in NumPy."""
    grey = open_scan(source).numpy()
    lightness = grey_to_lightness((grey / 255).astype(np.float32))
    chroma = common_chroma(lightness)
    lab = np.dstack([lightness, *chroma])
    rgb = (np.clip(lab_to_srgb(fit_gamut(lab)), 0, 1) * 255).round().astype(np.uint8)
    image = pyvips.Image.new_from_array(rgb).copy(interpretation="srgb")
    write_pyramid(image, target, PyramidOptions(compression))


def common_chroma(lightness: np.ndarray) -> np.ndarray:
    """Return a*b* 2×h×w of the common way."""
    small = cv2.resize(lightness, (COMMON_SIDE, COMMON_SIDE), interpolation=cv2.INTER_AREA)
    seen = load().predict(small[None, None]).ab[0]
    return np.stack([cv2.resize(p, lightness.shape[::-1], interpolation=cv2.INTER_LINEAR) for p in seen])


TASKS = {"floor": floor, "pass": full_pass, "whole": whole, "short": short, "common": common}


def main() -> None:
    """Run one task; print its seconds, CPU seconds and peak memory as JSON."""
    name, source, target, compression = sys.argv[1:]
    before, began = os.times(), time.perf_counter()
    TASKS[name](Path(source), Path(target), Compression(compression))
    seconds, after = time.perf_counter() - began, os.times()
    cpu = after.user + after.system - before.user - before.system
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "mib": peak_rss_mib()}) + "\n")


if __name__ == "__main__":
    main()
