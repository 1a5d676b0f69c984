"""Restoring a film: scratches, flicker, dirt and weave, each by itself and each only when it is asked for.

Reads the film, never changes it. Writes into the folder it was given: ``restored.mkv`` (FFV1, lossless, of
the film's depth, with its sound, subtitles, times and timecode), ``damage-mask.mkv`` (255 where dirt was
found, 128 where a scratch was), ``frames.jsonl`` (what was done to each frame, and the digest of what was
read), ``residue.mkv`` (with weave: what undoes it) and, where FFmpeg has the encoder, ``access.mp4``. Each is
whole or absent. A repeat of a killed run goes on at the first unfinished unit of a shot and ends in the very
same bytes. Memory is bounded by a few frames, and some hundred bytes for every frame of the film.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.files import unchanging
from imaging.film import FilmFrame, inspect_film, read_frames
from imaging.film_job import FilmJob, Unit, digest_of, film_parameters, units_of
from imaging.film_pixels import Pixels
from imaging.film_properties import FilmProperties
from imaging.film_writing import Coding, access_coding, join_access, join_master, master_coding
from imaging.fixity import atomic_path, describe_output
from imaging.motion import MotionFinder
from imaging.pyramid import Progress
from imaging.shots import Shot, find_shots, thumbnail
from imaging.stage import Role, StageResult
from restoration.film_dirt import find_dirt, mend_dirt, neighbor
from restoration.film_flicker import corrected
from restoration.film_options import FilmRestorationOptions
from restoration.film_scratches import mend_scratches
from restoration.film_survey import ShotPlan, Survey, luminance_of, plan
from restoration.film_weave import moved, residue

STAGE = "film-restoration"
VERSION = "1"
"""Of the method; raised when the same input and options would give other frames."""

DIRT, SCRATCH = 255, 128
"""Codes of the mask."""

Mask = NDArray[np.bool_]

_MASTER, _MASK, _RESIDUE = "restored.mkv", "damage-mask.mkv", "residue.mkv"
_ACCESS, _FRAMES = "access.mp4", "frames.jsonl"
_SURVEY = 0.25
"""Share of the time that the survey takes, only to make progress even."""
_AROUND = 1
"""Frames to both sides that a frame is compared with."""


def outputs() -> tuple[str, ...]:
    """Return the names of the files that `restore_film` may write."""
    return (_MASTER, _MASK, _RESIDUE, _ACCESS, _FRAMES)


def restore_film(
    path: Path,
    into: Path,
    options: FilmRestorationOptions | None = None,
    *,
    progress: Progress | None = None,
) -> StageResult:
    """Restore a film of any length.

    Parameters
    ----------
    path
        A file or a folder of numbered images that `imaging.film.inspect_film` reads.
    into
        An existing folder for the outputs; finished units of a killed run are looked for there.
    options
        What is mended.
    progress
        Called with the finished share, 0–1; an exception it raises cancels, finished units stay.

    Raises
    ------
    ScanError
        The film can not be read.
    UnfinishedScan
        Somebody changed it meanwhile.
    ServiceError
        PyAV is not installed.
    StoreError
        The disk is full.
    """
    options = options or FilmRestorationOptions()
    began = time.monotonic()
    film = inspect_film(path, options.limits, sequence_rate=options.rate)
    with unchanging(path):
        return _Job(film, into, options, progress or (lambda share: None)).run(began)


@dataclass(frozen=True)
class _Prepared:
    """A frame before dirt is looked for: scratches bridged, tones evened."""

    frame: FilmFrame
    pixels: Pixels
    luminance: NDArray[np.uint8]
    scratched: Mask


class _Job:
    """One film being restored."""

    def __init__(
        self, film: FilmProperties, into: Path, options: FilmRestorationOptions, progress: Progress
    ) -> None:
        self.film, self.into, self.options, self.progress = film, into, options, progress
        self.input_sha256 = digest_of(film)
        facts = {**options.parameters(), "stage": STAGE, "version": VERSION, "input": self.input_sha256}
        self.job = FilmJob(film, into, facts)
        self.finder = MotionFinder()
        self.survey_path = self.job.folder / "survey.npz"
        self.planned: tuple[Shot, ShotPlan] | None = None

    def run(self, began: float) -> StageResult:
        shots = self.job.shots(self._look)
        units = units_of(shots)
        for unit in units:
            if self.job.facts(unit) is None:
                self._restore(unit)
            self._tell(unit.stop)
        result = self._result(shots, units, began)
        self.job.discard()
        self.progress(1.0)
        return result

    def _look(self) -> Sequence[Shot]:
        survey = Survey(self.film)

        def thumbnails() -> Iterator[NDArray[np.float32]]:
            for frame in read_frames(self.film):
                survey.look(frame.index, frame.pixels)
                self.progress(_SURVEY * (frame.index + 1) / self.film.frames)
                yield thumbnail(frame.pixels, self.film.bits)

        shots = find_shots(thumbnails())
        survey.keep(self.survey_path)
        return shots

    def _tell(self, frames: int) -> None:
        self.progress(min(0.999, _SURVEY + (1 - _SURVEY) * frames / self.film.frames))

    def _plan(self, shot: Shot) -> ShotPlan:
        if self.planned is None or self.planned[0] != shot:
            self.planned = (shot, plan(self.survey_path, shot))
        return self.planned[1]

    def _restore(self, unit: Unit) -> None:
        """Restore the frames of a unit and write their segments and their facts, in this order."""
        todo, shot = self._plan(unit.shot), unit.shot
        facts = []
        with self.job.writers(unit, self._codings()) as writers:
            for around in self._surrounded(unit, todo):
                prepared = around[0]
                mended, dirty = self._without_dirt(around)
                off = todo.weave[prepared.frame.index - shot.start] if self.options.weave else np.zeros(2)
                shift = (float(-off[0]), float(-off[1]))
                stable = moved(mended, shift) if self.options.weave else mended
                writers["restored"].add(stable)
                mask = np.where(dirty, DIRT, np.where(prepared.scratched, SCRATCH, 0))
                writers["mask"].add(mask.astype(np.uint8))
                if "residue" in writers:
                    writers["residue"].add(residue(mended, stable, shift))
                if "access" in writers:
                    writers["access"].add(_as_8_bits(stable, self.film.bits))
                facts.append(
                    self._fact(prepared, dirty, shift, todo.tones[prepared.frame.index - shot.start])
                )
                self._tell(prepared.frame.index + 1)
        self.job.finish(unit, facts)

    def _surrounded(self, unit: Unit, todo: ShotPlan) -> Iterator[list[_Prepared]]:
        """Yield each frame of a unit, followed by those frames of its shot that lie before and after it."""
        first = max(unit.shot.start, unit.start - _AROUND)
        stop = min(unit.shot.stop, unit.stop + _AROUND)
        known: dict[int, _Prepared] = {}
        waiting = unit.start
        for frame in read_frames(self.film, first, stop):
            known[frame.index] = self._prepared(frame, unit.shot, todo)
            while waiting < unit.stop and (frame.index >= waiting + _AROUND or frame.index == stop - 1):
                yield [known[n] for n in (waiting, waiting - 1, waiting + 1) if n in known]
                known.pop(waiting - 1, None)
                waiting += 1

    def _prepared(self, frame: FilmFrame, shot: Shot, todo: ShotPlan) -> _Prepared:
        pixels, bits = frame.pixels, self.film.bits
        luminance = luminance_of(pixels, bits)
        scratched = np.zeros(luminance.shape, bool)
        if todo.scratches:
            mended, scratched = mend_scratches(pixels, luminance, todo.scratches)
            pixels = mended if self.options.scratches else pixels
        if self.options.flicker:
            pixels = corrected(pixels, bits, todo.tones[frame.index - shot.start])
        return _Prepared(frame, pixels, luminance_of(pixels, bits), scratched)

    def _without_dirt(self, around: list[_Prepared]) -> tuple[Pixels, Mask]:
        here, others = around[0], around[1:]
        if len(others) < 2:  # at an end of the shot a camera that moves shows things that no other frame has
            return here.pixels, np.zeros(here.luminance.shape, bool)
        first, second = (
            neighbor(self.finder, here.luminance, other.pixels, other.luminance) for other in others
        )
        dirty = find_dirt(here.luminance, first, second, self.options.sensitivity)
        if not self.options.dirt or not dirty.any():
            return here.pixels, dirty
        return mend_dirt(here.pixels, dirty, first, second), dirty

    def _fact(
        self, prepared: _Prepared, dirty: Mask, shift: tuple[float, float], tones: NDArray[np.float64]
    ) -> dict[str, Any]:
        change = float((tones[1] - tones[0])[len(tones[0]) // 2]) if self.options.flicker else 0.0
        return {
            "frame": prepared.frame.index,
            "time_stamp": prepared.frame.time_stamp,
            "md5": prepared.frame.md5,
            "dirt": round(float(dirty.mean()), 6),
            "scratched": round(float(prepared.scratched.mean()), 6),
            "brightness_change": round(change, 3),
            "shift": [shift[0], shift[1]],
        }

    def _codings(self) -> dict[str, tuple[Coding, int, int]]:
        film = self.film
        size = film.width, film.height
        codings = {
            "restored": (master_coding(film.bits, film.grey), *size),
            "mask": (master_coding(8, grey=True), *size),
        }
        if self.options.weave:
            codings["residue"] = (master_coding(16, film.grey), *size)
        access = access_coding() if self.options.access_copy else None
        return codings | ({"access": (access, *size)} if access else {})

    def _result(self, shots: Sequence[Shot], units: Sequence[Unit], began: float) -> StageResult:
        film = self.film
        names = {"restored": (_MASTER, Role.RESTORED, film.bits), "mask": (_MASK, Role.DAMAGE_MASK, 8)}
        names |= {"residue": (_RESIDUE, Role.PROVENANCE, 16), "access": (_ACCESS, Role.ACCESS_COPY, 8)}
        files, left = [], ""
        for part, (coding, width, height) in self._codings().items():
            name, role, bits = names[part]
            join = join_access if part == "access" else join_master
            lost = join(self.job.segments(units, part), coding, film, self.into / name)
            left = ", ".join(lost) if part == "restored" else left
            files.append(
                describe_output(self.into / name, self.into, role, width=width, height=height, bits=bits)
            )
        figures = self._write_frames(shots, units)
        files.append(describe_output(self.into / _FRAMES, self.into, Role.PROVENANCE))
        seconds = time.monotonic() - began
        plans = [self._plan(shot) for shot in shots]
        return StageResult(
            stage=STAGE,
            version=VERSION,
            input_sha256=self.input_sha256,
            files=tuple(files),
            parameters={**self.options.parameters(), **film_parameters(film)},
            figures={
                "frames": film.frames,
                "shots": len(shots),
                **figures,
                "scratches": sum(len(p.scratches) for p in plans),
                "flicker": round(max(p.flicker for p in plans), 3),
                "left_behind": left,
                "frames_per_second": round(film.frames / seconds, 3),
                "seconds": round(seconds, 1),
            },
        )

    def _write_frames(self, shots: Sequence[Shot], units: Sequence[Unit]) -> dict[str, float]:
        """Write what was done to each frame, a line each; return means over the film."""
        dirt = 0.0
        with (
            atomic_path(self.into / _FRAMES) as partial,
            partial.open("w", encoding="utf-8") as stream,
        ):
            for unit in units:
                for fact in self.job.facts(unit) or ():
                    dirt += fact["dirt"]
                    stream.write(json.dumps({**fact, "shot": shots.index(unit.shot)}, sort_keys=True) + "\n")
        return {"mean_dirt": round(dirt / self.film.frames, 6)}


def _as_8_bits(pixels: Pixels, bits: int) -> Pixels:
    if bits == 8:
        return pixels
    return np.asarray(np.round(pixels * (255 / ((1 << bits) - 1))), np.uint8)
