"""Coloring a film: steady along motion within each shot, L* as it was, with a confidence for every frame.

Reads the film, never changes it. Writes into the folder it was given: ``colorized.mkv`` (FFV1, lossless, with
the film's sound, subtitles, times and timecode), ``confidence.mkv`` (8 bits, at the network's scale),
``frames.jsonl`` (what was done to each frame, and the digest of what was read) and, where FFmpeg has the
encoder, ``access.mp4``. Each is whole or absent. A repeat of a killed run goes on at the first unfinished
unit of a shot and ends in the very same bytes. Memory is bounded by one unit, whatever the film's length.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorization.film_frames import FrameSize, colored, full_range, lightness_at, seen
from colorization.film_hints import CarriedHint, carry
from colorization.film_options import FilmColorOptions, rate_of
from colorization.film_steady import LOOKAHEAD, SeenFrame, steadied
from colorization.hints import Hint
from colorization.models import load
from colorization.pipeline import ReferencedPredictor
from imaging.errors import OptionsError, UnsupportedScan
from imaging.files import unchanging
from imaging.film import FilmFrame, FilmProperties, inspect_film, read_frames
from imaging.film_job import FilmJob, Unit, digest_of, film_parameters, units_of
from imaging.film_pixels import Pixels
from imaging.film_writing import Coding, access_coding, join_access, join_master, master_coding
from imaging.fixity import atomic_path, describe_output
from imaging.motion import MotionFinder
from imaging.networks.device import choose_device
from imaging.pyramid import Progress
from imaging.shots import Shot, find_shots, thumbnail
from imaging.stage import OutputFile, Role, StageResult

STAGE = "film-colorization"
VERSION = "1"
"""Of the method; raised when the same input and options would give other frames."""

NOTICE = "The colors of this film are inferred by a model and were not recorded by a camera."

Array = NDArray[np.float32]

_MASTER, _CONFIDENCE, _ACCESS, _FRAMES = "colorized.mkv", "confidence.mkv", "access.mp4", "frames.jsonl"
_FAR = 400
"""Frames over which a hint is carried each way at the most."""
_LOOKING = 0.08
"""Share of the time that looking for shots takes, only to make progress even."""


def outputs() -> tuple[str, ...]:
    """Return the names of the files that `colorize_film` may write."""
    return (_MASTER, _CONFIDENCE, _ACCESS, _FRAMES)


def colorize_film(
    path: Path,
    into: Path,
    options: FilmColorOptions | None = None,
    *,
    progress: Progress | None = None,
    predictor: ReferencedPredictor | None = None,
) -> StageResult:
    """Color a film of any length.

    Parameters
    ----------
    path
        A file or a folder of numbered images that `imaging.film.inspect_film` reads.
    into
        An existing folder for the outputs; finished units of a killed run are looked for there.
    options
        How.
    progress
        Called with the finished share, 0–1; an exception it raises cancels, finished units stay.
    predictor
        Instead of the model that the options name.

    Raises
    ------
    ScanError
        The film can not be read, or is in color.
    UnfinishedScan
        Somebody changed it meanwhile.
    OptionsError
        An option does not fit.
    ModelError
        The weights are absent or altered.
    ServiceError
        PyAV is not installed.
    StoreError
        The disk is full.
    """
    options = options or FilmColorOptions()
    began = time.monotonic()
    film = inspect_film(path, options.limits, sequence_rate=rate_of(options.sequence_rate))
    _refuse(film, options)
    with unchanging(path):
        return _Job(film, into, options, predictor, progress or (lambda share: None)).run(began)


def _refuse(film: FilmProperties, options: FilmColorOptions) -> None:
    if not film.grey and not options.discard_color:
        raise UnsupportedScan(
            film.path, "it is in color", "Its colors would be lost; ask for that if they are only a tint."
        )
    for given in options.hints:
        if given.frame >= film.frames:
            fault = f"the film ends with frame {film.frames - 1}"
            raise OptionsError(f"hint frame={given.frame}", fault, "Name a frame of the film.")


class _Job:
    """One film being colored."""

    def __init__(
        self,
        film: FilmProperties,
        into: Path,
        options: FilmColorOptions,
        predictor: ReferencedPredictor | None,
        progress: Progress,
    ) -> None:
        self.film, self.into, self.options, self.progress = film, into, options, progress
        device = choose_device(options.device)
        self.predictor = predictor or load(options.model, device, options.model_folder, options.restraint)
        descriptor = getattr(self.predictor, "descriptor", None)
        self.size = FrameSize.of(film.width, film.height, descriptor.preferred_side if descriptor else 256)
        self.input_sha256 = digest_of(film)
        facts = {
            **options.parameters(),
            "stage": STAGE,
            "version": VERSION,
            "input": self.input_sha256,
            "model": self.predictor.reference.sha256,
            "device": device,
            "threads": torch.get_num_threads(),  # sums of floats depend on it
        }
        self.job = FilmJob(film, into, facts)
        self.finder = MotionFinder()
        self.coming: dict[int, tuple[SeenFrame, Pixels]] = {}
        self.hinted: dict[int, list[Hint]] = {}

    def run(self, began: float) -> StageResult:
        shots = self.job.shots(self._find_shots)
        units = units_of(shots)
        carried = [CarriedHint(n, f, Hint(**h)) for n, f, h in self.job.once("hints", self._carry(shots))]
        for hint in carried:
            self.hinted.setdefault(hint.frame, []).append(hint.hint)
        for unit in units:
            if self.job.facts(unit) is None:
                self._color(unit)
            self._tell(unit.stop / self.film.frames)
        result = self._result(shots, units, carried, began)
        self.job.discard()
        self.progress(1.0)
        return result

    def _tell(self, share: float) -> None:
        self.progress(min(0.999, _LOOKING + (1 - _LOOKING) * share))

    def _find_shots(self) -> Sequence[Shot]:
        def look() -> Iterator[Array]:
            for frame in read_frames(self.film):
                yield thumbnail(frame.pixels, self.film.bits)
                self.progress(_LOOKING * (frame.index + 1) / self.film.frames)

        return find_shots(look())

    def _color(self, unit: Unit) -> None:
        """Color the frames of a unit and write their segments, their state and their facts, in this order."""
        ahead = min(unit.shot.stop, unit.stop + LOOKAHEAD)
        self._look(unit, ahead)
        frames = [self.coming[number][0] for number in range(unit.start, ahead)]
        count = unit.stop - unit.start
        cells, state = steadied(frames, count, self._state(unit), self.options.steadiness)
        facts = []
        with self.job.writers(unit, self._codings()) as writers:
            for frame, shown in zip(read_frames(self.film, unit.start, unit.stop), cells, strict=True):
                pixels = full_range(frame.pixels, self.film.bits)
                rgb = colored(pixels, lightness_at(pixels, self.size), shown, self.options.bits)
                writers["color"].add(rgb)
                writers["confidence"].add(self._confidence(shown))
                if "access" in writers:
                    writers["access"].add(_as_8_bits(rgb))
                facts.append(
                    {
                        "frame": frame.index,
                        "time_stamp": frame.time_stamp,
                        "md5": frame.md5,
                        "confidence": round(float(shown[..., 2].mean()), 4),
                        "chroma": round(float(np.hypot(shown[..., 0], shown[..., 1]).mean()), 3),
                    }
                )
                self._tell((unit.start + (frame.index - unit.start + count) / 2) / self.film.frames)
        with atomic_path(self.job.file(unit, "state.npy")) as partial, partial.open("wb") as stream:
            np.save(stream, state)
        self.job.finish(unit, facts)
        for number in range(unit.start, unit.stop - 1):
            self.coming.pop(number, None)

    def _look(self, unit: Unit, stop: int) -> None:
        """See the frames up to `stop` that were not seen yet; the last one before the unit is kept."""
        first = unit.shot.start if unit.begins_shot else unit.start - 1
        self.coming = {number: known for number, known in self.coming.items() if number >= first}
        while first in self.coming:
            first += 1
        if first >= stop:
            return
        before = self.coming[first - 1][1] if first - 1 in self.coming else None
        for frame in read_frames(self.film, first, stop):
            lightness = self._lightness(frame)
            grey = _grey(lightness)
            motion = None
            if before is not None:
                here, there = self.finder.between(grey, before)
                motion = here.reduced(*self.size.cells), there.reduced(*self.size.cells)
            hints = self.hinted.get(frame.index, ())
            self.coming[frame.index] = (
                SeenFrame(seen(self.predictor, lightness, self.size, hints), motion),
                grey,
            )
            before = grey

    def _state(self, unit: Unit) -> Array | None:
        if unit.begins_shot:
            return None
        before = Unit(unit.number - 1, unit.shot.start, unit.start, unit.shot)
        return np.asarray(np.load(self.job.file(before, "state.npy"), allow_pickle=False), np.float32)

    def _codings(self) -> dict[str, tuple[Coding, int, int]]:
        width, height = self.film.width, self.film.height
        codings = {
            "color": (master_coding(self.options.bits, grey=False), width, height),
            "confidence": (master_coding(8, grey=True), self.size.width, self.size.height),
        }
        access = access_coding() if self.options.access_copy else None
        return codings | ({"access": (access, width, height)} if access else {})

    def _confidence(self, cells: Array) -> Pixels:
        at = (self.size.width, self.size.height)
        wide = cv2.resize(np.clip(cells[..., 2], 0, 1), at, interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.round(wide * 255), np.uint8)

    def _carry(self, shots: Sequence[Shot]) -> Callable[[], Any]:
        def work() -> list[tuple[int, int, dict[str, Any]]]:
            found: list[CarriedHint] = []
            for number, given in enumerate(self.options.hints):
                shot = next(shot for shot in shots if shot.start <= given.frame < shot.stop)
                start, stop = max(shot.start, given.frame - _FAR), min(shot.stop, given.frame + _FAR)
                frames = [_grey(self._lightness(frame)) for frame in read_frames(self.film, start, stop)]
                found += carry(given, frames, start, number)
            return [(hint.number, hint.frame, asdict(hint.hint)) for hint in found]

        return work

    def _lightness(self, frame: FilmFrame) -> Array:
        return lightness_at(full_range(frame.pixels, self.film.bits), self.size)

    def _result(
        self, shots: Sequence[Shot], units: Sequence[Unit], hints: Sequence[CarriedHint], began: float
    ) -> StageResult:
        film, tags = self.film, {"comment": NOTICE}
        codings = {name: coding for name, (coding, _, _) in self._codings().items()}
        parts = {name: (self.job.segments(units, name), coding, film) for name, coding in codings.items()}
        left = join_master(*parts["color"], self.into / _MASTER, tags)
        join_master(*parts["confidence"], self.into / _CONFIDENCE)
        files = [
            self._describe(_MASTER, Role.COLORIZED, self.options.bits),
            self._describe(_CONFIDENCE, Role.CONFIDENCE, 8),
        ]
        if "access" in parts:
            join_access(*parts["access"], self.into / _ACCESS, tags)
            files.append(self._describe(_ACCESS, Role.ACCESS_COPY, 8))
        confidence = self._write_frames(shots, units, hints)
        files.append(describe_output(self.into / _FRAMES, self.into, Role.PROVENANCE))
        seconds = time.monotonic() - began
        return StageResult(
            stage=STAGE,
            version=VERSION,
            input_sha256=self.input_sha256,
            files=tuple(files),
            models=(self.predictor.reference,),
            parameters={**self.options.parameters(), **film_parameters(film)},
            figures={
                "frames": film.frames,
                "shots": len(shots),
                "mean_confidence": round(confidence, 4),
                "left_behind": ", ".join(left),
                "access_copy": len(files) > 3,
                "frames_per_second": round(film.frames / seconds, 3),
                "seconds": round(seconds, 1),
            },
        )

    def _describe(self, name: str, role: Role, bits: int) -> OutputFile:
        of_network = name == _CONFIDENCE
        return describe_output(
            self.into / name,
            self.into,
            role,
            width=self.size.width if of_network else self.film.width,
            height=self.size.height if of_network else self.film.height,
            bits=bits,
        )

    def _write_frames(
        self, shots: Sequence[Shot], units: Sequence[Unit], hints: Sequence[CarriedHint]
    ) -> float:
        """Write what was done to each frame, a line each; return the mean confidence."""
        stands: dict[int, list[dict[str, Any]]] = {}
        for hint in hints:
            stands.setdefault(hint.frame, []).append({"number": hint.number, **asdict(hint.hint)})
        total = 0.0
        with (
            atomic_path(self.into / _FRAMES) as partial,
            partial.open("w", encoding="utf-8") as stream,
        ):
            for unit in units:
                for fact in self.job.facts(unit) or ():
                    total += fact["confidence"]
                    more: dict[str, Any] = {"shot": shots.index(unit.shot)}
                    if at := stands.get(fact["frame"]):
                        more["hints"] = at
                    stream.write(json.dumps({**fact, **more}, sort_keys=True, ensure_ascii=False) + "\n")
        return total / self.film.frames


def _grey(lightness: Array) -> NDArray[np.uint8]:
    return np.asarray(np.round(lightness * 2.55), np.uint8)


def _as_8_bits(rgb: Pixels) -> Pixels:
    if rgb.dtype == np.uint8:
        return rgb
    return np.asarray((rgb.astype(np.uint32) * 255 + 32895) >> 16, np.uint8)
