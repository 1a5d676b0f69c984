"""Interlaced film: telling two woven fields from one frame, and parting them when somebody asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from imaging.film_decoding import decoded, opened
from imaging.film_library import library
from imaging.film_properties import FilmProperties

_SAMPLE = 60
"""Frames that are looked at."""
_WOVEN = ("tff", "bff")


def tell_interlaced(film: FilmProperties) -> bool:
    """Return whether most of the frames that can be told are woven of two fields (FFmpeg's idet).

    The coding may state so; many captures are woven and state nothing.
    """
    found = {"woven": 0, "whole": 0}
    with opened(film.source, film.rate) as container:
        stream = container.streams.video[0]
        graph, sink = _graph(stream, "idet", "")
        frames = decoded(film.path, container, stream, film.time_stamps, (film.width, film.height))
        for number, frame in enumerate(frames):
            if number == min(_SAMPLE, film.frames):
                break
            graph.push(frame)
            for seen in _pulled(sink):
                told = seen.metadata.get("lavfi.idet.multiple.current_frame", "")
                found["woven" if told in _WOVEN else "whole"] += told != "undetermined"
    return film.interlaced or found["woven"] > found["whole"]


def deinterlaced(film: FilmProperties, stream: Any, frames: Iterable[Any]) -> Iterator[Any]:
    """Yield as many frames as come in, each made whole from its first field (FFmpeg's bwdif)."""
    graph, sink = _graph(stream, "bwdif", "mode=send_frame:deint=all")
    times: deque[tuple[Any, Any]] = deque()
    for frame in frames:
        times.append((frame.pts, frame.time_base))
        graph.push(frame)
        yield from _timed(sink, times)
    graph.push(None)
    yield from _timed(sink, times)


def _timed(sink: Any, times: deque[tuple[Any, Any]]) -> Iterator[Any]:
    """Give frames their times back: the filter counts in halves."""
    for frame in _pulled(sink):
        frame.pts, frame.time_base = times.popleft()
        yield frame


def _graph(stream: Any, name: str, arguments: str) -> tuple[Any, Any]:
    graph = library().filter.Graph()
    source = graph.add_buffer(template=stream)
    work = graph.add(name, arguments) if arguments else graph.add(name)
    sink = graph.add("buffersink")
    source.link_to(work)
    work.link_to(sink)
    graph.configure()
    return graph, sink


def _pulled(sink: Any) -> Iterator[Any]:
    av = library()
    while True:
        try:
            yield sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
