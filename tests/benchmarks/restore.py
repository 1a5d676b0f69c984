"""`make bench-restore`: detection, mending, noise, old prints, the stage as a whole, sheets to look at.

Measured on damage and photographs that were not trained on, beside peers in the same run. ``MEGAPIXELS=4,64``
shortens the part on cost.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pyvips

from imaging.scan import open_scan
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from tests.benchmarks import (
    restore_cost,
    restore_defects,
    restore_grain,
    restore_prints,
    restore_real,
    restore_sheet,
)
from tests.benchmarks.frame import Reached, report, show

CLEAN = 12
"""Photographs put through the whole stage with nothing wrong with them."""


def measure() -> tuple[dict[str, Any], list[Reached]]:
    """Return the figures of all parts and all promises."""
    parts = {
        "real": restore_real.measure,
        "defects": restore_defects.measure,
        "prints": restore_prints.measure,
        "grain": restore_grain.measure,
        "clean": _clean_in_clean_out,
        "cost": restore_cost.measure,
    }
    figures: dict[str, Any] = {}
    promises: list[Reached] = []
    for name, part in parts.items():
        figures[name], promised = part()
        promises += promised
    figures["sheets"] = [path.name for path in restore_sheet.write_sheets()]
    return figures, promises


def _clean_in_clean_out() -> tuple[dict[str, Any], list[Reached]]:
    """Restore photographs that need nothing, with the default options."""
    qualities = []
    for photograph in restore_defects.held_out_photographs()[:CLEAN]:
        clean = np.rint(photograph * 255).astype(np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            scan = Path(folder, "clean.tif")
            pyvips.Image.new_from_array(clean).tiffsave(str(scan))
            restore(scan, Path(folder), RestorationOptions())
            after = open_scan(Path(folder, "restored.tif")).numpy().astype(float)
        qualities.append(10 * np.log10(255**2 / max(1e-3, float(np.square(after - clean).mean()))))
    mean = fmean(qualities)
    show("clean in, clean out, the whole stage", ("mean PSNR, dB", "lowest"), [(mean, min(qualities))])
    return {"mean": mean, "lowest": min(qualities)}, [
        Reached("clean in, clean out, the whole stage, dB", mean, 45.0, at_most=False)
    ]


if __name__ == "__main__":
    sys.exit(report("restore", *measure()))
