"""Opening a film and decoding it packet after packet; whatever FFmpeg complains of is damage."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from imaging.errors import CorruptScan, ScanTooLarge, UnsupportedScan
from imaging.film_container import SEQUENCE_CODECS, Source
from imaging.film_library import LogLine, library, listening, said
from imaging.film_properties import FilmLimits, FilmProperties

CODECS = frozenset(
    {"ffv1", "prores", "dnxhd", "h264", "mpeg2video", "dvvideo", "jpeg2000", *SEQUENCE_CODECS.values()}
)
"""Decoders of pictures that are asked."""

_ALIASES = {"libopenjpeg": "jpeg2000"}

COPY = "Copy the file again from its source."
REWRAP = "Wrap it anew, with a time stamp for each frame (ffmpeg -i FILE -c copy NEW.mkv)."
_SMALLER = "Raise the limits, or bring a smaller copy."


@contextmanager
def opened(source: Source, sequence_rate: Fraction | str) -> Iterator[Any]:
    """Lend the container; `sequence_rate` is what image sequences do not state, frames per second."""
    av = library()
    options = {"protocol_whitelist": "file", "codec_whitelist": ",".join([*sorted(CODECS), *_CARRIED])}
    if source.is_sequence:
        options |= {
            "framerate": str(sequence_rate),
            "start_number": str(source.first),
            "pattern_type": "sequence",
        }
    with listening() as lines:
        try:
            container = av.open(source.address, format=source.demuxer, options=options)
            _refuse_impossible(source.path, lines)
        except OSError as error:
            if error.errno and 0 < error.errno < 1000 and not isinstance(error, ValueError):
                raise
            raise CorruptScan(source.path, f"it can not be opened ({said(lines, error)})", COPY) from error
        except (ValueError, av.FFmpegError) as error:
            raise CorruptScan(source.path, f"it can not be opened ({said(lines, error)})", COPY) from error
    with container:
        yield container


def _refuse_impossible(path: Path, lines: list[LogLine]) -> None:
    """Refuse a size that FFmpeg itself finds impossible, and then hands on as 0×0."""
    for _, _, line in lines:
        if match := re.search(r"Picture size (\d+)x(\d+) is invalid", line):
            width, height = int(match[1]), int(match[2])
            if width * height:
                raise ScanTooLarge(path, f"{width}×{height} px are more than can be held", _SMALLER)


_CARRIED = (
    *(f"pcm_{name}" for name in ("u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le")),
    *("aac", "flac", "mp2", "mp3", "mp3float", "ac3", "opus", "vorbis", "alac", "subrip", "ass", "mov_text"),
)
"""Codings of carried streams that FFmpeg may look into for their parameters; they are never decoded here."""


def picture_of(source: Source, container: Any, limits: FilmLimits) -> Any:
    """Return the stream of pictures, held against the limits before anything of it is decoded."""
    path = source.path
    if not container.streams.video:
        fault = "it holds sound and no picture" if container.streams.audio else "it holds no picture"
        raise UnsupportedScan(path, fault, "Bring the file that holds the picture.")
    stream = container.streams.video[0]
    codec = codec_of(stream)
    if codec not in CODECS:
        named = f"coded as {codec}" if codec else "coded in a way that is unknown here"
        raise UnsupportedScan(
            path, f"its picture is {named}, which is not read", f"Convert it to one of {_list(CODECS)}."
        )
    context = stream.codec_context
    width, height = context.width, context.height
    if width <= 0 or height <= 0:
        raise CorruptScan(path, f"its header states a size of {width}×{height} px", COPY)
    if max(width, height) > limits.side or width * height > limits.pixels:
        fault = f"{width}×{height} px are more than the limit ({limits.side} px a side)"
        raise ScanTooLarge(path, fault, _SMALLER)
    context.thread_count = 1
    context.options = {"max_pixels": str(limits.pixels)}
    return stream


def codec_of(stream: Any) -> str:
    """Return FFmpeg's name of a stream's coding; empty where it knows none."""
    try:
        name = str(stream.codec_context.name)
    except (AttributeError, ValueError):
        return ""
    return _ALIASES.get(name, name)


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def frames_from(film: FilmProperties, container: Any, stream: Any, start: int) -> Iterator[Any]:
    """Decode from frame `start` on; what lies before it is skipped as far as the coding allows."""
    wanted, size = film.time_stamps[start], (film.width, film.height)
    if start:
        container.seek(wanted, stream=stream, backward=True)
    late = False
    frames = decoded(film.path, container, stream, film.time_stamps, size)
    for frame in frames:
        if frame.pts is not None and frame.pts < wanted:
            continue
        late = start > 0 and frame.pts != wanted
        if not late:
            yield frame
            yield from frames
        break
    if late:  # the index led too far
        with opened(film.source, film.rate) as again:
            again.streams.video[0].codec_context.thread_count = 1
            frames = decoded(film.path, again, again.streams.video[0], film.time_stamps, size)
            yield from (frame for frame in frames if frame.pts >= wanted)


def decoded(
    path: Path, container: Any, stream: Any, stamps: tuple[int, ...], size: tuple[int, int]
) -> Iterator[Any]:
    """Decode packet after packet; whatever the decoder complains of is damage."""
    av = library()
    stream.codec_context.thread_count = 1
    began = False
    for packet in container.demux(stream):
        with listening() as lines:
            try:
                frames = packet.decode()
            except (ValueError, av.FFmpegError) as error:
                raise _damaged(path, packet, stamps, said(lines, error)) from error
        # After a jump, frames that lean on what was skipped are incomplete until the next key frame.
        leading = not began and not packet.is_keyframe
        if (lines and not leading) or any(frame.is_corrupt for frame in frames):
            raise _damaged(path, packet, stamps, said(lines))
        for frame in frames:
            if size[0] and (frame.width, frame.height) != size:
                fault = f"its size changes from {size[0]}×{size[1]} to {frame.width}×{frame.height} px"
                raise CorruptScan(
                    path, f"{fault} at {_place(frame.pts, stamps)}", "Cut the film where its size changes."
                )
            if frame.pts is None:
                raise CorruptScan(path, "a frame has no time stamp", REWRAP)
            began = True
            yield frame


def _damaged(path: Path, packet: Any, stamps: tuple[int, ...], reason: str) -> CorruptScan:
    return CorruptScan(path, f"{_place(packet.pts, stamps)} is damaged ({reason})", COPY)


def _place(stamp: int | None, stamps: tuple[int, ...]) -> str:
    if stamp is None:
        return "the last frame"
    return f"frame {bisect_left(stamps, stamp) if stamps else 0}"
