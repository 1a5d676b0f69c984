"""The colorization stage: a photograph in, its colors out, with how sure they are; L* stays as it was.

Reads the photograph, never changes it. Writes into the folder it was given: ``colorized.tif``,
``confidence.tif`` (8-bit, at working scale) and, on request, ``alternative-1.tif`` and so on. Each is whole
or absent. A repeat of a killed run takes up finished tiles and ends in the very same bytes; when all is
written the checkpoints are removed. Memory is bounded by the options, not by the photograph.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyvips
import torch
from numpy.typing import NDArray

from colorization import guided
from colorization.alternatives import alternatives
from colorization.checkpoint import Checkpoints, fingerprint
from colorization.fullscale import Coefficients, colored_strips, strip_rows
from colorization.gigapixel import Painting, Predictor, Tiling, paint_finer, paint_whole, scales
from colorization.hint_solver import Obeyed
from colorization.hints import rasterize
from colorization.models import ColorModel, load
from colorization.options import ColorizationOptions
from colorization.progress import EvenProgress
from colorization.recoloring import Recoloring, recolor_plainly
from colorization.working import finest_detail, read_lightness, resized, size_at
from imaging.disk import keep_apart
from imaging.errors import OptionsError
from imaging.files import unchanging
from imaging.fixity import describe_output, sha256_file
from imaging.lab import fit_gamut, lab_to_srgb
from imaging.networks.device import choose_device
from imaging.pyramid import Compression, Progress, PyramidOptions, write_pyramid
from imaging.rows import ComputedRows
from imaging.scan import ScanProperties, decoding, inspect_scan, open_scan
from imaging.stage import ModelReference, OutputFile, Role, StageResult
from imaging.surround import photograph_mask

STAGE = "colorization"
VERSION = "4"
"""Of the method; raised when the same input and options would give other pixels."""

Array = NDArray[np.float32]

_BASE_BYTES = 450 * 2**20
"""What Python, torch, OpenCV and libvips hold before any picture."""
_PLANES = 10
"""Working-scale planes of float32 that are held at the most."""
_TOLD = 0.95
"""Confidence of what a person said: sources err, too."""
_COLOR_FILE, _CONFIDENCE_FILE = "colorized.tif", "confidence.tif"

_XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="Heliochrome colorization"
 Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
"""Says that the color is inferred; without a date, so that the same work gives the same bytes."""


class ReferencedPredictor(Predictor, Protocol):
    """A predictor that can say which weights it has."""

    @property
    def reference(self) -> ModelReference: ...  # noqa: D102


def colorize(
    photograph: Path,
    into: Path,
    options: ColorizationOptions | None = None,
    *,
    progress: Progress | None = None,
    predictor: ReferencedPredictor | None = None,
) -> StageResult:
    """Color a photograph of any size.

    Parameters
    ----------
    photograph
        8 or 16 bit, grey or RGB; what `imaging.scan.open_scan` reads.
    into
        An existing folder for the outputs; checkpoints of a killed run are looked for there.
    options
        How.
    progress
        Called with the finished share, 0–1; an exception it raises cancels: nothing half remains, finished
        tiles do.
    predictor
        Instead of the model that the options name.

    Raises
    ------
    ScanError
        When the photograph cannot be read.
    UnfinishedScan
        When somebody changed it meanwhile.
    OptionsError
        When an option does not fit, or an output would replace the photograph.
    ModelError
        When the weights are absent or altered.
    StoreError
        When the disk is full.
    """
    options = options or ColorizationOptions()
    began = time.monotonic()
    keep_apart(photograph, (into / name for name in outputs(options.alternatives)))
    with unchanging(photograph), _threads(options.threads):
        job = _Job(photograph, into, options, predictor, progress or (lambda share: None))
        return job.run(began)


def outputs(alternatives: int) -> tuple[str, ...]:
    """Return the names of the files that `colorize` writes."""
    return (_COLOR_FILE, _CONFIDENCE_FILE, *map(_alternative_file, range(1, alternatives + 1)))


def _alternative_file(number: int) -> str:
    return f"alternative-{number}.tif"


class _Job:
    """One photograph being colored: the steps, and what they share."""

    def __init__(
        self,
        photograph: Path,
        into: Path,
        options: ColorizationOptions,
        predictor: ReferencedPredictor | None,
        progress: Progress,
    ) -> None:
        self.photograph, self.into, self.options = photograph, into, options
        self.scan = inspect_scan(photograph, limits=options.limits, page=options.page)
        self.input_sha256 = sha256_file(photograph)
        self.device = choose_device(options.device)
        self.predictor = predictor or load(
            options.model, self.device, options.model_folder, options.restraint
        )
        self.preferred, self.tiling = self._suited()
        digest = fingerprint(self._facts())
        self.checkpoints = Checkpoints(into, digest)
        self.progress = EvenProgress(progress, self.scan.width * self.scan.height)
        self.obeyed: tuple[Obeyed, ...] = ()

    def run(self, began: float) -> StageResult:
        lightness = self._lightness()
        mask = photograph_mask(lightness)
        paintings = self._paintings(lightness)
        files = []
        for number, painting in enumerate(paintings):
            coefficients = guided.masked(guided.fit(lightness, painting.chroma), mask)
            role = Role.ALTERNATIVE if number else Role.COLORIZED
            name = _alternative_file(number) if number else _COLOR_FILE
            files.append(self._write_color(coefficients, role, name))
        color = paintings[0]
        files.insert(1, self._write_confidence(color.confidence))
        self.progress.finish()
        result = self._result(files, lightness, mask, color, time.monotonic() - began)
        self.checkpoints.discard()
        return result

    def _suited(self) -> tuple[int, Tiling]:
        """Return the side at which the network likes to see the whole, and the tiling that fits memory."""
        descriptor = getattr(self.predictor, "descriptor", None)
        tile = self.options.tile or (descriptor.tiling.side if descriptor else 512)
        overlap = self.options.overlap
        if overlap is None:
            overlap = min(descriptor.tiling.overlap if descriptor else 96, tile // 4)
        if not 0 <= overlap <= tile // 2:
            raise OptionsError(
                "overlap", f"{overlap} px is outside 0–{tile // 2}", "Choose at most half a tile."
            )
        side = min(
            max(self.scan.width, self.scan.height),
            self.options.working_side or self.options.largest_working_side,
        )
        width, height = size_at(self.scan.width, self.scan.height, side)
        budget = self.options.memory_mib * 2**20 - _BASE_BYTES - _PLANES * 4 * width * height
        tiling = Tiling.within(budget, tile, overlap, self.options.batch)
        if descriptor is not None and descriptor.tiling.conditioned:
            tiling = replace(tiling, conditioned=True)
        return (descriptor.preferred_side if descriptor else 256), tiling

    def _restraint(self) -> float | None:
        """Return what was asked for, or else what the model's descriptor advises."""
        advised = (
            self.predictor.descriptor.decoding.restraint if isinstance(self.predictor, ColorModel) else None
        )
        return advised if self.options.restraint is None else self.options.restraint

    def _facts(self) -> dict[str, str | int | float | bool | None]:
        return {
            **self.options.parameters(),
            **asdict(self.tiling),
            "version": VERSION,
            "input": self.input_sha256,
            "model": self.predictor.reference.sha256,
            "device": self.device,
            # Sums of floats depend on how many threads share them.
            "threads": torch.get_num_threads(),
            "preferred": self.preferred,
        }

    def _lightness(self) -> Array:
        known = self.checkpoints.load("lightness")
        if known is None:
            asked = self.options.working_side or self.options.largest_working_side
            size = size_at(self.scan.width, self.scan.height, asked)
            known = read_lightness(self.photograph, size, self.options.limits, self.options.page)
            if self.options.working_side is None:
                matters = max(finest_detail(known), min(self.preferred, max(known.shape)))
                known = resized(known, *size_at(known.shape[1], known.shape[0], matters))
            self.checkpoints.save("lightness", known)
        self.progress.read(scales(known.shape[1], known.shape[0], self.preferred), self.options.alternatives)
        return known

    def _paintings(self, lightness: Array) -> list[Painting]:
        """Return the default coloring and its alternatives, which differ where the network is undecided."""
        whole = paint_whole(self.predictor, lightness, self.preferred)
        default = paint_finer(
            self.predictor,
            lightness,
            whole,
            tiling=self.tiling,
            checkpoints=self.checkpoints,
            advance=self.progress.painted,
        )
        paintings = [default]
        if self.options.alternatives and isinstance(self.predictor, ColorModel):
            small = resized(lightness, *reversed(whole.confidence.shape))
            known = rasterize(self.options.hints, *small.shape)[None] if self.options.hints else None
            count = self.options.alternatives + 1
            found = alternatives(self.predictor, small[None, None], known, count)
            height, width = default.confidence.shape
            for other in found[1:]:
                change = [resized(plane, width, height) for plane in other.ab[0] - found[0].ab[0]]
                paintings.append(replace(default, chroma=default.chroma + np.stack(change)))
        return [self._obeying_hints(lightness, painting) for painting in paintings]

    def _obeying_hints(self, lightness: Array, painting: Painting) -> Painting:
        """Return a painting in which hints hold, and remember what became of each."""
        if not self.options.hints:
            return painting
        if isinstance(self.predictor, ColorModel):
            prepared = Recoloring.prepare(self.predictor, lightness, painting.chroma)
            recolored = prepared.recolor(self.options.hints)
        else:
            recolored = recolor_plainly(lightness, painting.chroma, self.options.hints)
        self.obeyed = self.obeyed or recolored.obeyed
        height, width = lightness.shape
        share = resized(recolored.influence, width, height)
        confidence = painting.confidence + share * np.maximum(_TOLD - painting.confidence, 0)
        return replace(painting, chroma=recolored.chroma, confidence=confidence)

    def _write_color(self, coefficients: Coefficients, role: Role, name: str) -> OutputFile:
        bits = self.options.bits_for(self.scan)
        path = self.into / name
        write_colored(
            self.photograph,
            coefficients,
            path,
            options=self.options,
            scan=self.scan,
            progress=self.progress.written,
        )
        return describe_output(
            path, self.into, role, width=self.scan.width, height=self.scan.height, bits=bits
        )

    def _write_confidence(self, confidence: Array) -> OutputFile:
        height, width = confidence.shape
        codes = (np.clip(confidence, 0, 1) * 255).round().astype(np.uint8)
        image = pyvips.Image.new_from_array(codes).copy(interpretation="b-w")
        dpi = self.scan.dpi and self.scan.dpi * width / self.scan.width
        path = self.into / _CONFIDENCE_FILE
        write_pyramid(image, path, PyramidOptions(Compression.DEFLATE), xmp=_XMP, dpi=dpi)
        return describe_output(path, self.into, Role.CONFIDENCE, width=width, height=height, bits=8)

    def _result(
        self, files: list[OutputFile], lightness: Array, mask: Array, color: Painting, seconds: float
    ) -> StageResult:
        height, width = lightness.shape
        inside = mask > 0.5
        confidence = color.confidence[inside] if inside.any() else color.confidence
        return StageResult(
            stage=STAGE,
            version=VERSION,
            input_sha256=self.input_sha256,
            files=tuple(files),
            models=(self.predictor.reference,),
            parameters={
                "working_width": width,
                "working_height": height,
                "tile": color.tiling.tile,
                "overlap": color.tiling.overlap,
                "batch": color.tiling.batch,
                "device": self.device,
                "compression": str(self.options.compression),
                "bits": self.options.bits_for(self.scan),
                "primaries": str(self.options.primaries),
                "hints": len(self.options.hints),
                "alternatives": len(files) - 2,
                "restraint": self._restraint(),
                "page": self.options.page,
                **self.scan.as_parameters(),
            },
            figures={
                "mean_confidence": round(float(confidence.mean()), 4),
                "colorfulness": round(colorfulness(lightness, color.chroma * mask), 2),
                "surround_share": round(1 - float(inside.mean()), 4),
                "tile_halved": color.tiling.tile not in (self.tiling.tile, max(lightness.shape)),
                "megapixels": round(self.scan.width * self.scan.height / 1e6, 3),
                "hints_limited_by_lightness": sum(one.limited for one in self.obeyed),
                "seconds": round(seconds, 2),
            },
        )


def write_colored(
    photograph: Path,
    coefficients: Coefficients,
    path: Path,
    *,
    options: ColorizationOptions,
    scan: ScanProperties,
    progress: Progress | None = None,
) -> None:
    """Write the photograph with the chroma of `coefficients` as a pyramid: the full-resolution pass."""
    bits = options.bits_for(scan)
    with decoding(photograph):
        image = open_scan(photograph, limits=options.limits, page=options.page, sequential=True)
        strips = colored_strips(image, coefficients, bits, options.primaries)
        rows = ComputedRows(image.width, image.height, bits, strip_rows(image.width), strips)
        pyramid = PyramidOptions(options.compression, options.quality)
        profile = str(options.primaries)
        try:
            write_pyramid(
                rows.image, path, pyramid, xmp=_XMP, profile=profile, dpi=scan.dpi, progress=progress
            )
        except pyvips.Error:
            # libvips only knows that its source ended; the source knows why.
            if rows.failure is not None:
                raise rows.failure from None
            raise


def colorfulness(lightness: Array, chroma: Array) -> float:
    """Return the colorfulness of Hasler & Süsstrunk 2003 (https://doi.org/10.1117/12.477378), 0 for greys.

    Parameters
    ----------
    lightness
        h×w, L*.
    chroma
        2×h×w, a*b*.
    """
    height, width = (min(side, 256) for side in lightness.shape)
    lab = np.stack([resized(np.asarray(p), width, height) for p in (lightness, *chroma)], axis=-1)
    red, green, blue = np.moveaxis(np.clip(lab_to_srgb(fit_gamut(lab)), 0, 1) * 255, -1, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread, mean = (np.hypot(*(f(o) for o in opponents)) for f in (np.std, np.mean))
    return float(spread + 0.3 * mean)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Give the network `count` threads for a while."""
    if count is None:
        yield
        return
    former = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(former)
