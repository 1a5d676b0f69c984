"""The restoration stage: scan in, restored photograph and damage mask out.

Reads one scan. Writes ``restored.tif`` and ``damage-mask.tif`` (pixel values are `DamageKind`) into the
folder it is given, and while it works one TIFF per band into a hidden folder there. A kill leaves that
folder; a repeat with the same scan, options, models and arithmetic resumes from it and makes the same bytes,
any other removes it. It is removed when all is done.

The order of work: measure the noise, detect the damage everywhere, find its components, mend them and reduce
the noise, measure the tones of the restored photograph, assemble.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

from imaging.disk import refuse_overwrite
from imaging.files import unchanging
from imaging.fixity import describe_output, remove_partials, sha256_file
from imaging.pyramid import Compression, PyramidOptions, check_depth, write_pyramid
from imaging.scan import decoding, inspect_scan, open_scan
from imaging.stage import OutputFile, Role, Scalar, StageResult
from restoration.area import scaled
from restoration.bands import Band, BandFolder
from restoration.damage_components import DamageComponents, find_components, trace_regions
from restoration.defects import with_rims
from restoration.kinds import DamageKind
from restoration.mending import CoarseFill
from restoration.noise import NoiseReport, estimate_noise, measure_noise
from restoration.options import RestorationOptions
from restoration.parallel import tiles_in_parallel
from restoration.sampling import encoded, luma, places_of_squares
from restoration.setup import Setup, mendable, mended_kinds
from restoration.tone import Tone, ToneOptions, measure_tone

STAGE = "restoration"
VERSION = "10"
"""Changes whenever the same scan and options would give other pixels."""

Progress = Callable[[float], None]
Pixels = npt.NDArray[Any]
"""H×W×B, uint8 or uint16."""

OUTPUTS = _RESTORED_FILE, _MASK_FILE = "restored.tif", "damage-mask.tif"
_MASK_PYRAMID = PyramidOptions(compression=Compression.DEFLATE, predictor=False, labels=True)
"""A mask holds labels, so its compression is lossless whatever that of the photograph."""
_UNFINISHED = ".restoration-"
"""Prefix of the name of an unfinished restoration's folder."""
_TONE_SAMPLE = 2048
"""Tones are measured on this many rows or columns of the restored photograph, evenly spaced, not averaged:
averages would narrow the range that grain spans."""
_FOUND, _MASK, _RESTORED = "found", "mask", "restored"
_SHARE_OF_DETECTION, _SHARE_OF_MENDING, _SHARE_OF_WRITING = 0.4, 0.5, 0.08
_DETECTION_PARTS = 2
"""The detector's feature maps are the largest of all: its tiles are half as wide."""


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
        Any that `imaging.scan.open_scan` reads as grey or RGB of 8 or 16 bits; size, bands and depth of what
        it returns are kept, and the result's parameters state what the file holds.
    into
        An existing folder; unfinished work in it is resumed.
    options
        `RestorationOptions`; the defaults when ``None``.
    progress
        Called with the finished share, 0–1.

    Raises
    ------
    ScanError
        The scan cannot be read.
    UnfinishedScan
        The scan changed meanwhile.
    OptionsError
        The restored photograph would overwrite the scan, the compression does not support its depth, or there
        is no such device.
    ModelError
        A network's weights are absent or altered.
    StoreError
        The disk is full.
    """
    options = options or RestorationOptions()
    progress = progress or (lambda share: None)
    started = time.monotonic()
    refuse_overwrite(scan, (into / name for name in OUTPUTS))
    with unchanging(scan), decoding(scan), tiles_in_parallel(options.threads) as pool:
        properties = inspect_scan(scan, page=options.page)
        source = sha256_file(scan)
        image = open_scan(scan, page=options.page)
        check_depth(options.pyramid, image)
        setup = Setup.build(image, options, pool)
        bands = _bands(image, into, _fingerprint(source, setup), options)
        components = _work_on(image, bands, setup, progress)
        tone = _tone_of_restored(bands, image, setup)
        files = _assemble(image, bands, tone, options, into, dpi=properties.dpi, progress=progress)
    after = _noise_in_bands(bands) if tone.steps else measure_noise(open_scan(into / _RESTORED_FILE))
    regions = trace_regions(components, bands, _MASK, mended_kinds(components, options))
    shutil.rmtree(bands.folder)
    progress(1.0)
    figures = _figures(components, image, options) | setup.figures | after.figures("after")
    return StageResult(
        stage=STAGE,
        version=VERSION,
        input_sha256=source,
        files=files,
        models=setup.models_used(components),
        parameters={
            **options.parameters(),
            **setup.arithmetic,
            **properties.as_parameters(),
            "tone": json.dumps(tone.to_dict()),
        },
        figures={**figures, "seconds": round(time.monotonic() - started, 3)},
        regions=regions,
    )


def _fingerprint(source: str, setup: Setup) -> str:
    models = [model.sha256 for model in setup.models]
    determining = [VERSION, source, setup.options.parameters(), setup.arithmetic, models]
    return hashlib.sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()[:16]


def _bands(image: pyvips.Image, into: Path, fingerprint: str, options: RestorationOptions) -> BandFolder:
    """Return the bands of this restoration, existing or new, and remove those of any other."""
    folder = into / f"{_UNFINISHED}{fingerprint}"
    for other in into.glob(f"{_UNFINISHED}*"):
        if other != folder and other.is_dir():
            shutil.rmtree(other)
    remove_partials(*(into / name for name in OUTPUTS))
    pixel_bytes = image.bands * (2 if image.format == "ushort" else 1)
    return BandFolder(folder, image.width, image.height, pixel_bytes, options.tile)


def _work_on(image: pyvips.Image, bands: BandFolder, setup: Setup, progress: Progress) -> DamageComponents:
    """Detect the damage in all bands, find its components, mend them and reduce the noise."""
    _find_damage(image, bands, setup, progress)
    components = find_components(bands, _FOUND, _MASK)
    if not mended_kinds(components, setup.options):
        setup = replace(setup, mender=None)
    elif setup.mender is not None and components.count:
        setup.mender.coarse_fill = CoarseFill.of(image, bands.joined(_MASK), setup.options.tile)
    _restore_bands(image, bands, setup, progress)
    return components


def _find_damage(image: pyvips.Image, bands: BandFolder, setup: Setup, progress: Progress) -> None:
    for band in bands:
        if not bands.has(_FOUND, band):
            bands.save(_FOUND, band, _damage_of_band(image, band, setup))
        progress(_SHARE_OF_DETECTION * (band.index + 1) / len(bands))


def _damage_of_band(image: pyvips.Image, band: Band, setup: Setup) -> npt.NDArray[np.uint8]:
    detector, sensitivity = setup.detector, setup.options.sensitivity
    rows, above = _rows_with_margin(image, band, detector.context)
    photograph_rows, photograph_columns = setup.area

    def detect(tile: _Tile) -> npt.NDArray[np.uint8]:
        grey = luma(encoded(rows[:, tile.reach]))
        verdicts = detector.detect(grey, sensitivity, setup.overview, tile.reach.start, band.top - above)
        found = with_rims(verdicts)
        return found[above : above + band.height, tile.inner]

    side = setup.options.tile // _DETECTION_PARTS
    found = np.concatenate(_over_tiles(detect, image.width, side, detector.context, setup), axis=1)
    # Numbers, notches and notes on the border may look like damage and are not.
    found[: max(0, photograph_rows.start - band.top)] = 0
    found[max(0, photograph_rows.stop - band.top) :] = 0
    found[:, : photograph_columns.start] = 0
    found[:, photograph_columns.stop :] = 0
    return found


def _restore_bands(image: pyvips.Image, bands: BandFolder, setup: Setup, progress: Progress) -> None:
    for band in bands:
        if not bands.has(_RESTORED, band):
            bands.save(_RESTORED, band, _restored_band(image, bands, band, setup))
        progress(_SHARE_OF_DETECTION + _SHARE_OF_MENDING * (band.index + 1) / len(bands))


def _restored_band(image: pyvips.Image, bands: BandFolder, band: Band, setup: Setup) -> Pixels:
    rows, above = _rows_with_margin(image, band, setup.margin)
    top = band.top - above
    mask = bands.rows(_MASK, top, top + rows.shape[0])

    def work(tile: _Tile) -> Pixels:
        restored = _restored_tile(rows[:, tile.reach], mask[:, tile.reach], tile.reach.start, top, setup)
        return restored[above : above + band.height, tile.inner]

    side = setup.options.tile
    return np.concatenate(_over_tiles(work, image.width, side, setup.margin, setup), axis=1)


def _restored_tile(pixels: Pixels, mask: npt.NDArray[np.uint8], left: int, top: int, setup: Setup) -> Pixels:
    tile = encoded(pixels)
    holes = mendable(mask, setup.options)
    if setup.mender is not None:
        tile = setup.mender(tile, holes, left, top, damaged=mask > 0)
    if setup.denoiser is not None and not setup.denoiser.idle:
        return _coded(setup.denoiser(tile), pixels.dtype)
    if setup.mender is None:
        return pixels
    # Sound pixels are copied rather than encoded again, so that they are equal by construction.
    return np.where(holes[:, :, None], _coded(tile, pixels.dtype), pixels)


def _coded(values: npt.NDArray[np.float32], depth: np.dtype[Any]) -> Pixels:
    return np.rint(values.clip(0, 1) * np.float32(np.iinfo(depth).max)).astype(depth)


def _rows_with_margin(image: pyvips.Image, band: Band, margin: int) -> tuple[Pixels, int]:
    """Return the band's rows with up to `margin` more on each side, H×W×B, and how many there are above."""
    top = max(0, band.top - margin)
    bottom = min(image.height, band.top + band.height + margin)
    rows = image.crop(0, top, image.width, bottom - top).numpy()
    return rows.reshape(bottom - top, image.width, image.bands), band.top - top


@dataclass(frozen=True)
class _Tile:
    """A tile of a band: the columns it reads, and those among them that it writes."""

    reach: slice
    inner: slice


def _over_tiles(
    work: Callable[[_Tile], Pixels], width: int, side: int, margin: int, setup: Setup
) -> Sequence[Pixels]:
    """Cut a band of `width` px into tiles `side` px wide and return the work on each, from left to right."""
    tiles = []
    for left in range(0, width, side):
        first, last = max(0, left - margin), min(width, left + side + margin)
        tiles.append(_Tile(slice(first, last), slice(left - first, min(width, left + side) - first)))
    return list(setup.pool.map(work, tiles))


def _noise_in_bands(bands: BandFolder) -> NoiseReport:
    """Measure the noise of the restored photograph before its tones change, which changes the noise too."""
    return estimate_noise(
        luma(encoded(bands.rows(_RESTORED, top, top + height)[:, left : left + width]))
        for left, top, width, height in places_of_squares(bands.width, bands.height)
    )


def _tone_of_restored(bands: BandFolder, image: pyvips.Image, setup: Setup) -> Tone:
    """Measure tones after mending, or specks would be the whitest white and the blackest black."""
    requested = setup.options.tone
    if requested == ToneOptions():
        return Tone()
    step = -(-max(image.width, image.height) // _TONE_SAMPLE)
    restored = bands.joined(_RESTORED).copy(interpretation=image.interpretation)
    sample = restored.subsample(min(step, image.width), min(step, image.height)).copy_memory()
    return measure_tone(sample, requested, scaled(setup.area, sample.height, sample.width, 1 / step))


def _assemble(
    image: pyvips.Image,
    bands: BandFolder,
    tone: Tone,
    options: RestorationOptions,
    into: Path,
    *,
    dpi: float | None,
    progress: Progress,
) -> tuple[OutputFile, ...]:
    restored = bands.joined(_RESTORED).copy(interpretation=image.interpretation)
    done = _SHARE_OF_DETECTION + _SHARE_OF_MENDING
    (into / _MASK_FILE).unlink(missing_ok=True)  # a kill must not leave a former mask beside new pixels
    write_pyramid(
        tone.apply(restored),
        into / _RESTORED_FILE,
        options.pyramid,
        dpi=dpi,
        progress=lambda share: progress(done + _SHARE_OF_WRITING * share),
    )
    write_pyramid(bands.joined(_MASK), into / _MASK_FILE, _MASK_PYRAMID, dpi=dpi)
    size = {"width": image.width, "height": image.height}
    bits = 16 if image.format == "ushort" else 8
    return (
        describe_output(into / _RESTORED_FILE, into, Role.RESTORED, bits=bits, **size),
        describe_output(into / _MASK_FILE, into, Role.DAMAGE_MASK, bits=8, **size),
    )


def _figures(
    components: DamageComponents, image: pyvips.Image, options: RestorationOptions
) -> dict[str, Scalar]:
    figures: dict[str, Scalar] = {
        "damage_share": components.damage_share,
        "defects": components.count,
        "megapixels": image.width * image.height / 1e6,
    }
    mended = mended_kinds(components, options)
    for kind in DamageKind:
        figures[f"damage_{kind.label}"] = components.share(kind)
        figures[f"mended_{kind.label}"] = components.share(kind) if kind in mended else 0.0
        figures[f"defects_{kind.label}"] = components.count_of(kind)
    return figures
