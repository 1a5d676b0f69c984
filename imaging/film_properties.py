"""What a film and its frames are."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from imaging.film_container import Source
from imaging.film_pixels import Pixels


@dataclass(frozen=True)
class FilmLimits:
    """What a deployment is willing to decode.

    Parameters
    ----------
    side, pixels
        Of one frame, px.
    frames
        Of a film.
    """

    side: int = 16_384
    pixels: int = 64 * 2**20
    frames: int = 2_000_000


DEFAULT_LIMITS = FilmLimits()


@dataclass(frozen=True)
class CarriedStream:
    """A stream that is not a picture and travels along unchanged.

    Parameters
    ----------
    index
        In the file.
    kind
        ``audio``, ``subtitle`` or ``data``.
    codec
        FFmpeg's name of its coding.
    packets, sha256
        How many there are, and the digest of their bytes in order.
    """

    index: int
    kind: str
    codec: str
    packets: int
    sha256: str


@dataclass(frozen=True)
class FilmProperties:
    """What a film is.

    Parameters
    ----------
    path
        The file, or the folder of a sequence.
    container, codec
        FFmpeg's names.
    width, height
        px.
    pixel_format, bits
        As coded; bits per sample.
    grey
        Whether it shows no color.
    limited_range
        Whether black is coded as 16 and white as 235 (of 8 bits).
    interlaced
        Whether its frames are woven of two fields, as the coding states.
    rate, time_base
        Frames per second on average, and seconds per unit of `time_stamps`, as fractions.
    frames, seconds
        How many frames there are, and how long they last.
    variable_rate
        Whether frames last differently long.
    pixel_aspect
        Width of a pixel by its height, as a fraction.
    timecode
        Of the first frame, such as ``01:00:00:00``; empty where there is none.
    carried
        Audio, subtitles and data.
    tags
        Of the container, such as its title.
    bytes
        Size of the file or files.
    time_stamps
        Presentation time of every frame, rising, in `time_base`.
    """

    path: Path
    container: str
    codec: str
    width: int
    height: int
    pixel_format: str
    bits: int
    grey: bool
    limited_range: bool
    interlaced: bool
    rate: str
    time_base: str
    frames: int
    seconds: float
    variable_rate: bool
    pixel_aspect: str
    timecode: str
    carried: tuple[CarriedStream, ...]
    tags: tuple[tuple[str, str], ...]
    bytes: int
    time_stamps: tuple[int, ...] = field(repr=False)
    source: Source = field(repr=False)

    def second(self, frame: int) -> float:
        """Return when a frame is shown, s."""
        return float(self.time_stamps[frame] * Fraction(self.time_base))


@dataclass(frozen=True)
class FilmFrame:
    """One decoded frame.

    Parameters
    ----------
    index
        From 0.
    time_stamp
        In the film's time base.
    pixels
        H×W where the film is grey, H×W×3 RGB else; ``uint8`` or ``uint16``.
    md5
        Of the frame as coded, as FFmpeg's framemd5 computes it.
    """

    index: int
    time_stamp: int
    pixels: Pixels
    md5: str
