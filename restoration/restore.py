"""The restoration stage: scan in, restored photograph and damage mask out.

Reads one scan. Writes ``restored.tif`` and ``damage-mask.tif`` (pixel values are `DamageKind`) into the
folder it is given, and while it works one TIFF per band into a hidden folder there. A kill leaves that
folder; a repeat with the same scan, options and models goes on from it and makes the same bytes. When all is done it
is removed.

The order of work: find the damage everywhere, count it, mend it, quiet the noise, assemble.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from imaging.fixity import describe_output, sha256_file
from imaging.pyramid import write_pyramid
from imaging.scan import open_scan
from imaging.stage import ModelReference, OutputFile, Role, Scalar, StageResult
from restoration.bands import Band, BandFolder
from restoration.census import Census, take_census, trace_regions
from restoration.defects import ClassicalDetector, Detector
from restoration.kinds import DamageKind
from restoration.mending import mend
from restoration.options import RestorationOptions

logger = logging.getLogger(__name__)

STAGE = "restoration"
VERSION = "1"
"""Changes whenever the same scan and options would give other pixels."""

Progress = Callable[[float], None]

MARGIN = 64
"""Pixels around a tile that mending and noise reduction may look at."""
_MASK, _RESTORED = "mask", "restored"
_SHARE_OF_DETECTION, _SHARE_OF_MENDING = 0.5, 0.4


def restore(
    scan: Path,
    into: Path,
    options: RestorationOptions | None = None,
    *,
    progress: Progress | None = None,
) -> StageResult:
    """Restore one scan of a monochrome photograph.

    Parameters
    ----------
    scan
        Grey or RGB, 8 or 16 bits; size, bands and depth are kept.
    into
        An existing folder; unfinished work found in it is continued.
    options
        `RestorationOptions`; the defaults when ``None``.
    progress
        Called with the finished share, 0–1.

    Raises
    ------
    ScanError
        The scan can not be read.
    ModelError
        A network's weights are absent or altered.
    """
    options = options or RestorationOptions()
    progress = progress or (lambda share: None)
    started = time.monotonic()
    image = open_scan(scan)
    detector: Detector = ClassicalDetector()
    models = tuple(m for m in (detector.model,) if m is not None)
    source = sha256_file(scan)
    work = into / f".{_fingerprint(source, options, models)}"
    bands = BandFolder(work, image.width, image.height, _pixel_bytes(image), options.tile)

    _find_damage(image, bands, detector, options, progress)
    census = take_census(bands, _MASK)
    _mend_bands(image, bands, options, progress)
    files = _assemble(image, bands, into)
    regions = trace_regions(census, bands, _MASK)
    shutil.rmtree(work)
    progress(1.0)
    return StageResult(
        stage=STAGE,
        version=VERSION,
        input_sha256=source,
        files=files,
        models=models,
        parameters=options.parameters(),
        figures=_figures(census, image, time.monotonic() - started),
        regions=regions,
    )


def _fingerprint(source: str, options: RestorationOptions, models: tuple[ModelReference, ...]) -> str:
    determining = [VERSION, source, options.parameters(), [model.sha256 for model in models]]
    return hashlib.sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()[:16]


def _pixel_bytes(image: pyvips.Image) -> int:
    return int(image.bands) * (2 if image.format == "ushort" else 1)


def _find_damage(
    image: pyvips.Image,
    bands: BandFolder,
    detector: Detector,
    options: RestorationOptions,
    progress: Progress,
) -> None:
    for band in bands:
        if not bands.has(_MASK, band):
            rows, above = _rows_with_margin(image, band, detector.context)
            kinds = np.zeros((band.height, bands.width), np.uint8)
            for columns, reach, core in _tiles(bands.width, options.tile, detector.context):
                found = detector.detect(_grey(rows[:, reach]), options.sensitivity)
                kinds[:, columns] = found[above : above + band.height, core]
            bands.save(_MASK, band, kinds)
        progress(_SHARE_OF_DETECTION * (band.index + 1) / len(bands))


def _mend_bands(
    image: pyvips.Image, bands: BandFolder, options: RestorationOptions, progress: Progress
) -> None:
    for band in bands:
        if not bands.has(_RESTORED, band):
            bands.save(_RESTORED, band, _restored_band(image, bands, band, options))
        progress(_SHARE_OF_DETECTION + _SHARE_OF_MENDING * (band.index + 1) / len(bands))


def _restored_band(
    image: pyvips.Image, bands: BandFolder, band: Band, options: RestorationOptions
) -> npt.NDArray[Any]:
    rows, above = _rows_with_margin(image, band, MARGIN)
    damaged = bands.rows(_MASK, band.top - above, band.top - above + rows.shape[0]) > 0
    restored = rows[above : above + band.height].copy()
    for columns, reach, core in _tiles(bands.width, options.tile, MARGIN):
        here = slice(above, above + band.height), core
        mask = damaged[:, reach]
        if options.mend and mask[here].any():
            tile = mend(_encoded(rows[:, reach]), mask)
            changed = mask[here]
        else:
            tile = None
            changed = np.zeros((1, 1), np.bool_)
        if options.denoise:
            tile = _quieten(_encoded(rows[:, reach]) if tile is None else tile, options.denoise)
            changed = np.ones((1, 1), np.bool_)
        if tile is not None:
            part = restored[:, columns]
            np.copyto(part, _coded(tile[here], rows.dtype), where=changed[:, :, None])
    return restored


def _quieten(tile: npt.NDArray[np.float32], strength: float) -> npt.NDArray[np.float32]:
    quiet = np.stack(
        [
            cv2.bilateralFilter(np.ascontiguousarray(tile[:, :, b]), 5, 0.04, 1.5)
            for b in range(tile.shape[2])
        ],
        2,
    )
    return np.asarray(tile + strength * (quiet - tile), np.float32)


def _rows_with_margin(image: pyvips.Image, band: Band, margin: int) -> tuple[npt.NDArray[Any], int]:
    """Return the band's rows with up to `margin` more on each side, H×W×B, and how many there are above."""
    top = max(0, band.top - margin)
    bottom = min(image.height, band.top + band.height + margin)
    rows = image.crop(0, top, image.width, bottom - top).numpy()
    return rows.reshape(bottom - top, image.width, image.bands), band.top - top


def _tiles(width: int, tile: int, margin: int) -> list[tuple[slice, slice, slice]]:
    """Cut a band into tiles: the columns each is for, those it reads, where the first lie in the second."""
    cut = []
    for left in range(0, width, tile):
        right = min(width, left + tile)
        first, last = max(0, left - margin), min(width, right + margin)
        cut.append((slice(left, right), slice(first, last), slice(left - first, right - first)))
    return cut


def _encoded(rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return rows.astype(np.float32) / np.float32(np.iinfo(rows.dtype).max)


def _coded(values: npt.NDArray[np.float32], depth: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.rint(values.clip(0, 1) * np.float32(np.iinfo(depth).max)).astype(depth)


def _grey(rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return H×W grey values in [0, 1]: Rec. 709 luma of the encoded values."""
    encoded = _encoded(rows)
    if encoded.shape[2] == 1:
        return encoded[:, :, 0]
    return np.asarray(encoded @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)


def _assemble(image: pyvips.Image, bands: BandFolder, into: Path) -> tuple[OutputFile, ...]:
    size = {"width": image.width, "height": image.height}
    restored = bands.joined(_RESTORED).copy(interpretation=image.interpretation)
    write_pyramid(restored, into / "restored.tif")
    mask = bands.joined(_MASK)
    write_pyramid(mask, into / "damage-mask.tif")
    bits = 16 if image.format == "ushort" else 8
    return (
        describe_output(into / "restored.tif", into, Role.RESTORED, bits=bits, **size),
        describe_output(into / "damage-mask.tif", into, Role.DAMAGE_MASK, bits=8, **size),
    )


def _figures(census: Census, image: pyvips.Image, seconds: float) -> dict[str, Scalar]:
    figures: dict[str, Scalar] = {
        "damage_share": census.damage_share,
        "defects": census.count,
        "seconds": round(seconds, 3),
        "megapixels": image.width * image.height / 1e6,
    }
    for kind in DamageKind:
        figures[f"mended_{kind.label}"] = census.share(kind)
        figures[f"defects_{kind.label}"] = census.count_of(kind)
    return figures
