"""What is written can be read to the bit, carries sound and times along, and is the same bytes each time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from imaging.film import FilmProperties, inspect_film, read_frames
from imaging.film_job import FilmJob, Unit, units_of
from imaging.film_writing import SegmentWriter, access_coding, join_access, join_master, master_coding
from imaging.shots import Shot
from tests.imaging.films import noise, packets, write_film


def segments(folder: Path, frames: list[Any], lengths: list[int], bits: int = 8) -> list[Path]:
    grey, paths, start = frames[0].ndim == 2, [], 0
    height, width = frames[0].shape[:2]
    for number, length in enumerate(lengths):
        paths.append(folder / f"segment-{number}.mkv")
        writer = SegmentWriter(paths[-1], master_coding(bits, grey), (width, height), Fraction(24))
        for pixels in frames[start : start + length]:
            writer.add(pixels)
        writer.close()
        start += length
    return paths


@pytest.mark.parametrize(("bits", "planes"), [(8, 1), (10, 1), (16, 1), (8, 3), (16, 3)])
def test_a_joined_master_holds_every_frame_to_the_bit(tmp_path: Path, bits: int, planes: int) -> None:
    frames = noise(12, top=(1 << bits) - 1, planes=planes)
    film = inspect_film(write_film(tmp_path / "film.mkv", noise(12)))
    join_master(
        segments(tmp_path, frames, [5, 1, 6], bits),
        master_coding(bits, planes == 1),
        film,
        tmp_path / "master.mkv",
    )
    master = inspect_film(tmp_path / "master.mkv")
    assert (master.codec, master.bits, master.time_stamps) == ("ffv1", bits, film.time_stamps)
    assert (master.rate, master.seconds) == ("24", pytest.approx(0.5, abs=2e-3))
    for read, told in zip(read_frames(master), frames, strict=True):
        assert np.array_equal(read.pixels, told)


def with_sound(tmp_path: Path) -> FilmProperties:
    times = [0, 40, 90, 200, 230]
    return inspect_film(
        write_film(
            tmp_path / "film.mkv",
            noise(5),
            times=times,
            time_base=Fraction(1, 1000),
            sound=True,
            metadata={"timecode": "01:00:00:00"},
        )
    )


def test_sound_times_and_timecode_travel_along(tmp_path: Path) -> None:
    film = with_sound(tmp_path)
    left = join_master(
        segments(tmp_path, noise(5), [2, 3]),
        master_coding(8, True),
        film,
        tmp_path / "master.mkv",
        {"title": "Reel"},
    )
    master = inspect_film(tmp_path / "master.mkv")
    assert not left
    assert master.time_stamps == film.time_stamps
    assert master.timecode == film.timecode
    assert [s.sha256 for s in master.carried] == [s.sha256 for s in film.carried]
    assert dict(master.tags)["title"] == "Reel"


def test_the_same_segments_give_the_same_bytes(tmp_path: Path) -> None:
    film = with_sound(tmp_path)
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        join_master(segments(folder, noise(5), [2, 3]), master_coding(8, True), film, folder / "master.mkv")
        made.append((folder / "master.mkv").read_bytes())
    assert made[0] == made[1]


def test_slices_of_the_master_have_checksums(tmp_path: Path) -> None:
    film = inspect_film(write_film(tmp_path / "film.mkv", noise(4)))
    join_master(segments(tmp_path, noise(4), [4]), master_coding(8, True), film, tmp_path / "master.mkv")
    data = bytearray((tmp_path / "master.mkv").read_bytes())
    third = packets(tmp_path / "master.mkv", "video")[2]
    data[data.index(third) + len(third) // 3] ^= 4
    (tmp_path / "master.mkv").write_bytes(data)
    with pytest.raises(Exception, match="frame 2 is damaged"):
        list(read_frames(inspect_film(tmp_path / "master.mkv")))


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_an_access_copy_shows_the_film_with_sound(tmp_path: Path, size: tuple[int, int]) -> None:
    coding = access_coding()
    assert coding is not None
    film = with_sound(tmp_path)
    width, height = size
    ramp = np.broadcast_to(
        np.linspace(0, 255, width, dtype=np.uint8)[None, :, None], (height, width, 3)
    ).copy()
    ramp[..., 2] = 128
    writer = SegmentWriter(tmp_path / "segment.mkv", coding, (width, height), Fraction(24))
    for _ in range(5):
        writer.add(ramp)
    writer.close()
    assert not join_access([tmp_path / "segment.mkv"], coding, film, tmp_path / "access.mp4")
    with av.open(str(tmp_path / "access.mp4")) as container:
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]
        shown = [f.reformat(format="rgb24").to_ndarray() for f in container.decode(video=0)]
    assert len(shown) == 5
    assert np.abs(shown[-1][:height, :width].astype(int) - ramp).mean() < 6
    assert inspect_film(tmp_path / "access.mp4").frames == 5


def test_work_is_done_once_per_unit(tmp_path: Path) -> None:
    film = inspect_film(write_film(tmp_path / "film.mkv", noise(4)))
    job = FilmJob(film, tmp_path, {"stage": "test"})
    unit = Unit(0, 0, 4, Shot(0, 4))
    assert job.facts(unit) is None
    job.finish(unit, [{"confidence": 0.5}])
    assert FilmJob(film, tmp_path, {"stage": "test"}).facts(unit) == [{"confidence": 0.5}]
    assert FilmJob(film, tmp_path, {"stage": "other"}).facts(unit) is None


def test_units_cover_the_film_and_keep_to_their_shots() -> None:
    shots = [Shot(0, 3), Shot(3, 200), Shot(200, 201)]
    units = units_of(shots, 50)
    assert [frame for unit in units for frame in range(unit.start, unit.stop)] == list(range(201))
    assert all(u.shot.start <= u.start < u.stop <= u.shot.stop and u.stop - u.start <= 50 for u in units)
