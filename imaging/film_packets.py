"""Every packet of a film, seen once and not decoded: time stamps, digests, and whether all of it is there."""

from __future__ import annotations

import hashlib
from typing import Any

from imaging.errors import CorruptScan, ScanTooLarge, UnsupportedScan
from imaging.film_container import Source
from imaging.film_decoding import COPY, REWRAP, codec_of
from imaging.film_library import library, listening, said
from imaging.film_properties import CarriedStream, FilmLimits


class Packets:
    """Every packet of a film, seen once and not decoded: time stamps, digests, whether it is whole."""

    def __init__(self, source: Source, container: Any, stream: Any, limits: FilmLimits) -> None:
        self.source, self.container, self.stream, self.limits = source, container, stream, limits
        self.stamps: list[int] = []
        self.last_second = 0.0
        self._others = {s.index: s for s in container.streams if s.type != "video"}
        self._digests = {index: hashlib.sha256() for index in self._others}
        self._counts = dict.fromkeys(self._others, 0)

    def read(self) -> None:
        """Read all packets; raise `CorruptScan`, `UnsupportedScan` or `ScanTooLarge` for what they show."""
        path = self.source.path
        av = library()
        with listening() as lines:
            try:
                for packet in self.container.demux():
                    if packet.size:
                        self._note(packet)
            except (ValueError, av.FFmpegError) as error:
                raise CorruptScan(path, self._fault(said(lines, error)), COPY) from error
        if lines:
            raise CorruptScan(path, self._fault(said(lines)), COPY)
        if not self.stamps:
            raise CorruptScan(path, "it holds no frame", COPY)
        if self.source.demuxer == "avi" and self.stream.codec_context.has_b_frames:
            # AVI stores when frames are decoded, and nothing says when they are shown.
            raise CorruptScan(path, "its frames are out of order and have no time stamp", REWRAP)
        if len(set(self.stamps)) < len(self.stamps):
            raise CorruptScan(path, "several of its frames are to be shown at the same time", REWRAP)
        if min(self.stamps) < 0:
            raise CorruptScan(path, f"{sum(s < 0 for s in self.stamps)} frames have negative times", REWRAP)

    def _note(self, packet: Any) -> None:
        index = packet.stream_index
        if packet.pts is not None and packet.time_base:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            self.last_second = max(self.last_second, float(end))
        if index == self.stream.index:
            number = len(self.stamps)
            if number >= self.limits.frames:
                fault = f"it has more than {self.limits.frames} frames"
                raise ScanTooLarge(self.source.path, fault, "Raise the limits, or cut the film.")
            if packet.pts is None:
                raise CorruptScan(self.source.path, f"frame {number} has no time stamp", REWRAP)
            if not number and packet.has_sidedata("encryption_info"):
                raise UnsupportedScan(self.source.path, "it is encrypted", "Bring a copy without encryption.")
            self.stamps.append(packet.pts)
        elif index in self._others:
            self._digests[index].update(packet)
            self._counts[index] += 1

    def _fault(self, reason: str) -> str:
        return f"it can not be read beyond frame {len(self.stamps)} ({reason})"

    def carried(self) -> tuple[CarriedStream, ...]:
        """Return the streams that are no picture."""
        return tuple(
            CarriedStream(i, s.type, codec_of(s), self._counts[i], self._digests[i].hexdigest())
            for i, s in self._others.items()
        )
