"""Writing film: segments of one coding, joined packet by packet into files that are the same bytes each time.

A segment is whole or absent. In every coding here frames stand in the order in which they are shown, and a
segment leans on no other, so that joining copies packets: the master is FFV1 version 3 (RFC 9043) with a
checksum in every slice, in Matroska; the access copy H.264 in MP4.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from imaging.disk import writing
from imaging.errors import StoredFileError
from imaging.film_decoding import opened
from imaging.film_library import is_missing, library
from imaging.film_pixels import Pixels
from imaging.film_properties import FilmProperties
from imaging.fixity import atomic_path

ACCESS_ENCODER = "libx264"
_MASTER = {"level": "3", "slicecrc": "1", "slices": "4", "g": "1", "coder": "1", "context": "1"}
# With its macroblock tree, x264 does not code the same frames alike every time, one thread or more.
_ACCESS = {"crf": "20", "preset": "veryfast", "bf": "0", "x264-params": "mbtree=0"}
_EXACT = {"fflags": "+bitexact"}
_GREY = {8: "gray", 9: "gray9le", 10: "gray10le", 12: "gray12le", 14: "gray14le", 16: "gray16le"}
_RGB = {8: "bgr0", 9: "gbrp9le", 10: "gbrp10le", 12: "gbrp12le", 14: "gbrp14le", 16: "gbrp16le"}
_PLAYED = frozenset({"aac", "mp3", "mp3float", "ac3", "opus", "flac"})
"""Sound that MP4 carries as it is."""


@dataclass(frozen=True)
class _Wrapping:
    muxer: str
    options: Mapping[str, str]
    kinds: frozenset[str]
    copied: frozenset[str] | None
    tags: Mapping[str, str] = field(default_factory=dict)


_MATROSKA = _Wrapping("matroska", _EXACT, frozenset({"audio", "subtitle"}), None)
_MP4 = _Wrapping("mp4", {**_EXACT, "movflags": "+faststart"}, frozenset({"audio"}), _PLAYED)


@dataclass(frozen=True)
class Coding:
    """How frames are written.

    Parameters
    ----------
    encoder
        FFmpeg's name.
    pixel_format
        Of the coded frames.
    options
        Of the encoder.
    """

    encoder: str
    pixel_format: str
    options: Mapping[str, str]


def master_coding(bits: int, grey: bool) -> Coding:
    """Return the lossless coding for frames of so many bits per sample."""
    return Coding("ffv1", (_GREY if grey else _RGB)[bits], _MASTER)


def access_coding() -> Coding | None:
    """Return the coding of access copies; ``None`` where this build of FFmpeg has no H.264 encoder."""
    return None if is_missing(ACCESS_ENCODER) else Coding(ACCESS_ENCODER, "yuv420p", _ACCESS)


class SegmentWriter:
    """Writes one segment.

    Parameters
    ----------
    path
        A Matroska file.
    coding
        How.
    size
        Width and height of the frames, px; where the coding halves color, odd ones get a line more.
    rate
        Frames per second.
    pixel_aspect
        Width of a pixel by its height.
    """

    def __init__(
        self,
        path: Path,
        coding: Coding,
        size: tuple[int, int],
        rate: Fraction,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        width, height = size
        self._coding, self._count, self._base = coding, 0, 1 / rate
        self._even = coding.pixel_format == "yuv420p"
        self._container = library().open(str(path), "w", format="matroska", options=_EXACT)
        even = int(self._even)
        padded = width + even * (width % 2), height + even * (height % 2)
        self._stream = _add_stream(self._container, coding, padded, rate, pixel_aspect)

    def add(self, pixels: Pixels) -> None:
        """Write a frame: H×W (grey) or H×W×3 (RGB), of the coding's depth (8 bits for access copies)."""
        frame = self._frame(np.ascontiguousarray(pixels))
        frame.pts, frame.time_base = self._count, self._base
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def close(self) -> None:
        """Write what is left."""
        if self._count:
            self._container.mux(self._stream.encode())
        self._container.close()

    def _frame(self, pixels: Pixels) -> Any:
        av = library()
        if self._coding.pixel_format == "bgr0":
            return av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
        if not self._even:
            return av.VideoFrame.from_ndarray(pixels, format=self._coding.pixel_format)
        height, width = pixels.shape[:2]
        edges = [(0, height % 2), (0, width % 2), (0, 0)][: pixels.ndim]
        padded = np.pad(pixels, edges, mode="edge")
        if pixels.ndim == 2:  # from grey, what the converter leaves in the planes of color varies
            padded = np.repeat(padded[..., None], 3, axis=2)
        frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
        return frame.reformat(
            format="yuv420p", src_color_range=2, dst_color_range=1, src_colorspace=1, dst_colorspace=1
        )


def _add_stream(
    container: Any, coding: Coding, size: tuple[int, int], rate: Fraction, pixel_aspect: Fraction
) -> Any:
    stream = container.add_stream(coding.encoder, rate=rate, options=dict(coding.options))
    stream.width, stream.height = size
    stream.pix_fmt = coding.pixel_format
    stream.codec_context.time_base = 1 / rate
    # Slices of FFV1 are coded side by side without changing a byte; x264's threads are not as exact.
    stream.codec_context.thread_count = 2 if coding.encoder == "ffv1" else 1
    stream.codec_context.sample_aspect_ratio = pixel_aspect
    if coding.pixel_format == "yuv420p":
        stream.codec_context.color_range = 1
        for name in ("colorspace", "color_primaries", "color_trc"):
            setattr(stream.codec_context, name, 1)  # ITU-R BT.709
    return stream


def join_master(
    segments: Sequence[Path],
    coding: Coding,
    film: FilmProperties,
    target: Path,
    tags: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Join segments into a Matroska file with the film's times, sound and subtitles.

    Parameters
    ----------
    segments
        Together they hold every frame of the film.
    coding
        Of the segments.
    film
        Whose times and carried streams are taken.
    target
        Is whole or absent.
    tags
        Of the container.

    Returns
    -------
    tuple
        What could not be carried along: codec and kind of each such stream.
    """
    marks = {"timecode": film.timecode} if film.timecode else {}
    with writing(target), atomic_path(target) as partial:
        wrapping = replace(_MATROSKA, tags={**marks, **(tags or {})})
        return _join(segments, coding, film, partial, wrapping)


def join_access(
    segments: Sequence[Path],
    coding: Coding,
    film: FilmProperties,
    target: Path,
    tags: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Join H.264 segments into an MP4 file; sound that MP4 does not carry becomes AAC. See `join_master`."""
    with writing(target), atomic_path(target) as partial:
        return _join(segments, coding, film, partial, replace(_MP4, tags=tags or {}))


def _join(
    segments: Sequence[Path], coding: Coding, film: FilmProperties, target: Path, wrapping: _Wrapping
) -> tuple[str, ...]:
    av = library()
    left: list[str] = []
    with (
        opened(film.source, film.rate) as source,
        av.open(str(segments[0])) as first,
        av.open(str(target), "w", format=wrapping.muxer, options=dict(wrapping.options)) as output,
    ):
        output.metadata.update(wrapping.tags)
        picture = _picture(output, first.streams.video[0], coding, film)
        picture.time_base = Fraction(film.time_base)
        carried = {}
        for stream in source.streams:
            if stream.type not in wrapping.kinds:
                if stream.type != "video":
                    left.append(f"{stream.type} {stream.index}")
                continue
            try:
                carried[stream.index] = _carry(output, stream, wrapping)
            except (ValueError, av.FFmpegError):
                left.append(f"{stream.type} {stream.index}")
        flows: list[Iterator[tuple[float, Any]]] = [_pictures(segments, film, picture)]
        if carried:
            flows.append(_sounds(source, carried))
        for _, packet in heapq.merge(*flows, key=lambda timed: timed[0]):
            output.mux(packet)
    return tuple(left)


def _pictures(segments: Sequence[Path], film: FilmProperties, stream: Any) -> Iterator[tuple[float, Any]]:
    base, number = Fraction(film.time_base), 0
    for path in segments:
        with library().open(str(path)) as segment:
            for packet in segment.demux(video=0):
                if not packet.size:
                    continue
                stamp = film.time_stamps[number]
                later = film.time_stamps[number + 1 : number + 2] or (
                    stamp + round(1 / (Fraction(film.rate) * base)),
                )
                packet.pts = packet.dts = stamp
                packet.time_base, packet.duration, packet.stream = base, later[0] - stamp, stream
                yield float(stamp * base), packet
                number += 1


def _picture(output: Any, segment: Any, coding: Coding, film: FilmProperties) -> Any:
    if coding.encoder == ACCESS_ENCODER:
        return output.add_stream_from_template(segment)
    # As if its frames were encoded here: only so does Matroska learn the rate.
    like = segment.codec_context
    stream = _add_stream(
        output, coding, (like.width, like.height), Fraction(film.rate), Fraction(film.pixel_aspect)
    )
    stream.codec_context.open()
    if bytes(stream.codec_context.extradata or b"") != bytes(like.extradata or b""):
        raise StoredFileError(film.path, "an unfinished part of it was coded otherwise", "Run it again.")
    return stream


class _Copied:
    """A stream whose packets pass as they are."""

    def __init__(self, output: Any, stream: Any) -> None:
        self._target = output.add_stream_from_template(stream)

    def take(self, packet: Any) -> Iterable[Any]:
        packet.stream = self._target
        return (packet,) if packet.size else ()


class _Encoded:
    """Sound that becomes AAC."""

    def __init__(self, output: Any, stream: Any) -> None:
        context = stream.codec_context
        # What is recorded without saying where its channels stood is heard in front.
        layout = {1: "mono", 2: "stereo"}.get(context.channels, context.layout.name)
        self._target = output.add_stream("aac", rate=context.sample_rate, layout=layout)
        self._resampler = library().AudioResampler("fltp", layout, context.sample_rate)

    def take(self, packet: Any) -> Iterable[Any]:
        frames = [ready for frame in packet.decode() for ready in self._resampler.resample(frame)]
        packets = [made for frame in frames for made in self._target.encode(frame)]
        return packets if packet.size else [*packets, *self._target.encode()]


def _carry(output: Any, stream: Any, wrapping: _Wrapping) -> _Copied | _Encoded:
    copied = wrapping.copied is None or stream.codec_context.name in wrapping.copied
    return _Copied(output, stream) if copied else _Encoded(output, stream)


def _sounds(source: Any, carried: Mapping[int, _Copied | _Encoded]) -> Iterator[tuple[float, Any]]:
    streams, at = [source.streams[index] for index in carried], 0.0
    for packet in source.demux(*streams):
        for ready in carried[packet.stream.index].take(packet):
            if ready.pts is not None and ready.time_base:
                at = max(at, float(ready.pts * ready.time_base))
            yield at, ready
