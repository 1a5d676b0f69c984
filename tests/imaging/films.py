"""Small films for tests, written by FFmpeg itself, so that what is read has an oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

FFV1 = {"level": "3", "slicecrc": "1", "slices": "4", "g": "1"}


def noise(count: int = 12, size: tuple[int, int] = (64, 48), top: int = 255, planes: int = 1) -> list[Any]:
    """Return frames (H×W or H×W×3) that no coder can make small, codes 0 to `top`."""
    generator = np.random.default_rng(7)
    width, height = size
    shape = (height, width) if planes == 1 else (height, width, planes)
    dtype = np.uint8 if top < 256 else np.uint16
    return [generator.integers(0, top, shape, dtype, endpoint=True) for _ in range(count)]


def write_film(
    path: Path,
    frames: Sequence[NDArray[Any]],
    *,
    pixel_format: str = "gray",
    codec: str = "ffv1",
    codec_options: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 24),
    rate: Fraction = Fraction(24),
    sound: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write frames of the shape that `pixel_format` has in PyAV; with `sound`, a second of noise as PCM."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options=dict(options or {})) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, options=dict(codec_options or {}))
        if codec == "ffv1" and codec_options is None:
            stream.options = dict(FFV1)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.time_base = time_base
        tone = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for number, pixels in enumerate(frames):
            frame = as_frame(pixels, pixel_format)
            frame.pts, frame.time_base = (times[number] if times else number), time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone is not None:
            container.mux(tone.encode(_sound()))
            container.mux(tone.encode())
    return path


def as_frame(pixels: NDArray[Any], pixel_format: str) -> Any:
    """Return a frame; grey pixels become neutral color where the format has some."""
    grey = pixels.ndim == 2
    given = {
        (True, 1): "gray",
        (True, 2): "gray16le",
        (False, 1): "rgb24",
        (False, 2): "rgb48le",
    }[grey, pixels.dtype.itemsize]
    if pixel_format in ("gray10le", "gbrp10le", "gbrp16le", "gray12le"):
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=pixel_format)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=given)
    return frame if given == pixel_format else frame.reformat(format=pixel_format)


def framemd5(path: Path) -> list[str]:
    """Return the digest of every frame as FFmpeg's own muxer writes them."""
    listing = path.with_suffix(".framemd5")
    with av.open(str(path)) as source, av.open(str(listing), "w", format="framemd5") as target:
        stream = source.streams.video[0]
        raw = target.add_stream("rawvideo", rate=24)
        context = stream.codec_context
        raw.width, raw.height, raw.pix_fmt = context.width, context.height, context.pix_fmt
        for frame in source.decode(stream):
            target.mux(raw.encode(frame))
        target.mux(raw.encode())
    lines = listing.read_text().splitlines()
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


def packets(path: Path, kind: str) -> list[bytes]:
    """Return what the packets of the first stream of a kind hold."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def _sound() -> Any:
    samples = np.random.default_rng(3).integers(-9000, 9000, (1, 8000), np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate, frame.pts = 8000, 0
    return frame
