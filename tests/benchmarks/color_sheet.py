"""Contact sheets of real scans: scan, color, confidence, two alternatives.

``python -m tests.benchmarks.color_sheet --out DIR``.

Figures do not say whether a curator would show a picture; these are for looking at.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization import models
from colorization.alternatives import alternatives
from imaging import lab
from imaging.scan import open_scan

SCANS = Path(__file__).parents[2].parent / "shared" / "scans"
HEIGHT = 220
WIDTH = 1900
ROWS = 7

Picture = NDArray[np.uint8]


def main() -> int:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scans", type=Path, default=SCANS)
    parser.add_argument("--model", default=models.DEFAULT)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--alternatives", type=int, default=1)
    parser.add_argument("--side", type=int, help="long side that the network sees, px")
    asked = parser.parse_args()
    model = models.load(asked.model, folder=asked.weights)
    asked.out.mkdir(parents=True, exist_ok=True)
    scans = sorted(p for p in asked.scans.iterdir() if p.suffix in {".jpg", ".png", ".tif"})
    side = asked.side or model.descriptor.preferred_side
    strips = [strip(model, scan, asked.alternatives, side) for scan in scans]
    for i, rows in enumerate(_filled(strips)):
        cv2.imwrite(str(asked.out / f"sheet-{i}.png"), np.vstack(rows)[..., ::-1])
    return 0


def strip(model: models.ColorModel, scan: Path, count: int, side: int) -> Picture:
    """Return one scan's row, H×W×3 RGB."""
    image = open_scan(scan)
    encoded = image.numpy().astype(np.float32) / (65535 if image.format == "ushort" else 255)
    if encoded.ndim == 2:
        encoded = encoded[..., None]
    luminance = lab.decode_srgb(encoded).mean(-1)
    light = lab.grey_to_lightness(lab.encode_srgb(luminance))
    small = _brought_to(light, side)
    found = alternatives(model, small[None, None], count=count)
    width = min(int(HEIGHT * 1.5), round(HEIGHT * light.shape[1] / light.shape[0]))
    shown = cv2.resize(light, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    row = [_rgb(shown, np.zeros((HEIGHT, width, 2), np.float32))]
    row += [
        _rgb(shown, cv2.resize(p.ab[0].transpose(1, 2, 0), (width, HEIGHT), interpolation=cv2.INTER_CUBIC))
        for p in found
    ]
    sure = cv2.resize(found[0].confidence[0, 0], (width, HEIGHT))
    heat = cv2.applyColorMap((sure * 255).clip(0, 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    return _labelled(np.hstack([*row, heat[..., ::-1]]), scan.stem)


def _brought_to(light: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    scale = side / max(light.shape)
    size = [max(32, round(s * scale)) for s in light.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(light, size, interpolation=method), np.float32)


def _rgb(light: NDArray[np.float32], ab: NDArray[np.float32]) -> Picture:
    fitted = lab.fit_gamut(np.concatenate([light[..., None], ab], -1))
    return (lab.lab_to_srgb(fitted).clip(0, 1) * 255).round().astype(np.uint8)


def _labelled(row: Picture, text: str) -> Picture:
    row = np.ascontiguousarray(row)
    cv2.putText(row, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 0), 1, cv2.LINE_AA)
    return row


def _filled(strips: list[Picture]) -> Iterator[list[Picture]]:
    """Yield sheets of rows of `WIDTH` px, each filled with as many strips as fit."""
    rows: list[Picture] = []
    left = WIDTH
    for strip_ in strips:
        part = strip_[:, :WIDTH]
        if left + part.shape[1] > WIDTH:
            if len(rows) == ROWS:
                yield rows
                rows = []
            rows.append(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
            left = 0
        rows[-1][:, left : left + part.shape[1]] = part
        left += part.shape[1] + 10
    yield rows


if __name__ == "__main__":
    raise SystemExit(main())
