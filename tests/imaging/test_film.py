"""The door for moving pictures: what FFmpeg wrote is read, and what is bad is refused with its reason."""

from __future__ import annotations

import hashlib
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from imaging.errors import CorruptScan, ScanError, ScanTooLarge, UnfinishedScan, UnsupportedScan
from imaging.film import FilmLimits, inspect_film, read_frames
from imaging.film_fields import tell_interlaced
from tests.imaging.films import framemd5, noise, packets, write_film

CLEAR_KEY = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}


@pytest.mark.parametrize(
    ("pixel_format", "top", "planes"),
    [
        ("gray", 255, 1),
        ("gray10le", 1023, 1),
        ("gray12le", 4095, 1),
        ("gray16le", 65535, 1),
        ("gbrp16le", 65535, 3),
    ],
)
def test_lossless_film_is_read_to_the_bit(tmp_path: Path, pixel_format: str, top: int, planes: int) -> None:
    frames = noise(5, top=top, planes=planes)
    film = inspect_film(write_film(tmp_path / "film.mkv", frames, pixel_format=pixel_format))
    assert (film.width, film.height, film.frames) == (64, 48, 5)
    assert (film.bits, film.grey) == (top.bit_length(), planes == 1)
    read = list(read_frames(film))
    assert [frame.index for frame in read] == list(range(5))
    assert all(np.array_equal(frame.pixels, told) for frame, told in zip(read, frames, strict=True))


def test_digests_are_those_of_ffmpeg_s_framemd5(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise(5, size=(63, 47)))
    film = inspect_film(path)
    assert [frame.md5 for frame in read_frames(film)] == framemd5(path)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("film.mov", "prores", "yuv422p10le"),
        ("film.mp4", "libx264", "yuv420p"),
        ("film.mxf", "mpeg2video", "yuv420p"),
        ("film.mxf", "jpeg2000", "gray"),
        ("film.avi", "ffv1", "gray"),
    ],
)
def test_containers_and_codings_of_archives_are_read(
    tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    ramp = np.broadcast_to(np.linspace(20, 230, 320, dtype=np.uint8), (240, 320))
    path = write_film(
        tmp_path / name, [ramp] * 6, codec=codec, pixel_format=pixel_format, rate=Fraction(25),
        time_base=Fraction(1, 25), codec_options={} if codec != "ffv1" else None,
    )  # fmt: skip
    film = inspect_film(path)
    assert (film.frames, film.grey) == (6, True)
    last = list(read_frames(film))[-1].pixels / ((1 << film.bits) - 1)
    assert np.abs(last - ramp / 255).max() < 0.03


@pytest.mark.parametrize("codec", ["libx264", "ffv1"])
def test_reading_from_the_middle_gives_the_same_frames(tmp_path: Path, codec: str) -> None:
    options = {"g": "10", "bf": "2"} if codec == "libx264" else None
    path = write_film(
        tmp_path / "film.mkv", noise(40), codec=codec, codec_options=options,
        pixel_format="gray" if codec == "ffv1" else "yuv420p",
    )  # fmt: skip
    film = inspect_film(path)
    whole = [frame.md5 for frame in read_frames(film)]
    for start in (1, 9, 10, 17, 39):
        assert [frame.md5 for frame in read_frames(film, start, start + 8)] == whole[start : start + 8]


def test_variable_rate_and_timecode_and_sound_are_told(tmp_path: Path) -> None:
    times = [0, 40, 90, 200, 230]
    path = write_film(
        tmp_path / "film.mkv", noise(5), times=times, time_base=Fraction(1, 1000), sound=True,
        metadata={"timecode": "01:00:00:00"},
    )  # fmt: skip
    film = inspect_film(path)
    assert (film.time_stamps, film.variable_rate, film.timecode) == (tuple(times), True, "01:00:00:00")
    (sound,) = film.carried
    told = packets(path, "audio")
    assert (sound.codec, sound.packets) == ("pcm_s16le", len(told))
    assert sound.sha256 == hashlib.sha256(b"".join(told)).hexdigest()


def test_limited_range_of_a_grey_film_becomes_full(tmp_path: Path) -> None:
    black, white = np.full((48, 64), 0, np.uint8), np.full((48, 64), 255, np.uint8)
    path = write_film(
        tmp_path / "film.mkv", [black, white], codec="ffv1", pixel_format="yuv422p", codec_options=None
    )
    film = inspect_film(path)
    assert film.limited_range
    assert [int(frame.pixels.mean()) for frame in read_frames(film)] == [0, 255]


def test_one_colored_frame_makes_a_film_color(tmp_path: Path) -> None:
    grey = np.full((48, 64, 3), 90, np.uint8)
    red = np.full((48, 64, 3), (200, 20, 20), np.uint8)
    assert inspect_film(write_film(tmp_path / "grey.mkv", [grey] * 6, pixel_format="yuv444p")).grey
    assert not inspect_film(
        write_film(tmp_path / "color.mkv", [grey] * 3 + [red] * 3, pixel_format="yuv444p")
    ).grey


def moving_bars(woven: bool) -> list[Any]:
    """A bar that moves 3 px per field."""
    fields = [np.full((96, 128), 40, np.uint8) for _ in range(48)]
    for number, field in enumerate(fields):
        field[:, 3 * (number % 30) : 3 * (number % 30) + 20] = 210
    frames = [field.copy() for field in fields[::2]]
    if woven:
        for frame, later in zip(frames, fields[1::2], strict=True):
            frame[1::2] = later[1::2]
    return frames


@pytest.mark.parametrize("woven", [True, False])
def test_woven_fields_are_told_from_whole_frames(tmp_path: Path, woven: bool) -> None:
    film = inspect_film(write_film(tmp_path / "film.mkv", moving_bars(woven)))
    assert not film.interlaced  # nothing is stated
    assert tell_interlaced(film) == woven


def test_deinterlacing_parts_the_fields_and_keeps_count_and_digests(tmp_path: Path) -> None:
    film = inspect_film(write_film(tmp_path / "film.mkv", moving_bars(True)))
    woven, parted = list(read_frames(film)), list(read_frames(film, deinterlace=True))
    assert [f.md5 for f in parted] == [f.md5 for f in woven]
    truth = moving_bars(False)[5].astype(int)
    error = [np.abs(frames[5].pixels.astype(int) - truth).mean() for frames in (woven, parted)]
    assert error[1] < 0.4 * error[0]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_folder_of_numbered_images_is_a_film(tmp_path: Path, suffix: str, depth: Any) -> None:
    import tifffile

    frames = noise(3, top=int(np.iinfo(depth).max))
    for number, pixels in enumerate(frames, start=86_399):
        path = tmp_path / f"reel 1 100%_{number:06d}{suffix}"
        Image.fromarray(pixels).save(path) if suffix == ".png" else tifffile.imwrite(path, pixels)
    film = inspect_film(tmp_path, sequence_rate=Fraction(18))
    assert (film.frames, film.rate, film.grey) == (3, "18", True)
    read = [frame.pixels for frame in read_frames(film)]
    assert all(np.array_equal(mine, told) for mine, told in zip(read, frames, strict=True))


def test_a_dpx_sequence_is_read_to_the_bit(tmp_path: Path) -> None:
    frames = noise(3, top=65535, planes=3)
    write_film(tmp_path / "f%04d.dpx", frames, codec="dpx", pixel_format="rgb48le", codec_options={})
    film = inspect_film(tmp_path)
    read = [frame.pixels for frame in read_frames(film)]
    assert all(np.array_equal(mine, told) for mine, told in zip(read, frames, strict=True))


# Bad input: each is refused by its class, and the reason says what to do.


def refusal(path: Path, kind: type[ScanError], **options: Any) -> str:
    with pytest.raises(kind) as refused:
        for _ in read_frames(inspect_film(path, **options)):
            pass
    assert str(path) in str(refused.value)
    assert refused.value.remedy
    return refused.value.fault


def test_one_flipped_bit_of_ffv1_is_refused_naming_the_frame(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise())
    data, seventh = path.read_bytes(), packets(path, "video")[7]
    at = data.index(seventh) + len(seventh) // 2
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert "frame 7 is damaged" in refusal(path, CorruptScan)


@pytest.mark.parametrize("at", [0, 3, 11])
def test_every_place_of_the_flipped_bit_is_noticed(tmp_path: Path, at: int) -> None:
    path = write_film(tmp_path / "film.mkv", noise())
    data, packet = path.read_bytes(), packets(path, "video")[at]
    start = data.index(packet)
    for offset in range(4, len(packet), len(packet) // 20):
        damaged = bytearray(data)
        damaged[start + offset] ^= 1 << offset % 8
        path.write_bytes(damaged)
        assert f"frame {at} is damaged" in refusal(path, CorruptScan), offset


@pytest.mark.parametrize("name", ["film.mkv", "film.mov", "film.avi", "film.mxf"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, share: float) -> None:
    coding: dict[str, Any] = {}
    if name in ("film.mxf", "film.mov"):
        coding = {"codec": "mpeg2video", "pixel_format": "yuv420p", "codec_options": {}, "rate": Fraction(25)}
    path = write_film(tmp_path / name, noise(size=(320, 240)), time_base=Fraction(1, 25), **coding)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refusal(path, CorruptScan)


def test_an_empty_file_is_unfinished(tmp_path: Path) -> None:
    (tmp_path / "film.mkv").touch()
    with pytest.raises(UnfinishedScan):
        inspect_film(tmp_path / "film.mkv")


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_bytes(b"#!/bin/sh\necho no film\n" * 50)
    assert "no container" in refusal(tmp_path / "film.mkv", UnsupportedScan)


def test_playlists_are_not_followed(tmp_path: Path) -> None:
    write_film(tmp_path / "secret.mkv", noise(2))
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile secret.mkv\n")
    refusal(tmp_path / "list.ffconcat", UnsupportedScan)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "sound and no picture" in refusal(path, UnsupportedScan)


def test_subtitles_alone_hold_no_picture(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise(2))
    data = path.read_bytes()
    # The track's type (RFC 9559 §5.1.4.1.3): 1 is video, 17 subtitles.
    assert data.count(b"\x83\x81\x01") == 1
    path.write_bytes(data.replace(b"\x83\x81\x01", b"\x83\x81\x11"))
    assert "no picture" in refusal(path, UnsupportedScan)


@pytest.mark.parametrize(("width", "height", "kind"), [(0, 0, CorruptScan), (100_000, 100_000, ScanTooLarge)])
def test_sizes_that_a_header_makes_up_are_refused(
    tmp_path: Path, width: int, height: int, kind: type[ScanError]
) -> None:
    path = write_film(tmp_path / "film.avi", noise(2, size=(300, 200)))
    data, stated = path.read_bytes(), struct.pack("<ii", 300, 200)
    assert data.count(stated) == 2  # of the file and of its stream
    path.write_bytes(data.replace(stated, struct.pack("<ii", width, height)))
    refusal(path, kind)


def test_limits_hold_before_decoding(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise(4))
    assert "limit" in refusal(path, ScanTooLarge, limits=FilmLimits(side=63))
    assert "limit" in refusal(path, ScanTooLarge, limits=FilmLimits(pixels=64 * 48 - 1))
    assert "more than 3 frames" in refusal(path, ScanTooLarge, limits=FilmLimits(frames=3))


def test_a_size_that_changes_in_mid_stream_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    small, large = noise(3), noise(3, size=(128, 96))
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=24, options={"x264-params": "repeat-headers=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, pixels in enumerate(small):
            frame = av.VideoFrame.from_ndarray(pixels, format="gray").reformat(format="yuv420p")
            frame.pts = number
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
        other = av.CodecContext.create("libx264", "w")
        other.width, other.height, other.pix_fmt = 128, 96, "yuv420p"
        other.time_base, other.options = Fraction(1, 24), {"x264-params": "repeat-headers=1"}
        frames = [av.VideoFrame.from_ndarray(p, format="gray").reformat(format="yuv420p") for p in large]
        for number, frame in enumerate(frames, start=3):
            frame.pts = number
        for packet in [p for frame in (*frames, None) for p in other.encode(frame)]:
            packet.stream, packet.time_base = stream, Fraction(1, 24)
            target.mux(packet)
    assert "size changes from 64×48 to 128×96" in refusal(path, CorruptScan)


def test_missing_time_stamps_are_refused(tmp_path: Path) -> None:
    # H.264 with B-frames in AVI, which knows no presentation times.
    path = write_film(
        tmp_path / "film.avi", noise(12), codec="libx264", pixel_format="yuv420p",
        codec_options={"bf": "2"}, rate=Fraction(24),
    )  # fmt: skip
    assert "no time stamp" in refusal(path, CorruptScan)


def test_negative_time_stamps_are_refused(tmp_path: Path) -> None:
    path = write_film(
        tmp_path / "film.mkv", noise(4), times=[-2, -1, 0, 1], options={"avoid_negative_ts": "disabled"}
    )
    assert "negative times" in refusal(path, CorruptScan)


def test_frames_of_one_time_are_refused(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise(4), times=[0, 1, 2, 3])
    data = bytearray(path.read_bytes())
    # The second block's time in its cluster (RFC 9559 §10.1), 42 ms, becomes the first one's.
    block = packets(path, "video")[1][:16]
    at = data.index(block)
    assert int.from_bytes(data[at - 3 : at - 1], "big") == 42
    data[at - 3 : at - 1] = b"\0\0"
    path.write_bytes(data)
    assert "same time" in refusal(path, CorruptScan)


def test_encrypted_film_is_refused(tmp_path: Path) -> None:
    path = write_film(
        tmp_path / "film.mp4", noise(4), codec="libx264", pixel_format="yuv420p", codec_options={},
        options=CLEAR_KEY,
    )  # fmt: skip
    assert "encrypted" in refusal(path, UnsupportedScan)


def test_ten_hours_in_a_kilobyte_are_refused(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", [np.zeros((16, 16), np.uint8)] * 2)
    data = bytearray(path.read_bytes())
    assert len(data) < 2048
    # Duration (RFC 9559 §5.1.2.10) is a float of 8 bytes, ms.
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = np.array(36_000_000, ">f8").tobytes()
    path.write_bytes(data)
    assert "it states 36000.0 s and holds 0.1 s" in refusal(path, CorruptScan)


def test_unknown_codings_are_refused(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise(2))
    path.write_bytes(path.read_bytes().replace(b"FFV1", b"XXXX").replace(b"V_FFV1", b"V_XXXX"))
    assert "unknown" in refusal(path, UnsupportedScan) or "not read" in refusal(path, UnsupportedScan)
    other = write_film(
        tmp_path / "other.mkv", noise(2), codec="libsvtav1", pixel_format="yuv420p", codec_options={}
    )
    assert "not read" in refusal(other, UnsupportedScan)


def test_a_gap_in_a_sequence_names_the_frame(tmp_path: Path) -> None:
    for number in (1, 2, 4):
        Image.fromarray(noise(1)[0]).save(tmp_path / f"f{number:03}.png")
    assert "frame 3 is missing" in refusal(tmp_path, CorruptScan)


def test_an_image_of_another_size_in_a_sequence_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        size = (64, 48) if number < 2 else (32, 48)
        Image.fromarray(noise(1, size=size)[0]).save(tmp_path / f"f{number}.png")
    assert "size changes" in refusal(tmp_path, CorruptScan)


def test_a_damaged_image_of_a_sequence_names_its_frame(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(noise(1)[0]).save(tmp_path / f"f{number}.png")
    data = bytearray((tmp_path / "f1.png").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "f1.png").write_bytes(data)
    assert "frame 1 is damaged" in refusal(tmp_path, CorruptScan)
