"""Scans of every kind, drawn: pages, drawings, maps, toned, faded and hand-tinted photographs, negatives.

Each function takes a random generator and returns H×W×3 sRGB, 0–255, as a scanner would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imaging.lab import fit_gamut, grey_to_lightness, lab_to_srgb

Picture = NDArray[np.uint8]
Array = NDArray[np.float32]

FONTS = Path("/usr/share/fonts/truetype/dejavu")
_SYLLABLES = [
    "ka",
    "to",
    "mi",
    "ren",
    "sa",
    "ver",
    "ti",
    "ul",
    "an",
    "dre",
    "pol",
    "es",
    "ma",
    "be",
    "and",
    "qu",
]

Color = tuple[float, float]
TONINGS: Mapping[str, tuple[Color, Color]] = {
    "sepia": ((4.0, 12.0), (7.0, 24.0)),
    "selenium": ((6.0, -3.0), (1.0, 1.0)),
    "cyanotype": ((2.0, -34.0), (-6.0, -8.0)),
    "gold": ((3.0, -8.0), (4.0, 10.0)),
    "albumen": ((12.0, 16.0), (2.0, 18.0)),
}
"""a*b* in the shadows and in the lights; gold is split between cool and warm."""


def grey_of(photograph: Picture) -> Picture:
    """Return a color photograph as a scan of a black-and-white one."""
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    return np.repeat(grey[..., None], 3, axis=2)


def negative_of(photograph: Picture) -> Picture:
    """Return a color photograph as a grey negative."""
    return np.asarray(255 - grey_of(photograph), np.uint8)


def toned(photograph: Picture, toning: str, random: np.random.Generator) -> Picture:
    """Return a photograph toned as one of `TONINGS`, more or less deeply."""
    shadows, lights = (np.array(c, np.float32) for c in TONINGS[toning])
    lightness = _lightness(photograph)
    share = (lightness / 100)[..., None]
    depth = random.uniform(0.6, 1.3)
    # No dye at the ends of the scale: what is black or paper white is so in any toning but for its paper.
    strength = np.minimum(1, lightness / 12)[..., None]
    chroma = depth * strength * ((1 - share) * shadows + share * lights)
    return _scanned(lightness, np.asarray(chroma, np.float32), random, noise=0.6)


def faded(photograph: Picture, random: np.random.Generator) -> Picture:
    """Return a photograph as a print that has yellowed and lost contrast, more so toward one side."""
    lightness = _lightness(photograph)
    height, width = lightness.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = random.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * columns / width + np.sin(angle) * rows / height)[..., None]
    slope = (slope - slope.min()) / max(1e-6, float(np.ptp(slope)))
    loss = random.uniform(0.15, 0.5) + random.uniform(0, 0.2) * slope[..., 0]
    lightness = lightness * (1 - loss) + random.uniform(65, 85) * loss
    toning = np.array([random.uniform(1, 7), random.uniform(8, 24)], np.float32)
    stain = 1 + random.uniform(-0.25, 0.25) * slope
    chroma = toning * (0.4 + 0.6 * (lightness / 100)[..., None]) * stain
    return _scanned(lightness, np.asarray(chroma, np.float32), random, noise=1.0)


def hand_tinted(photograph: Picture, random: np.random.Generator) -> Picture:
    """Return a grey or lightly toned photograph on which a few flat hues were laid with a brush."""
    lightness = _lightness(photograph)
    height, width = lightness.shape
    base = np.array([random.uniform(0, 4), random.uniform(0, 10)], np.float32)
    chroma = np.ones((height, width, 2), np.float32) * base * (lightness / 100)[..., None]
    areas = _areas(lightness, random)
    for _ in range(random.integers(2, 6)):
        hue, strength = random.uniform(0, 2 * np.pi), random.uniform(14, 36)
        laid = np.zeros((height, width), np.float32)
        for _ in range(random.integers(1, 3)):
            laid = np.maximum(laid, areas[random.integers(len(areas))])
        laid = cv2.GaussianBlur(laid, (0, 0), max(height, width) / random.uniform(80, 250))
        dye = strength * np.array([np.cos(hue), np.sin(hue)], np.float32)
        chroma += (laid * np.minimum(1, lightness / 25))[..., None] * (dye - chroma)
    return _scanned(lightness, chroma, random, noise=0.6)


def _areas(lightness: Array, random: np.random.Generator) -> list[Array]:
    """Return the regions that a colorist would see, and a few ovals, 0 or 1 each."""
    height, width = lightness.shape
    smooth = cv2.bilateralFilter(lightness, 9, 12, 7)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    features = np.stack([smooth / 14, rows / height * 5, columns / width * 5], axis=-1).reshape(-1, 3)
    centers = features[random.integers(0, len(features), 12)]
    nearest = ((features[:, None] - centers[None]) ** 2).sum(-1).argmin(1).reshape(height, width)
    found = [(nearest == i).astype(np.float32) for i in range(len(centers))]
    areas = [a for a in found if 0.01 < a.mean() < 0.3]
    for _ in range(6):
        oval = np.zeros((height, width), np.float32)
        middle = (int(random.uniform(0.1, 0.9) * width), int(random.uniform(0.1, 0.9) * height))
        axes = tuple(int(random.uniform(0.05, 0.2) * min(height, width)) + 2 for _ in range(2))
        cv2.ellipse(oval, middle, axes, random.uniform(0, 180), 0, 360, 1.0, -1)
        areas.append(oval)
    return areas


def text_page(random: np.random.Generator, fonts: str = "*") -> Picture:
    """Return a page of print or typescript, in one to three columns, now and then with ruled lines."""
    paper = Image.new("RGB", _sheet(random), _paper_color(random))
    draw = ImageDraw.Draw(paper)
    ink = tuple(int(random.uniform(10, 80)) for _ in range(3))
    size = int(random.uniform(0.014, 0.03) * paper.height)
    columns = int(random.integers(1, 4)) if paper.width > 30 * size else 1
    margin = random.uniform(0.05, 0.14) * paper.width
    gutter = 1.5 * size
    wide = (paper.width - 2 * margin - (columns - 1) * gutter) / columns
    font = _font(random, fonts, size)
    top = margin * random.uniform(0.6, 1.6)
    if random.random() < 0.6:
        heading = _font(random, fonts, int(size * random.uniform(1.4, 2.6)))
        draw.text((margin, top), " ".join(_words(random, 4)).title(), fill=ink, font=heading)
        top += size * 4
    spacing = size * random.uniform(1.2, 1.9)
    bottom = paper.height - margin * random.uniform(0.6, 3)
    for column in range(columns):
        left = margin + column * (wide + gutter)
        _set_column(draw, (left, top, wide, bottom), spacing, font, ink, random)
    if random.random() < 0.2:
        _rule_table(draw, paper.size, margin, ink, random)
    return _printed(np.asarray(paper), random)


def _set_column(
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    spacing: float,
    font: ImageFont.FreeTypeFont,
    ink: tuple[int, ...],
    random: np.random.Generator,
) -> None:
    left, y, wide, bottom = box
    while y + spacing < bottom:
        line, words = "", _words(random, 24)
        full = wide * (random.uniform(0.3, 0.9) if random.random() < 0.15 else 1)
        for word in words:
            if draw.textlength(f"{line} {word}", font=font) > full:
                break
            line = f"{line} {word}".strip()
        draw.text((left, y), line, fill=ink, font=font)
        y += spacing * (2 if random.random() < 0.06 else 1)


def _rule_table(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    margin: float,
    ink: tuple[int, ...],
    random: np.random.Generator,
) -> None:
    for y in np.linspace(margin, size[1] - margin, int(random.integers(6, 24))):
        draw.line([(margin, y), (size[0] - margin, y)], fill=ink, width=2)
    for x in np.linspace(margin, size[0] - margin, int(random.integers(2, 7))):
        draw.line([(x, margin), (x, size[1] - margin)], fill=ink, width=2)


def drawing(random: np.random.Generator) -> Picture:
    """Return a plan, an elevation or a sketch in lines, on paper or as a blueprint."""
    blueprint = random.random() < 0.15
    paper = (30, 60, 130) if blueprint else _paper_color(random)
    sheet = Image.new("RGB", _sheet(random, landscape=0.6), paper)
    draw = ImageDraw.Draw(sheet)
    ink = (225, 232, 240) if blueprint else tuple(int(random.uniform(10, 90)) for _ in range(3))
    kind = random.integers(3)
    if kind == 0:
        _draw_plan(draw, sheet.size, ink, random)
    elif kind == 1:
        _draw_elevation(draw, sheet.size, ink, random)
    else:
        _draw_sketch(draw, sheet.size, ink, random)
    return _printed(np.asarray(sheet), random)


def _draw_plan(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], ink: tuple[int, ...], random: np.random.Generator
) -> None:
    width, height = size
    line = int(random.integers(2, 6))
    for _ in range(random.integers(5, 16)):
        x, y = random.uniform(0.08, 0.7) * width, random.uniform(0.08, 0.7) * height
        w, h = random.uniform(0.08, 0.4) * width, random.uniform(0.08, 0.4) * height
        right, bottom = min(x + w, 0.94 * width), min(y + h, 0.94 * height)
        draw.rectangle([x, y, right, bottom], outline=ink, width=line)
        draw.text((x + w / 4, y + h / 3), _words(random, 1)[0], fill=ink, font=_font(random, "*", 18))
        if random.random() < 0.4:
            radius = 0.3 * min(w, h)
            draw.arc([x, y, x + radius, y + radius], 0, 90, fill=ink, width=max(1, line // 2))
        if random.random() < 0.4:
            for i in np.arange(x, min(x + w / 4, right), 9):
                draw.line([(i, y), (i, min(y + h / 4, bottom))], fill=ink, width=1)
    y = 0.96 * height
    draw.line([(0.08 * width, y), (0.94 * width, y)], fill=ink, width=1)


def _draw_elevation(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], ink: tuple[int, ...], random: np.random.Generator
) -> None:
    width, height = size
    left, right = 0.12 * width, 0.88 * width
    ground, eaves = 0.82 * height, random.uniform(0.25, 0.5) * height
    draw.rectangle([left, eaves, right, ground], outline=ink, width=3)
    draw.polygon([(left, eaves), (width / 2, eaves * 0.5), (right, eaves)], outline=ink, width=3)
    floors, axes = int(random.integers(1, 5)), int(random.integers(3, 10))
    for floor in range(floors):
        for axis in range(axes):
            x = left + (axis + 0.25) * (right - left) / axes
            y = eaves + (floor + 0.25) * (ground - eaves) / floors
            w, h = 0.5 * (right - left) / axes, 0.5 * (ground - eaves) / floors
            draw.rectangle([x, y, x + w, y + h], outline=ink, width=2)
            draw.line([(x + w / 2, y), (x + w / 2, y + h)], fill=ink, width=1)
    draw.line([(0, ground), (width, ground)], fill=ink, width=2)
    draw.text((left, ground + 20), " ".join(_words(random, 4)), fill=ink, font=_font(random, "*", 24))


def _draw_sketch(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], ink: tuple[int, ...], random: np.random.Generator
) -> None:
    width, height = size
    for _ in range(random.integers(15, 90)):
        start = np.array([random.uniform(0.15, 0.85) * width, random.uniform(0.15, 0.85) * height])
        steps = random.normal(0, 1, (30, 2)).cumsum(0) * random.uniform(1, 4)
        bend = np.linspace(0, 1, 30)[:, None] * random.normal(0, 0.2 * min(width, height), (1, 2))
        points = [(float(x), float(y)) for x, y in start + np.cumsum(steps, 0) * 0.3 + bend]
        draw.line(points, fill=ink, width=int(random.integers(1, 5)), joint="curve")


def map_sheet(random: np.random.Generator) -> Picture:
    """Return a map: contour lines, rivers, roads and names, half of them with flat colors."""
    width, height = _sheet(random, landscape=0.6)
    relief = _noise(random, height, width, int(random.integers(4, 9)))
    paper = np.array(_paper_color(random), np.float32)
    sheet = np.ones((height, width, 3), np.float32) * paper
    if random.random() < 0.5:
        for level in np.quantile(relief, [0.3, 0.6]):
            tint = np.array([random.uniform(190, 245) for _ in range(3)])
            sheet[relief > level] = tint
    lines = np.zeros((height, width), np.uint8)
    for level in np.quantile(relief, np.linspace(0.05, 0.95, int(random.integers(6, 16)))):
        outlines, _ = cv2.findContours(
            (relief > level).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(lines, outlines, -1, 255, int(random.integers(1, 3)))
    ink = np.array([random.uniform(20, 110) for _ in range(3)])
    sheet[lines > 0] = ink
    picture = Image.fromarray(sheet.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(3, 9)):
        across = np.cumsum(random.normal(0, 0.03, 20)) + random.uniform(0.1, 0.9)
        along = np.linspace(0, 1, 20)
        xs, ys = (along, across) if random.random() < 0.5 else (across, along)
        path = [(float(x * width), float(y * height)) for x, y in zip(xs, ys, strict=True)]
        draw.line(path, fill=tuple(int(random.uniform(20, 120)) for _ in range(3)), width=3)
    for _ in range(random.integers(10, 50)):
        place = (random.uniform(0, 0.9) * width, random.uniform(0, 0.95) * height)
        font = _font(random, "*", int(random.integers(12, 30)))
        draw.text(place, _words(random, 1)[0].title(), fill=(30, 30, 30), font=font)
    return _printed(np.asarray(picture), random)


DOCUMENTS: Mapping[str, Callable[[np.random.Generator], Picture]] = {
    "text page": text_page,
    "drawing": drawing,
    "map": map_sheet,
}


def _sheet(random: np.random.Generator, landscape: float = 0.2) -> tuple[int, int]:
    long = int(random.uniform(700, 1400))
    short = int(long * random.uniform(0.62, 0.85))
    return (long, short) if random.random() < landscape else (short, long)


def _paper_color(random: np.random.Generator) -> tuple[int, int, int]:
    value, warm = random.uniform(175, 250), random.uniform(-8, 45)
    return int(min(255, value + warm / 5)), int(value), int(max(0, value - warm))


def _words(random: np.random.Generator, count: int) -> list[str]:
    return ["".join(random.choice(_SYLLABLES, random.integers(1, 5))) for _ in range(count)]


def _font(random: np.random.Generator, pattern: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(random.choice(_faces(pattern))), max(9, size))


@lru_cache(maxsize=8)
def _faces(pattern: str) -> Sequence[str]:
    # The outlines without letters of their own stay outside.
    return [str(p) for p in sorted(FONTS.glob(f"DejaVu{pattern}.ttf")) if "Math" not in p.name]


def _noise(random: np.random.Generator, height: int, width: int, cells: int) -> Array:
    coarse = random.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _printed(sheet: NDArray[np.generic], random: np.random.Generator) -> Picture:
    """Return a drawn sheet as a scan: a little turned, unevenly lit, blurred, with grain."""
    picture = sheet.astype(np.float32)
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-1.5, 1.5), 1)
    picture = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    light = 1 + random.uniform(0, 0.06) * _noise(random, height, width, 3)
    picture = cv2.GaussianBlur(picture * light[..., None], (0, 0), random.uniform(0.4, 1.2))
    picture += random.normal(0, random.uniform(1, 5), (height, width, 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _lightness(photograph: Picture) -> Array:
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return grey_to_lightness(grey)


def _scanned(lightness: Array, chroma: Array, random: np.random.Generator, noise: float) -> Picture:
    """Return L* and a*b* as 8-bit sRGB with the sensor's noise, through JPEG as most scans come."""
    lab = np.concatenate([lightness[..., None], chroma], axis=-1)
    lab += random.normal(0, noise, lab.shape)
    rgb = np.clip(lab_to_srgb(fit_gamut(lab.astype(np.float32))), 0, 1) * 255
    quality = int(random.integers(75, 97))
    bgr = np.ascontiguousarray(rgb[..., ::-1].round().astype(np.uint8))
    code = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)
