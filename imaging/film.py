"""The door for moving pictures: known by first bytes, bounded before decoding, refused with reasons.

`inspect_film` reads the header, every packet (without decoding it) and a few frames; `read_frames` decodes
from any frame on. Nothing is written, a repeat gives the same, and memory is bounded by one frame and one
time stamp per frame. Only the demuxers of `film_container` and the decoders of `CODECS` are ever asked.

Grey or RGB, 8 to 16 bits, constant and variable frame rate, interlaced and progressive. Damage that FFmpeg
conceals is refused, naming the frame: see `film_library`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from imaging.errors import CorruptScan, OptionsError, UnsupportedScan
from imaging.film_container import Source, recognize
from imaging.film_decoding import COPY, codec_of, decoded, frames_from, opened, picture_of
from imaging.film_fields import deinterlaced
from imaging.film_packets import Packets
from imaging.film_pixels import LIMITED, FrameDigests, bits_of, grey_pixels, is_read, looks_grey, rgb_pixels
from imaging.film_properties import DEFAULT_LIMITS, CarriedStream, FilmFrame, FilmLimits, FilmProperties

__all__ = [
    "DEFAULT_LIMITS",
    "CarriedStream",
    "FilmFrame",
    "FilmLimits",
    "FilmProperties",
    "inspect_film",
    "read_frames",
]

_SAMPLES = 6
"""Frames that are looked at to tell grey from color."""
_LEAST_SHARE = 0.9
"""Of the stated duration, that must be there."""


def inspect_film(
    path: Path, limits: FilmLimits = DEFAULT_LIMITS, *, sequence_rate: Fraction = Fraction(24)
) -> FilmProperties:
    """Return what a film is, or refuse it.

    Parameters
    ----------
    path
        A file, or a folder of numbered images.
    limits
        What may be decoded.
    sequence_rate
        Frames per second of a sequence of images, whose files do not say.

    Raises
    ------
    UnsupportedScan
        A container, coding or pixel format that is not read, no picture, encryption.
    CorruptScan
        Cut off, damaged, of changing size, or without usable time stamps.
    ScanTooLarge
        Larger than the limits.
    OSError
        The disk does not give it out.
    """
    source = recognize(path)
    with opened(source, sequence_rate) as container:
        stream = picture_of(source, container, limits)
        seen = Packets(source, container, stream, limits)
        seen.read()
        first = _first_frame(source, container, stream)
        stated = float(container.duration or 0) / 1_000_000
        base = Fraction(stream.time_base)
        rate = Fraction(stream.average_rate or stream.guessed_rate or sequence_rate)
        stamps = tuple(sorted(seen.stamps))
        seconds = float((stamps[-1] - stamps[0]) * base + 1 / rate)
        if max(seen.last_second, seconds) < _LEAST_SHARE * stated:
            fault = f"it states {stated:.1f} s and holds {seconds:.1f} s"
            raise CorruptScan(path, fault, COPY)
        steps = {later - earlier for earlier, later in pairwise(stamps)}
        film = FilmProperties(
            path=path,
            container=container.format.name.split(",")[0],
            codec=codec_of(stream),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            pixel_format=first.format.name,
            bits=bits_of(first.format),
            grey=looks_grey(first),
            limited_range=_is_limited(first),
            interlaced=bool(first.interlaced_frame),
            rate=str(rate),
            time_base=str(base),
            frames=len(stamps),
            seconds=seconds,
            # A time base of 1 ms rounds the times of a constant rate by less than two units.
            variable_rate=bool(steps) and max(steps) - min(steps) > max(1, min(steps) // 20),
            pixel_aspect=str(Fraction(stream.sample_aspect_ratio or 1)),
            timecode=_timecode(container, stream),
            carried=seen.carried(),
            tags=tuple(sorted((str(k), str(v)) for k, v in container.metadata.items())),
            bytes=source.bytes,
            time_stamps=stamps,
            source=source,
        )
    if film.grey and len(first.format.components) > 1:
        return _told_by_samples(film)
    return film


def read_frames(
    film: FilmProperties, start: int = 0, stop: int | None = None, *, deinterlace: bool = False
) -> Iterator[FilmFrame]:
    """Decode frames `start` to `stop` (exclusive; `None` for the last), in the order in which they are shown.

    With `deinterlace` each frame is made whole from its first field.

    Raises
    ------
    CorruptScan
        A frame is damaged, absent or of another size.
    """
    stop = film.frames if stop is None else min(stop, film.frames)
    if not 0 <= start <= stop:
        raise OptionsError("start", f"{start} is outside 0–{stop}", "Frames count from 0.")
    if start == stop:
        return
    digests = FrameDigests()
    with opened(film.source, film.rate) as container:
        stream = container.streams.video[0]
        number = start
        frames, codes = frames_from(film, container, stream, start), deque[str]()
        if deinterlace:
            frames = deinterlaced(film, stream, _digested(frames, digests, codes))
        for frame in frames:
            if frame.pts != film.time_stamps[number]:
                raise CorruptScan(film.path, f"frame {number} can not be decoded", COPY)
            if frame.format.name != film.pixel_format:
                fault = f"frame {number} is {frame.format.name}, the ones before are {film.pixel_format}"
                raise CorruptScan(film.path, fault, "Cut the film where its coding changes.")
            pixels = grey_pixels(frame, film.limited_range) if film.grey else rgb_pixels(frame)
            yield FilmFrame(number, frame.pts, pixels, codes.popleft() if codes else digests.digest(frame))
            number += 1
            if number == stop:
                return
    fault = f"{film.frames} frames are stated, and only {number} can be decoded"
    raise CorruptScan(film.path, fault, COPY)


def _digested(frames: Iterator[Any], digests: FrameDigests, codes: deque[str]) -> Iterator[Any]:
    """Pass frames on, their digests noted before anything changes them."""
    for frame in frames:
        codes.append(digests.digest(frame))
        yield frame


def _first_frame(source: Source, container: Any, stream: Any) -> Any:
    container.seek(0, stream=stream) if source.is_sequence else container.seek(0)
    for frame in decoded(source.path, container, stream, (), (0, 0)):
        if not is_read(frame.format):
            raise UnsupportedScan(
                source.path,
                f"frames of the format {frame.format.name} are not read",
                "Convert it to grey or RGB of 8 to 16 bits, without transparency.",
            )
        return frame
    raise CorruptScan(source.path, "none of its frames can be decoded", COPY)


def _is_limited(frame: Any) -> bool:
    if frame.format.is_rgb or frame.format.name.startswith("yuvj"):
        return False
    if len(frame.format.components) == 1:
        return int(frame.color_range) == LIMITED
    return int(frame.color_range) in (0, LIMITED)


def _timecode(container: Any, stream: Any) -> str:
    for tags in (stream.metadata, container.metadata, *(s.metadata for s in container.streams)):
        for name, value in tags.items():
            if name.lower() == "timecode":
                return str(value)
    return ""


def _told_by_samples(film: FilmProperties) -> FilmProperties:
    """Return the film as color when a frame further on shows some: a title may be grey."""
    for sample in range(1, _SAMPLES):
        number = film.frames * sample // _SAMPLES
        with suppress(CorruptScan), opened(film.source, film.rate) as container:
            frame = next(frames_from(film, container, container.streams.video[0], number), None)
            if frame is not None and not looks_grey(frame):
                return replace(film, grey=False)
    return film
