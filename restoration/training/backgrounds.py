"""Clean photographs made to look like scans of old prints: soft, faded, grainy, compressed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
"""H×W encoded grey values in [0, 1]."""
Random = np.random.Generator

_SCALES = (0.45, 1.8)
"""Smallest and largest enlargement of a photograph: reduced ones are as sharp as any scan, and sharp detail
is what gets mistaken for damage."""


def draw_background(
    photographs: Sequence[NDArray[np.uint8]], side: int, random: Random, *, turned: float = 1.0
) -> Grey:
    """Return a random `side`×`side` crop: resized, softened, faded, and `turned` often turned."""
    photograph = photographs[int(random.integers(len(photographs)))]
    low, high = np.log(_SCALES)
    scale = max(float(np.exp(random.uniform(low, high))), (side + 1) / min(photograph.shape))
    source = min(int(np.ceil(side / scale)), *photograph.shape)
    top = random.integers(photograph.shape[0] - source + 1)
    left = random.integers(photograph.shape[1] - source + 1)
    crop = photograph[top : top + source, left : left + source].astype(np.float32) / 255
    method = cv2.INTER_AREA if source > side else int(random.choice([cv2.INTER_CUBIC, cv2.INTER_LINEAR]))
    picture = cv2.resize(crop, (side, side), interpolation=method).clip(0, 1)
    if random.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.4))
    if random.random() < turned:
        picture = np.rot90(picture, int(random.integers(4)))
    picture = picture[:, ::-1] if random.random() < 0.5 else picture
    return _fade(np.ascontiguousarray(picture), random)


def _fade(picture: Grey, random: Random) -> Grey:
    faded = picture ** np.float32(np.exp(random.normal(0, 0.25)))
    if random.random() < 0.5:
        black, white = random.uniform(0, 0.3), random.uniform(0.65, 1)
        faded = black + (white - black) * faded
    return np.asarray(1 - faded if random.random() < 0.03 else faded, np.float32)


def add_grain(picture: Grey, random: Random, strongest: float = 0.05) -> tuple[Grey, float]:
    """Return the picture with film grain, and the grain's standard deviation in encoded values.

    The grain is spatially correlated and strongest in the middle tones.
    """
    if random.random() < 0.25:
        return picture, 0.0
    sigma = float(random.uniform(0.003, strongest))
    grain = random.standard_normal(picture.shape, np.float32)
    if random.random() < 0.7:
        blur = random.uniform(0.4, 1.1)
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), blur), np.float32)
        grain /= np.float32(max(1e-6, grain.std()))
    signal = 0.5 + 2.0 * picture * (1 - picture)
    return np.asarray(picture + np.float32(sigma) * signal * grain, np.float32), sigma


def digitize(picture: Grey, random: Random) -> Grey:
    """Return the picture as scanned and stored: slightly soft, 8 bits, sometimes JPEG."""
    if random.random() < 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 0.7)), np.float32)
    quality = int(random.integers(45, 98)) if random.random() < 0.35 else None
    return _coded(picture, quality)


def recopy(picture: Grey, random: Random) -> Grey:
    """Return the picture as a copy of a copy: resampled, sharpened to halos, JPEG again."""
    height, width = picture.shape
    if random.random() < 0.5:
        share = random.uniform(0.6, 1.0)
        small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if random.random() < 0.75:
        soft = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.6, 1.8))
        picture = np.asarray(picture + random.uniform(0.2, 1.3) * (picture - soft), np.float32)
    return _coded(picture, int(random.integers(40, 95)) if random.random() < 0.6 else None)


def _coded(picture: Grey, jpeg: int | None) -> Grey:
    """Return the picture in 8 bits, after JPEG of this quality if one is given."""
    coded = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    if jpeg is not None:
        file = cv2.imencode(".jpg", coded, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1]
        coded = np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(coded.astype(np.float32) / np.float32(255))
