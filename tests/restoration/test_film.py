"""A film is mended where it is damaged and nowhere else; each repair can be left out, and weave be undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.film import inspect_film, read_frames
from imaging.film_job import units_of
from imaging.stage import Role
from restoration import film as film_stage
from restoration.film import restore_film
from restoration.film_options import FilmRestorationOptions
from restoration.film_weave import moved, residue, unmoved
from tests.imaging.films import framemd5, noise, packets, write_film
from tests.restoration.aged_film import AgedFilm, Ageing, age

Frame = NDArray[np.uint8]
SIZE = (320, 240)
ONLY = {"dirt": False, "scratches": False, "flicker": False, "weave": False, "access_copy": False}


def scene(count: int, seed: int = 1, speed: float = 1.3, passing: bool = True) -> list[Frame]:
    """A wall that the camera pans over, before which two shapes pass."""
    width, height = SIZE
    generator = np.random.default_rng(seed)
    wall = generator.normal(0, 1, (height, width + 300)).astype(np.float32)
    wall = cv2.GaussianBlur(wall, (0, 0), 2) * 5 + cv2.GaussianBlur(wall, (0, 0), 12) * 40
    codes = np.clip(125 + 32 * wall / wall.std(), 20, 230)
    frames = []
    for number in range(count):
        shift = np.array([[1, 0, -speed * number], [0, 1, 0]], np.float32)
        frame = cv2.warpAffine(codes, shift, (width + 300, height), flags=cv2.INTER_CUBIC)[:, :width].copy()
        for start, pace, row, tone in ((20, 3.2, 70, 60), (300, -2.4, 170, 190)) if passing else ():
            cv2.circle(frame, (round(start + pace * number), row), 22, tone, -1, cv2.LINE_AA)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return frames


def restored(tmp_path: Path, aged: AgedFilm, **wanted: bool) -> list[Frame]:
    path = write_film(tmp_path / "film.mkv", aged.frames)
    restore_film(path, tmp_path, FilmRestorationOptions(**{**ONLY, **wanted}))
    return [frame.pixels for frame in read_frames(inspect_film(tmp_path / "restored.mkv"))]


def masks(tmp_path: Path) -> list[Frame]:
    return [frame.pixels for frame in read_frames(inspect_film(tmp_path / "damage-mask.mkv"))]


def test_dirt_is_found_and_mended_and_nothing_else_is_touched(tmp_path: Path) -> None:
    clean = scene(24)
    aged = age(clean, Ageing(dirt=10, grain=2.5), seed=4)
    mended, found = restored(tmp_path, aged, dirt=True), masks(tmp_path)
    hits = misses = false = 0
    before, after = [], []
    for number, truth in enumerate(aged.dirt):
        mask = found[number] == film_stage.DIRT
        # Outside the mask not a single pixel differs.
        assert np.array_equal(mended[number][~mask], aged.frames[number][~mask])
        near = cv2.dilate(truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        hits += int((mask & truth).sum())
        misses += int((truth & ~mask).sum())
        false += int((mask & ~near).sum())
        both = mask & truth
        original = clean[number].astype(int)
        before += list(np.abs(aged.frames[number].astype(int) - original)[both])
        after += list(np.abs(mended[number].astype(int) - original)[both])
    assert hits / (hits + false) >= 0.9
    assert hits / (hits + misses) >= 0.75
    assert np.mean(after) < 0.15 * np.mean(before)


def test_a_clean_pan_keeps_every_bit(tmp_path: Path) -> None:
    clean = scene(16, passing=False)
    path = write_film(tmp_path / "film.mkv", clean)
    restore_film(path, tmp_path)
    assert framemd5(tmp_path / "restored.mkv") == framemd5(path)
    assert not any(mask.any() for mask in masks(tmp_path))


def test_flicker_is_evened_out_to_a_twentieth(tmp_path: Path) -> None:
    clean = scene(60)
    aged = age(clean, Ageing(flicker=0.12, grain=2), seed=6)
    evened = restored(tmp_path, aged, flicker=True)
    truth = np.array([frame.mean() for frame in clean])

    def sigma(frames: list[Frame]) -> float:
        error = np.array([frame.mean() for frame in frames]) - truth
        return float(np.std(np.diff(error)) / 2**0.5)  # of independent errors, their deviation

    added = sigma(aged.frames)
    assert added > 5
    assert sigma(evened) <= 0.05 * added


def test_light_that_changes_slowly_is_the_scene_s_own(tmp_path: Path) -> None:
    clean = [np.uint8(frame * (1 - 0.004 * i)) for i, frame in enumerate(scene(60))]
    path = write_film(tmp_path / "film.mkv", clean)
    restore_film(path, tmp_path, FilmRestorationOptions(**{**ONLY, "flicker": True}))
    ends = [frame.pixels.mean() for frame in read_frames(inspect_film(tmp_path / "restored.mkv"))]
    assert abs((ends[-1] - ends[0]) / (clean[-1].mean() - clean[0].mean()) - 1) < 0.25


def test_lasting_scratches_are_bridged(tmp_path: Path) -> None:
    clean = scene(20)
    aged = age(clean, Ageing(scratches=(90.0, 201.3), grain=2), seed=7)
    mended, found = restored(tmp_path, aged, scratches=True), masks(tmp_path)
    truth = aged.scratched
    marked = found[9] == film_stage.SCRATCH
    assert (marked & truth).sum() > 0.9 * truth.sum()
    assert marked.sum() < 4 * truth.sum()
    for number in (0, 9, 19):
        outside = found[number] == 0
        assert np.array_equal(mended[number][outside], aged.frames[number][outside])
    error = [np.abs(f[9].astype(int) - clean[9])[truth].mean() for f in (aged.frames, mended)]
    assert error[1] < 0.3 * error[0]


def test_posts_before_a_camera_that_stands_still_are_no_scratches(tmp_path: Path) -> None:
    still = age(
        [scene(1, passing=False)[0]] * 20, Ageing(scratches=(90.0, 201.3), grain=2, weave=1.0), seed=7
    )
    mended = restored(tmp_path, still, scratches=True)
    assert all(np.array_equal(a, b) for a, b in zip(mended, still.frames, strict=True))


def test_weave_is_held_still_and_undone_to_the_bit(tmp_path: Path) -> None:
    aged = age(scene(40, speed=0.4), Ageing(weave=0.8, grain=2), seed=8)
    stable = restored(tmp_path, aged, weave=True)
    lines = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    moves = np.array([line["shift"] for line in lines])
    truth = np.array(aged.shifts)
    error = np.linalg.norm(-moves - (truth - truth.mean(axis=0)), axis=1)
    assert np.median(error) < 0.3 < 0.5 * np.median(np.linalg.norm(truth, axis=1))
    kept = [frame.pixels for frame in read_frames(inspect_film(tmp_path / "residue.mkv"))]
    for frame, still, line, rest in zip(aged.frames, stable, lines, kept, strict=True):
        assert still.shape == frame.shape
        assert np.array_equal(unmoved(still, line["shift"], rest), frame)


@pytest.mark.parametrize("top", [255, 65535])
def test_any_move_of_any_picture_can_be_undone(top: int) -> None:
    (frame,) = noise(1, top=top)
    for shift in ((0.37, -1.9), (-11.5, 8.25), (0.0, 0.0)):
        stable = moved(frame, shift)
        assert np.array_equal(unmoved(stable, shift, residue(frame, stable, shift)), frame)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_stage, "units_of", lambda shots: units_of(shots, 6))
    aged = age([*scene(13), *scene(9, seed=2)], Ageing(dirt=10, flicker=0.05, weave=0.5), seed=9)
    path = write_film(tmp_path / "film.mkv", aged.frames, sound=True)
    options = FilmRestorationOptions(weave=True)
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    restore_film(path, folders[0], options)

    def kill(done: float) -> None:
        if done > share:
            raise Killed

    with pytest.raises(Killed):
        restore_film(path, folders[1], options, progress=kill)
    restore_film(path, folders[1], options)
    for name in film_stage.outputs():
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    assert sorted(p.name for p in folders[1].iterdir()) == sorted(film_stage.outputs())


@pytest.mark.parametrize(
    ("pixel_format", "top", "planes"), [("gray10le", 1023, 1), ("gray16le", 65535, 1), ("gbrp16le", 65535, 3)]
)
def test_depth_and_color_of_the_film_are_kept(
    tmp_path: Path, pixel_format: str, top: int, planes: int
) -> None:
    frames: list[Any] = [np.uint16(np.round(f / 255 * top)) for f in scene(8)]
    if planes == 3:
        frames = [np.stack([f, f // 2, f // 3], axis=2) for f in frames]
    path = write_film(tmp_path / "film.mkv", frames, pixel_format=pixel_format)
    done = restore_film(path, tmp_path, FilmRestorationOptions(weave=True))
    film = inspect_film(tmp_path / "restored.mkv")
    assert (film.bits, film.grey) == (top.bit_length(), planes == 1)
    assert done.file(Role.RESTORED).bits == top.bit_length()


def test_sound_times_and_digests_are_the_film_s(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", scene(6), sound=True, metadata={"timecode": "10:00:00:00"})
    restore_film(path, tmp_path)
    film, made = inspect_film(path), inspect_film(tmp_path / "restored.mkv")
    assert (made.time_stamps, made.timecode) == (film.time_stamps, "10:00:00:00")
    assert packets(tmp_path / "restored.mkv", "audio") == packets(path, "audio")
    lines = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    assert [line["md5"] for line in lines] == framemd5(path)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_short_films_are_restored(tmp_path: Path, count: int) -> None:
    restore_film(
        write_film(tmp_path / "film.mkv", scene(count)), tmp_path, FilmRestorationOptions(weave=True)
    )
    assert inspect_film(tmp_path / "restored.mkv").frames == count
