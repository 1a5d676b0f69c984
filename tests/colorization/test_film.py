"""A film is colored steadily within its shots, L* stays, hints hold, and a killed run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from colorization import film as film_stage
from colorization.film import colorize_film
from colorization.film_options import FilmColorOptions, FilmHint
from colorization.film_steady import SeenFrame, steadied
from colorization.hints import Hint
from imaging.errors import OptionsError, UnsupportedScan
from imaging.film import inspect_film, read_frames
from imaging.motion import Motion, MotionFinder
from imaging.stage import ModelReference, Role
from tests.imaging.films import framemd5, noise, packets, write_film

Array = NDArray[np.float32]
SIZE = (192, 128)


class Seen(NamedTuple):
    ab: Array
    confidence: Array


class Fickle:
    """A network whose mind changes with every frame it sees."""

    reference = ModelReference("fickle", "1", "0" * 64)

    def __init__(self, spread: float = 12.0) -> None:
        self.spread, self.asked = spread, 0

    def predict(self, lightness: Array, hints: Array | None = None) -> Seen:
        # What it says depends on the frame alone, so that a repeat says the same.
        generator = np.random.default_rng(int(lightness.sum() * 100) % 2**32)
        self.asked += len(lightness)
        count, _, height, width = lightness.shape
        color = np.array([10.0, 15.0], np.float32) + generator.normal(0, self.spread, 2)
        ab = np.broadcast_to(color.astype(np.float32)[None, :, None, None], (count, 2, height, width))
        return Seen(ab.copy(), np.full((count, 1, height, width), 0.6, np.float32))


def pan(seed: int, count: int, speed: float = 1.5) -> list[NDArray[np.uint8]]:
    """Frames of a wall that the camera pans over."""
    width, height = SIZE
    generator = np.random.default_rng(seed)
    wall = generator.normal(0, 1, (height, width + 400)).astype(np.float32)
    wall = cv2.GaussianBlur(wall, (0, 0), 2.5)
    codes = np.clip(128 + 45 * wall / wall.std(), 10, 245).astype(np.uint8)
    return [codes[:, round(i * speed) : round(i * speed) + width] for i in range(count)]


def chroma(path: Path) -> list[Array]:
    film = inspect_film(path)
    top = (1 << film.bits) - 1
    return [np.asarray(rgb2lab(f.pixels / top), np.float32)[..., 1:] for f in read_frames(film)]


def test_l_star_of_the_master_is_the_film_s_within_16_bit_rounding(tmp_path: Path) -> None:
    grey = pan(1, 4)
    colorize_film(write_film(tmp_path / "film.mkv", grey), tmp_path, predictor=Fickle())
    film = inspect_film(tmp_path / "colorized.mkv")
    assert (film.codec, film.bits, film.grey) == ("ffv1", 16, False)
    for frame, told in zip(read_frames(film), grey, strict=True):
        lightness = rgb2lab(frame.pixels / 65535)[..., 0]
        truth = rgb2lab(np.repeat(told[..., None], 3, 2) / 255)[..., 0]
        # One code of 65,535 is up to 0.014 L* at black (CIE 15, linear toe).
        assert np.abs(lightness - truth).max() < 0.02


def test_color_is_steady_within_a_shot_and_not_mixed_across_a_cut(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", [*pan(1, 20), *pan(2, 20)])
    figures = {}
    for name, steadiness in (("each", 0.0), ("steady", 0.93)):
        folder = tmp_path / name
        folder.mkdir()
        done = colorize_film(path, folder, FilmColorOptions(steadiness=steadiness), predictor=Fickle())
        assert done.figures["shots"] == 2
        means = np.array([c.mean((0, 1)) for c in chroma(folder / "colorized.mkv")])
        steps = np.linalg.norm(np.diff(means, axis=0), axis=1)
        figures[name] = np.delete(steps, 19).mean()
    assert figures["steady"] < figures["each"] / 4


def test_color_of_one_shot_does_not_reach_the_next(tmp_path: Path) -> None:
    class ByShot(Fickle):
        def predict(self, lightness: Array, hints: Array | None = None) -> Seen:
            seen = super().predict(lightness, hints)
            color = (30, 0) if lightness.mean() > 50 else (0, -30)
            seen.ab[:] = np.array(color, np.float32)[None, :, None, None]
            return seen

    bright, dark = ([np.uint8(f // 2 + add) for f in pan(seed, 12)] for seed, add in ((1, 120), (2, 5)))
    colorize_film(write_film(tmp_path / "film.mkv", [*bright, *dark]), tmp_path, predictor=ByShot())
    middle = [c[40:80, 40:120].mean((0, 1)) for c in chroma(tmp_path / "colorized.mkv")]
    assert np.abs(np.array(middle[:12]) - (30, 0)).max() < 2
    assert np.abs(np.array(middle[12:]) - (0, -30)).max() < 2


class Killed(BaseException):
    pass


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_stage, "units_of", lambda shots: _units(shots, 7))
    path = write_film(tmp_path / "film.mkv", [*pan(1, 25), *pan(2, 11)], sound=True)
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    colorize_film(path, folders[0], predictor=Fickle())

    def kill(done: float) -> None:
        if done > share:
            raise Killed

    first, second = Fickle(), Fickle()
    with pytest.raises(Killed):
        colorize_film(path, folders[1], predictor=first, progress=kill)
    colorize_film(path, folders[1], predictor=second)
    if share > 0.5:
        assert second.asked < 30  # what was finished is not seen again
    for name in ("colorized.mkv", "confidence.mkv", "frames.jsonl", "access.mp4"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    assert sorted(p.name for p in folders[1].iterdir()) == sorted(film_stage.outputs())


def _units(shots: Any, length: int) -> Any:
    from imaging.film_job import units_of

    return units_of(shots, length)


def test_stretches_of_a_long_shot_meet_without_a_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "film.mkv", pan(1, 80, speed=0.5))
    shown = []
    for name, length in (("one", 80), ("cut", 20)):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setattr(film_stage, "units_of", lambda shots, length=length: _units(shots, length))
        colorize_film(path, folder, predictor=Fickle())
        shown.append(np.array([c.mean((0, 1)) for c in chroma(folder / "colorized.mkv")]))
    # Forwards nothing changes; backwards what lies more than 32 frames ahead counts for a tenth.
    assert np.abs(shown[0] - shown[1]).max() < 1.5


def test_a_hint_holds_to_the_end_of_its_shot_both_ways(tmp_path: Path) -> None:
    # A bright disc wanders over a wall: from the sixth frame on it is said to be violet.
    frames = [f.copy() for f in pan(3, 60, speed=0.2)]
    centers = [(30 + 2.0 * i, 64 + 0.4 * i) for i in range(60)]
    for frame, (x, y) in zip(frames, centers, strict=True):
        texture = cv2.getRectSubPix(np.tile(frames[0][:64, :64], (2, 2)), (60, 60), (60.0, 60.0))
        disc = np.zeros(frame.shape, np.uint8)
        cv2.circle(disc, (round(x), round(y)), 16, 255, -1, cv2.LINE_AA)
        patch = np.clip(texture.astype(int) // 3 + 150, 0, 255).astype(np.uint8)
        shift = np.array([[1, 0, x - 30], [0, 1, y - 30]], np.float32)
        moved = cv2.warpAffine(patch, shift, SIZE, borderMode=cv2.BORDER_WRAP)
        frame[disc > 127] = moved[disc > 127]
    width, height = SIZE
    x, y = centers[6]
    hint = Hint(x / width, y / height, 8 / width, 25, -20, source="letter of 1912-04-03")
    options = FilmColorOptions(hints=(FilmHint(6, hint),))
    path = write_film(tmp_path / "film.mkv", frames)
    done = colorize_film(path, tmp_path, options, predictor=Fickle(3.0))
    assert done.figures["shots"] == 1
    shown = chroma(tmp_path / "colorized.mkv")
    for number in (0, 6, 30, 59):
        column, row = (round(v) for v in centers[number])
        told = shown[number][row - 4 : row + 5, column - 4 : column + 5].mean((0, 1))
        print(number, told, np.linalg.norm(told - (25, -20)))
        assert np.linalg.norm(told - (25, -20)) <= 5, number
    lines = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    assert all(line["hints"][0]["source"] == "letter of 1912-04-03" for line in lines)


def test_the_record_names_every_frame_and_its_digest(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", pan(1, 9), sound=True)
    done = colorize_film(path, tmp_path, predictor=Fickle())
    lines = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    assert [line["md5"] for line in lines] == framemd5(path)
    assert [line["time_stamp"] for line in lines] == list(inspect_film(path).time_stamps)
    assert all(0 < line["confidence"] <= 1 for line in lines)
    assert packets(tmp_path / "colorized.mkv", "audio") == packets(path, "audio")
    roles = {file.role for file in done.files}
    assert roles == {Role.COLORIZED, Role.CONFIDENCE, Role.ACCESS_COPY, Role.PROVENANCE}
    assert {"ffmpeg", "pyav", "carried"} <= set(done.parameters)
    assert "inferred by a model" in dict(inspect_film(tmp_path / "colorized.mkv").tags)["COMMENT"]


def test_film_in_color_is_refused_unless_its_colors_are_to_be_dropped(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", noise(4, size=SIZE, planes=3), pixel_format="yuv444p")
    with pytest.raises(UnsupportedScan, match="in color"):
        colorize_film(path, tmp_path, predictor=Fickle())
    colorize_film(path, tmp_path, FilmColorOptions(discard_color=True), predictor=Fickle())


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("top", [255, 1023, 65535])
def test_every_depth_becomes_a_master_of_the_depth_asked_for(tmp_path: Path, bits: int, top: int) -> None:
    pixel_format = {255: "gray", 1023: "gray10le", 65535: "gray16le"}[top]
    codes = [np.uint16(np.round(f / 255 * top)) if top > 255 else f for f in pan(1, 2)]
    path = write_film(tmp_path / "film.mkv", codes, pixel_format=pixel_format)
    colorize_film(path, tmp_path, FilmColorOptions(bits=bits, access_copy=False), predictor=Fickle())
    film = inspect_film(tmp_path / "colorized.mkv")
    assert film.bits == bits
    assert not (tmp_path / "access.mp4").exists()
    first = next(read_frames(film)).pixels / ((1 << bits) - 1)
    truth = rgb2lab(np.repeat((codes[0] / top)[..., None], 3, 2))[..., 0]
    assert np.abs(rgb2lab(first)[..., 0] - truth).max() < (0.6 if bits == 8 else 0.02)


def test_a_film_of_one_frame_is_colored(tmp_path: Path) -> None:
    colorize_film(write_film(tmp_path / "film.mkv", pan(1, 1)), tmp_path, predictor=Fickle())
    assert inspect_film(tmp_path / "colorized.mkv").frames == 1


def test_options_out_of_range_are_refused(tmp_path: Path) -> None:
    for options in ({"steadiness": 1.0}, {"bits": 10}, {"restraint": 2.0}, {"sequence_rate": "fast"}):
        with pytest.raises(OptionsError):
            FilmColorOptions(**options)
    path = write_film(tmp_path / "film.mkv", pan(1, 3))
    late = FilmColorOptions(hints=(FilmHint(3, Hint(0.5, 0.5, 0.1, 0, 0)),))
    with pytest.raises(OptionsError, match="ends with frame 2"):
        colorize_film(path, tmp_path, late, predictor=Fickle())


def test_one_color_stays_that_color_over_a_thousand_frames() -> None:
    cells = np.full((12, 16, 3), (40.0, -20.0, 0.5), np.float32)
    still = Motion(np.full((12, 16, 2), 0.3, np.float32), np.ones((12, 16), np.float32))
    frames = [SeenFrame(cells, (still, still) if i else None) for i in range(1000)]
    shown, _ = steadied(frames, 1000, None, 0.93)
    assert np.abs(shown[-1] - cells).max() < 1e-3


def test_where_motion_cannot_be_trusted_a_frame_keeps_its_own_color() -> None:
    lost = Motion(np.zeros((4, 4, 2), np.float32), np.zeros((4, 4), np.float32))
    frames = [SeenFrame(np.full((4, 4, 1), i, np.float32), (lost, lost) if i else None) for i in range(5)]
    shown, _ = steadied(frames, 5, None, 0.93)
    assert [float(s[0, 0, 0]) for s in shown] == [0, 1, 2, 3, 4]


def test_motion_is_that_of_the_picture() -> None:
    one, other = pan(5, 2, speed=4.0)
    there, back = MotionFinder().between(other, one)
    inner = (slice(16, -16), slice(16, -16))
    assert np.abs(there.flow[inner] - (4, 0)).max() < 0.3
    assert np.abs(back.flow[inner] + (4, 0)).max() < 0.3
    assert there.trust[inner].mean() > 0.99
    assert np.abs(there.fetch(one.astype(np.float32))[inner] - other[inner]).max() < 16
