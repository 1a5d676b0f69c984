"""The restoration stage: scan in, restored photograph and damage mask out.

Reads one scan. Writes ``restored.tif`` and ``damage-mask.tif`` (pixel values are `DamageKind`) into the
folder it is given, and while it works one TIFF per band into a hidden folder there. A kill leaves that
folder; a repeat with the same scan, options, models and arithmetic goes on from it and makes the same bytes,
any other removes it. When all is done it is removed.

The order of work: measure the noise, find the damage everywhere, count it, mend it and quiet the noise,
measure the tones of what is restored, assemble.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
import torch

from imaging.disk import keep_apart
from imaging.files import unchanging
from imaging.fixity import describe_output, remove_partials, sha256_file
from imaging.networks.device import choose_device
from imaging.pyramid import Compression, PyramidOptions, check_depth, write_pyramid
from imaging.scan import decoding, inspect_scan, open_scan
from imaging.stage import ModelReference, OutputFile, Role, Scalar, StageResult
from restoration.area import Area, area_of, scaled
from restoration.bands import Band, BandFolder
from restoration.census import Census, settle, trace_regions
from restoration.defects import Detector, NetworkDetector, with_rims
from restoration.grain import Quieter
from restoration.kinds import DamageKind
from restoration.mending import Guide, Mender
from restoration.network import half_is_fast
from restoration.noise import NoiseReport, estimate_noise, measure_noise
from restoration.options import RestorationOptions
from restoration.overview import Overview
from restoration.parallel import tiles_in_parallel
from restoration.sampling import encoded, luma, places_of_squares
from restoration.tone import Tone, ToneOptions, measure_tone

STAGE = "restoration"
VERSION = "9"
"""Changes whenever the same scan and options would give other pixels."""

Progress = Callable[[float], None]
Pixels = npt.NDArray[Any]
"""H×W×B, uint8 or uint16."""

OUTPUTS = _RESTORED_FILE, _MASK_FILE = "restored.tif", "damage-mask.tif"
_MASK_PYRAMID = PyramidOptions(compression=Compression.DEFLATE, predictor=False, labels=True)
"""A mask is a list of kinds: nothing of it may be lost, however the photograph is packed."""
_UNFINISHED = ".restoration-"
"""How the name of the folder of an unfinished restoration begins."""
_TONE_SAMPLE = 2048
"""Tones are measured on so many rows or columns of the restored photograph, spread evenly; not on means of
several, in which grain would not reach as far into black and white."""
_FOUND, _MASK, _RESTORED = "found", "mask", "restored"
_SHARE_OF_DETECTION, _SHARE_OF_MENDING, _SHARE_OF_WRITING = 0.4, 0.5, 0.08
_DETECTION_PARTS = 2
"""The detector's feature maps are the largest of all: it sees tiles a half as wide."""


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
        Of any kind that `imaging.scan.open_scan` reads as grey or RGB of 8 or 16 bits; size, bands and depth
        of what it returns are kept, and the result's parameters say what the file holds.
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
    UnfinishedScan
        Somebody changed the scan meanwhile.
    OptionsError
        The restored photograph would replace the scan, the compression does not take its depth, or there is
        no such device.
    ModelError
        A network's weights are absent or altered.
    StoreError
        The disk is full.
    """
    options = options or RestorationOptions()
    progress = progress or (lambda share: None)
    started = time.monotonic()
    keep_apart(scan, (into / name for name in OUTPUTS))
    with unchanging(scan), decoding(scan), tiles_in_parallel(options.threads) as pool:
        properties = inspect_scan(scan, page=options.page)
        source = sha256_file(scan)
        image = open_scan(scan, page=options.page)
        check_depth(options.pyramid, image)
        workers = _Workers.hire(image, options, pool)
        bands = _bands(image, into, _fingerprint(source, workers), options)
        census = _work_on(image, bands, workers, progress)
        tone = _tone_of_restored(bands, image, workers)
        files = _assemble(image, bands, tone, options, into, dpi=properties.dpi, progress=progress)
    after = _noise_in_bands(bands) if tone.steps else measure_noise(open_scan(into / _RESTORED_FILE))
    regions = trace_regions(census, bands, _MASK, _mended_kinds(census, options))
    shutil.rmtree(bands.folder)
    progress(1.0)
    figures = _figures(census, image, options) | workers.noise.figures("before") | after.figures("after")
    return StageResult(
        stage=STAGE,
        version=VERSION,
        input_sha256=source,
        files=files,
        models=workers.at_work(census),
        parameters={
            **options.parameters(),
            **workers.arithmetic,
            **properties.as_parameters(),
            "tone": json.dumps(tone.to_dict()),
        },
        figures={**figures, "seconds": round(time.monotonic() - started, 3)},
        regions=regions,
    )


@dataclass(frozen=True)
class _Workers:
    """Who works on the tiles of one photograph."""

    options: RestorationOptions
    pool: ThreadPoolExecutor
    device: str
    noise: NoiseReport
    area: Area
    """What of the scan is photograph and not border."""
    detector: Detector
    overview: Overview | None
    """What the detector says of the whole scan from afar."""
    mender: Mender | None
    quieter: Quieter | None

    @classmethod
    def hire(cls, image: pyvips.Image, options: RestorationOptions, pool: ThreadPoolExecutor) -> _Workers:
        device = choose_device(options.device)
        # Borders included: where foliage fills the photograph they are all that tells its grain from it.
        noise = measure_noise(image)
        return cls(
            options=options,
            pool=pool,
            device=device,
            noise=noise,
            area=area_of(image),
            detector=(detector := NetworkDetector(device)),
            overview=detector.survey(image, pool.map),
            mender=Mender(noise, device=device) if options.mend else None,
            quieter=Quieter(noise, options.denoise, device) if options.denoise else None,
        )

    @property
    def arithmetic(self) -> dict[str, Scalar]:
        """Return where networks run and how they reckon: the last bits of the result depend on it."""
        half = half_is_fast(torch.device(self.device))
        return {"device": self.device, "arithmetic": "bfloat16" if half else "float32"}

    @property
    def models(self) -> tuple[ModelReference, ...]:
        """Of all that may take part: what determines the result."""
        return _models_of(self.detector, self.mender, self.quieter)

    def at_work(self, census: Census) -> tuple[ModelReference, ...]:
        """Return the models that did something: what the record may claim was done."""
        mended = any(census.share(kind) for kind in _mended_kinds(census, self.options))
        quieted = self.quieter is not None and not self.quieter.idle
        return _models_of(self.detector, self.mender if mended else None, self.quieter if quieted else None)

    @property
    def margin(self) -> int:
        """Pixels around a tile that noise reduction looks at, and mending of those in turn."""
        return sum(worker.context for worker in (self.mender, self.quieter) if worker is not None)


def _models_of(*workers: Detector | Mender | Quieter | None) -> tuple[ModelReference, ...]:
    models = (worker.model for worker in workers if worker is not None)
    return tuple(model for model in models if model is not None)


def mendable(mask: npt.NDArray[np.uint8], options: RestorationOptions) -> npt.NDArray[np.bool_]:
    """Return which pixels of a damage mask (H×W, `DamageKind` or 0) the options let mending change."""
    damaged: npt.NDArray[np.bool_] = mask > 0
    return damaged if options.mend_losses else damaged & (mask != DamageKind.LOSS)


def _mended_kinds(census: Census, options: RestorationOptions) -> frozenset[DamageKind]:
    """Return the kinds that are mended: none where nothing sound is left to mend from."""
    if not options.mend or census.damage_share == 1:
        return frozenset()
    return frozenset(DamageKind) - (frozenset() if options.mend_losses else {DamageKind.LOSS})


def _fingerprint(source: str, workers: _Workers) -> str:
    models = [model.sha256 for model in workers.models]
    determining = [VERSION, source, workers.options.parameters(), workers.arithmetic, models]
    return hashlib.sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()[:16]


def _bands(image: pyvips.Image, into: Path, fingerprint: str, options: RestorationOptions) -> BandFolder:
    """Return the bands of this work, found or new, and remove what any other left unfinished."""
    folder = into / f"{_UNFINISHED}{fingerprint}"
    for other in into.glob(f"{_UNFINISHED}*"):
        if other != folder and other.is_dir():
            shutil.rmtree(other)
    remove_partials(*(into / name for name in OUTPUTS))
    pixel_bytes = image.bands * (2 if image.format == "ushort" else 1)
    return BandFolder(folder, image.width, image.height, pixel_bytes, options.tile)


def _work_on(image: pyvips.Image, bands: BandFolder, workers: _Workers, progress: Progress) -> Census:
    """Find the damage in all bands, count it, mend it and quiet the noise."""
    _find_damage(image, bands, workers, progress)
    census = settle(bands, _FOUND, _MASK)
    if not _mended_kinds(census, workers.options):
        workers = replace(workers, mender=None)
    elif workers.mender is not None and census.count:
        workers.mender.guide = Guide.of(image, bands.joined(_MASK), workers.options.tile)
    _restore_bands(image, bands, workers, progress)
    return census


def _find_damage(image: pyvips.Image, bands: BandFolder, workers: _Workers, progress: Progress) -> None:
    for band in bands:
        if not bands.has(_FOUND, band):
            bands.save(_FOUND, band, _damage_of_band(image, band, workers))
        progress(_SHARE_OF_DETECTION * (band.index + 1) / len(bands))


def _damage_of_band(image: pyvips.Image, band: Band, workers: _Workers) -> npt.NDArray[np.uint8]:
    detector, sensitivity = workers.detector, workers.options.sensitivity
    rows, above = _rows_with_margin(image, band, detector.context)
    photograph_rows, photograph_columns = workers.area

    def detect(tile: _Tile) -> npt.NDArray[np.uint8]:
        grey = luma(encoded(rows[:, tile.reach]))
        verdicts = detector.detect(grey, sensitivity, workers.overview, tile.reach.start, band.top - above)
        found = with_rims(verdicts)
        return found[above : above + band.height, tile.inner]

    side = workers.options.tile // _DETECTION_PARTS
    found = np.concatenate(_over_tiles(detect, image.width, side, detector.context, workers), axis=1)
    # Numbers, notches and notes on the border are no damage, however much they look like it.
    found[: max(0, photograph_rows.start - band.top)] = 0
    found[max(0, photograph_rows.stop - band.top) :] = 0
    found[:, : photograph_columns.start] = 0
    found[:, photograph_columns.stop :] = 0
    return found


def _restore_bands(image: pyvips.Image, bands: BandFolder, workers: _Workers, progress: Progress) -> None:
    for band in bands:
        if not bands.has(_RESTORED, band):
            bands.save(_RESTORED, band, _restored_band(image, bands, band, workers))
        progress(_SHARE_OF_DETECTION + _SHARE_OF_MENDING * (band.index + 1) / len(bands))


def _restored_band(image: pyvips.Image, bands: BandFolder, band: Band, workers: _Workers) -> Pixels:
    rows, above = _rows_with_margin(image, band, workers.margin)
    top = band.top - above
    mask = bands.rows(_MASK, top, top + rows.shape[0])

    def work(tile: _Tile) -> Pixels:
        restored = _restored_tile(rows[:, tile.reach], mask[:, tile.reach], tile.reach.start, top, workers)
        return restored[above : above + band.height, tile.inner]

    side = workers.options.tile
    return np.concatenate(_over_tiles(work, image.width, side, workers.margin, workers), axis=1)


def _restored_tile(
    pixels: Pixels, mask: npt.NDArray[np.uint8], left: int, top: int, workers: _Workers
) -> Pixels:
    tile = encoded(pixels)
    holes = mendable(mask, workers.options)
    if workers.mender is not None:
        tile = workers.mender(tile, holes, left, top, damaged=mask > 0)
    if workers.quieter is not None and not workers.quieter.idle:
        return _coded(workers.quieter(tile), pixels.dtype)
    if workers.mender is None:
        return pixels
    # Sound pixels are not even coded anew, so that they are equal by construction.
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
    """A tile of a band: the columns it reads, and among those the ones it is for."""

    reach: slice
    inner: slice


def _over_tiles(
    work: Callable[[_Tile], Pixels], width: int, side: int, margin: int, workers: _Workers
) -> Sequence[Pixels]:
    """Cut a band of `width` px into tiles `side` px wide and return the work on each, from left to right."""
    tiles = []
    for left in range(0, width, side):
        first, last = max(0, left - margin), min(width, left + side + margin)
        tiles.append(_Tile(slice(first, last), slice(left - first, min(width, left + side) - first)))
    return list(workers.pool.map(work, tiles))


def _noise_in_bands(bands: BandFolder) -> NoiseReport:
    """Measure the noise of the restored photograph before its tones change, which changes the noise too."""
    return estimate_noise(
        luma(encoded(bands.rows(_RESTORED, top, top + height)[:, left : left + width]))
        for left, top, width, height in places_of_squares(bands.width, bands.height)
    )


def _tone_of_restored(bands: BandFolder, image: pyvips.Image, workers: _Workers) -> Tone:
    """Measure tones where specks are mended, which would else be the whitest white and the blackest black."""
    wishes = workers.options.tone
    if wishes == ToneOptions():
        return Tone()
    step = -(-max(image.width, image.height) // _TONE_SAMPLE)
    restored = bands.joined(_RESTORED).copy(interpretation=image.interpretation)
    sample = restored.subsample(min(step, image.width), min(step, image.height)).copy_memory()
    return measure_tone(sample, wishes, scaled(workers.area, sample.height, sample.width, 1 / step))


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


def _figures(census: Census, image: pyvips.Image, options: RestorationOptions) -> dict[str, Scalar]:
    figures: dict[str, Scalar] = {
        "damage_share": census.damage_share,
        "defects": census.count,
        "megapixels": image.width * image.height / 1e6,
    }
    mended = _mended_kinds(census, options)
    for kind in DamageKind:
        figures[f"damage_{kind.label}"] = census.share(kind)
        figures[f"mended_{kind.label}"] = census.share(kind) if kind in mended else 0.0
        figures[f"defects_{kind.label}"] = census.count_of(kind)
    return figures
