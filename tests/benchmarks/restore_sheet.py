"""Contact sheets of restoration to look at, scan | mask | restored, under ``$HELIOCHROME_HOME/bench/``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.scan import open_scan
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from tests.benchmarks.restore_defects import SHARED

ROWS = 5
HEIGHT = 420
COLORS = np.array(
    [[0, 0, 0], [255, 220, 0], [0, 220, 0], [0, 140, 255], [255, 40, 40], [255, 0, 255], [0, 230, 230]],
    np.uint8,
)
"""Of sound pixels (shown as the photograph, dimmed) and of each kind of damage."""


def write_sheets() -> list[Path]:
    """Restore every scan of the shared folder and lay them out, `ROWS` to a sheet."""
    folder = Path(os.environ.get("HELIOCHROME_HOME", ".heliochrome")) / "bench" / "restore"
    folder.mkdir(parents=True, exist_ok=True)
    scans = sorted(p for p in (SHARED / "scans").iterdir() if p.suffix in (".png", ".jpg"))
    rows = [_row(scan) for scan in scans]
    written = []
    for number in range(0, len(rows), 2 * ROWS):
        columns = [rows[number : number + 2 * ROWS][side::2] for side in (0, 1)]
        sheet = np.hstack([_stack(column, len(columns[0])) for column in columns])
        written.append(folder / f"sheet-{number // (2 * ROWS):02d}.png")
        cv2.imwrite(str(written[-1]), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return written


def _row(scan: Path) -> NDArray[np.uint8]:
    with tempfile.TemporaryDirectory() as into:
        result = restore(scan, Path(into), RestorationOptions())
        before, after = _rgb(open_scan(scan)), _rgb(open_scan(Path(into, "restored.tif")))
        mask = pyvips.Image.tiffload(str(Path(into, "damage-mask.tif"))).numpy()
    shown = np.where(mask[:, :, None] > 0, COLORS[mask], before // 3)
    parts = [cv2.resize(p, (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA) for p in (before, shown, after)]
    caption = (
        f"{scan.name} {100 * float(result.figures['damage_share'] or 0):.2f} % in {result.figures['defects']}"
    )
    cv2.putText(parts[1], caption, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.hstack(parts).astype(np.uint8)


def _rgb(image: pyvips.Image) -> NDArray[np.uint8]:
    return np.asarray(image.colourspace("srgb").cast("uchar").numpy(), np.uint8)


def _stack(rows: list[NDArray[np.uint8]], count: int) -> NDArray[np.uint8]:
    blank = np.zeros((HEIGHT, 3 * HEIGHT, 3), np.uint8)
    return np.vstack(rows + [blank] * (count - len(rows)))


if __name__ == "__main__":
    sys.stdout.write("\n".join(str(path) for path in write_sheets()) + "\n")
