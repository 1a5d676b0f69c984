"""The denoising part of `make bench-restore`; alone: ``python -m tests.benchmarks.restore_grain``.

Set12 at three strengths of white noise, film grain on photographs that were not trained on, clean
photographs, and seconds per megapixel, each beside OpenCV's ``fastNlMeansDenoising`` (default windows, the
strength that suits it best on each picture) in the same run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imaging.networks.training.shards import read_photographs
from restoration.denoiser import Denoiser
from restoration.noise import LUMINANCES, NoiseReport, estimate_noise
from restoration.parallel import tiles_in_parallel
from restoration.training.denoiser import grain_field
from tests.benchmarks.frame import Reached, report, show

PHOTOS = Path(__file__).parents[2].parent / "shared" / "photos"
SIGMAS = (15, 25, 50)
DNCNN_AT_25 = 30.44
"""Published average PSNR of DnCNN on Set12 at σ 25 (Zhang et al., IEEE TIP 2017, table V), dB."""
FASTER = 5.0 if torch.cpu._is_amx_tile_supported() else 2.5
"""Times as fast as non-local means that is promised, with matrix units (AMX) and without."""
THREADS = 2
CLEAN_SAMPLE = 40
GRAIN_SAMPLE = 12
TILE = 1024
STRENGTHS = (0.6, 0.75, 0.9, 1.0, 1.15, 1.3)
"""Of the noise's standard deviation: the h that non-local means chooses from."""

Pixels = NDArray[np.uint8]


def measure() -> tuple[dict[str, Any], list[Reached]]:
    """Return all figures of noise reduction and the promises among them."""
    set12 = read_photographs([PHOTOS / "set12.tar"])
    untrained = read_photographs([PHOTOS / "validation.tar"], limit=CLEAN_SAMPLE)
    figures: dict[str, Any] = {}
    reached: list[Reached] = []

    # First, as in the stage: threads that worked before would keep arenas of their own.
    figures["speed"] = speed = _speed()
    show(
        f"seconds per megapixel, {THREADS} threads",
        ("ours", "non-local means", "ratio"),
        [(speed["ours"], speed["nlmeans"], speed["ratio"])],
    )
    reached.append(Reached("times as fast as non-local means", speed["ratio"], FASTER, at_most=False))

    figures["white"] = white = {sigma: _white(set12, sigma) for sigma in SIGMAS}
    show(
        "Set12, PSNR in dB",
        ("σ", "known σ, not rounded", "8 bit, measured noise", "8 bit, non-local means", "gain"),
        [(s, w["known"], w["blind"], w["nlmeans"], w["blind"] - w["nlmeans"]) for s, w in white.items()],
    )
    reached.append(Reached("Set12 σ 25, dB", white[25]["known"], DNCNN_AT_25 - 0.4, at_most=False))
    reached += [
        Reached(f"over non-local means at σ {s}, dB", w["blind"] - w["nlmeans"], 1.0, at_most=False)
        for s, w in white.items()
    ]

    figures["grain"] = grain = {size: _grain(untrained[:GRAIN_SAMPLE], size) for size in (0.7, 1.2)}
    show(
        "film grain of σ 8–20 by luminance, 8 bit, untrained photographs, PSNR in dB",
        ("grain, px", "noisy", "measured noise", "non-local means"),
        [(size, g["noisy"], g["blind"], g["nlmeans"]) for size, g in grain.items()],
    )

    figures["clean"] = clean = {"Set12": _clean(set12), "untrained photographs": _clean(untrained)}
    show(
        "clean in, clean out, full strength, PSNR in dB",
        ("pictures", "mean", "lowest", "share ≥ 45 dB"),
        [(name, c["mean"], c["lowest"], c["share"]) for name, c in clean.items()],
    )
    reached += [Reached(f"clean {name}, dB", c["mean"], 45.0, at_most=False) for name, c in clean.items()]
    return figures, reached


def _white(pictures: list[Pixels], sigma: int) -> dict[str, float]:
    known = NoiseReport(sigma / 255, (sigma / 255,) * len(LUMINANCES), 0.0, 0.0, 1.0)
    rows = []
    for number, picture in enumerate(pictures):
        clean = _real(picture)
        random = np.random.default_rng((sigma, number))
        noisy = clean + sigma / 255 * grain_field(random, clean.shape, 0)
        rounded = _eight_bit(noisy)
        rows.append(
            {
                "known": psnr(Denoiser(known, 1.0)(noisy), clean),
                "blind": psnr(_blind(rounded), clean),
                "nlmeans": _best_nlmeans(rounded, clean, sigma),
            }
        )
    return {name: fmean(row[name] for row in rows) for name in rows[0]}


def _grain(pictures: list[Pixels], size: float) -> dict[str, float]:
    rows = []
    for number, picture in enumerate(pictures):
        clean = _real(picture)
        local = (8 + 12 * np.sqrt(clean)) / 255
        noisy = clean + local * grain_field(np.random.default_rng((99, number)), clean.shape, size)
        rounded = _eight_bit(noisy)
        rows.append(
            {
                "noisy": psnr(_real(rounded), clean),
                "blind": psnr(_blind(rounded), clean),
                "nlmeans": _best_nlmeans(rounded, clean, 16),
            }
        )
    return {name: fmean(row[name] for row in rows) for name in rows[0]}


def _clean(pictures: list[Pixels]) -> dict[str, float]:
    ratios = [min(99.0, psnr(_blind(picture), _real(picture))) for picture in pictures]
    return {"mean": fmean(ratios), "lowest": min(ratios), "share": fmean(r >= 45 for r in ratios)}


def _speed(side: int = 2048, rounds: int = 3) -> dict[str, float]:
    """Time both on as many threads: ours as the restoration stage does, one tile a thread, 8 bit to 8 bit."""
    cv2.setNumThreads(THREADS)
    picture = _eight_bit(0.5 + 0.1 * grain_field(np.random.default_rng(0), (side, side), 0))
    denoiser = Denoiser(estimate_noise([_real(picture)]), 1.0)
    margin = denoiser.context

    def quieten(corner: tuple[int, int]) -> None:
        rows, columns = (slice(max(0, start - margin), start + TILE + margin) for start in corner)
        _eight_bit(denoiser(_real(picture[rows, columns])))

    def ours() -> None:
        list(pool.map(quieten, product(range(0, side, TILE), repeat=2)))

    def theirs() -> None:
        cv2.fastNlMeansDenoising(picture, None, 25)

    with tiles_in_parallel(THREADS) as pool:
        times = [(_timed(ours), _timed(theirs)) for _ in range(rounds)]
    megapixels = side * side / 1e6
    mine, peer = (min(column) / megapixels for column in zip(*times, strict=True))
    return {"ours": mine, "nlmeans": peer, "ratio": peer / mine}


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _blind(rounded: Pixels) -> NDArray[np.float32]:
    noisy = _real(rounded)
    return _real(_eight_bit(Denoiser(estimate_noise([noisy]), 1.0)(noisy)))


def _best_nlmeans(rounded: Pixels, clean: NDArray[np.float32], sigma: float) -> float:
    return max(
        psnr(_real(cv2.fastNlMeansDenoising(rounded, None, share * sigma)), clean) for share in STRENGTHS
    )


def psnr(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio of values in the range 0–1, dB."""
    return float(-10 * np.log10(np.mean((found.astype(np.float64) - truth) ** 2) + 1e-12))


def _real(picture: Pixels) -> NDArray[np.float32]:
    return picture.astype(np.float32) / np.float32(255)


def _eight_bit(picture: NDArray[np.float32]) -> Pixels:
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(report("restore-grain", *measure()))
