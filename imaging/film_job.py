"""A stage's work on a film, cut into units that fit memory; a killed run goes on at the next one.

A unit never reaches beyond its shot. Its files lie in a hidden folder named after everything that determines
them, and its facts are written last: where they are, the unit is whole. When the film is joined the folder
goes away.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from imaging.film_library import versions
from imaging.film_properties import FilmProperties
from imaging.film_writing import Coding, SegmentWriter
from imaging.fixity import atomic_path, remove_partials, sha256_file
from imaging.shots import Shot
from imaging.stage import Scalar

UNIT = 96
"""Frames of a unit at the most."""


@dataclass(frozen=True)
class Unit:
    """Frames `start` to `stop` (exclusive) of one shot."""

    number: int
    start: int
    stop: int
    shot: Shot

    @property
    def begins_shot(self) -> bool:
        """Whether the unit is the first of its shot."""
        return self.start == self.shot.start


def units_of(shots: Sequence[Shot], length: int = UNIT) -> tuple[Unit, ...]:
    """Cut shots into units.

    Examples
    --------
    >>> [(unit.start, unit.stop) for unit in units_of([Shot(0, 30), Shot(30, 250)])]
    [(0, 30), (30, 126), (126, 222), (222, 250)]
    """
    spans = [
        (start, min(start + length, shot.stop), shot)
        for shot in shots
        for start in range(shot.start, shot.stop, length)
    ]
    return tuple(Unit(number, *span) for number, span in enumerate(spans))


def digest_of(film: FilmProperties) -> str:
    """Return the sha256 of a film's file; of a sequence, that of its images' digests, one a line."""
    if not film.source.images:
        return sha256_file(film.path)
    digests = hashlib.sha256()
    for image in film.source.images:
        digests.update(f"{sha256_file(image)}  {image.name}\n".encode())
    return digests.hexdigest()


def film_parameters(film: FilmProperties) -> dict[str, Scalar]:
    """Return what a stage's result says about the film it read, and of the software that read it."""
    return {
        "container": film.container,
        "codec": film.codec,
        "width": film.width,
        "height": film.height,
        "pixel_format": film.pixel_format,
        "limited_range": film.limited_range,
        "interlaced": film.interlaced,
        "rate": film.rate,
        "time_base": film.time_base,
        "timecode": film.timecode,
        "carried": json.dumps([asdict(stream) for stream in film.carried], sort_keys=True),
        **versions(),
    }


class FilmJob:
    """The folder of unfinished work.

    Parameters
    ----------
    film
        What is worked on.
    into
        The stage's folder.
    facts
        What determines the result, beside PyAV and FFmpeg, which are added.
    """

    def __init__(self, film: FilmProperties, into: Path, facts: Mapping[str, Any]) -> None:
        self.film = film
        told = json.dumps({**facts, **versions()}, sort_keys=True, default=str)
        self.folder = into / f".film-{hashlib.sha256(told.encode()).hexdigest()[:20]}"
        self.folder.mkdir(exist_ok=True)

    def once(self, name: str, work: Callable[[], Any]) -> Any:
        """Return what `work` returned the first time: something that JSON can hold."""
        path = self.folder / f"{name}.json"
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        found = work()
        self._keep(path, found)
        return found

    def shots(self, find: Callable[[], Sequence[Shot]]) -> tuple[Shot, ...]:
        """Return the shots, which are looked for once."""
        return tuple(Shot(**told) for told in self.once("shots", lambda: [asdict(s) for s in find()]))

    def facts(self, unit: Unit) -> list[dict[str, Any]] | None:
        """Return what was noted of each frame of a finished unit."""
        path = self._facts_path(unit)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def finish(self, unit: Unit, facts: Sequence[Mapping[str, Any]]) -> None:
        """Note that all files of the unit are there."""
        self._keep(self._facts_path(unit), list(facts))

    def file(self, unit: Unit, name: str) -> Path:
        """Return where a file of a unit lies."""
        return self.folder / f"unit-{unit.number:06d}.{name}"

    def segments(self, units: Sequence[Unit], name: str) -> list[Path]:
        """Return the segments of all units."""
        return [self.file(unit, f"{name}.mkv") for unit in units]

    @contextmanager
    def writers(
        self, unit: Unit, codings: Mapping[str, tuple[Coding, int, int]]
    ) -> Iterator[dict[str, SegmentWriter]]:
        """Lend a writer for each coding (with width and height); files are whole when the block ends."""
        film = self.film
        rate, aspect = Fraction(film.rate), Fraction(film.pixel_aspect)
        with ExitStack() as stack:
            lent = {}
            for name, (coding, width, height) in codings.items():
                path = self.file(unit, f"{name}.mkv")
                remove_partials(path)
                partial = stack.enter_context(atomic_path(path))
                lent[name] = SegmentWriter(partial, coding, (width, height), rate, aspect)
                stack.callback(lent[name].close)
            yield lent

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)

    def _facts_path(self, unit: Unit) -> Path:
        return self.folder / f"unit-{unit.number:06d}.json"

    def _keep(self, path: Path, facts: Any) -> None:
        with atomic_path(path) as partial:
            partial.write_text(json.dumps(facts, sort_keys=True), encoding="utf-8")
