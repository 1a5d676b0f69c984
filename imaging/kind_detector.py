"""Telling what a scan is: photograph or page, with colors or without, positive or negative.

Reads the scan once, from top to bottom, at reduced size; writes nothing. The same file gets the same answer.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.lab import XYZ_FROM_RGB, decode_srgb, encode_srgb, grey_to_lightness
from imaging.page_layout import PageLayout, read_layout
from imaging.polarity import Polarity, load, look
from imaging.scan import DEFAULT_LIMITS, ScanLimits, decoding, open_scan
from imaging.scan_kind import ScanKind, ScanKindReport
from imaging.surround import photograph_area
from imaging.toning import Toning, read_toning

VERSION = "1"
"""Of the method; raised when the same scan could get another answer."""

Array = NDArray[np.float32]

_SIDE = 1024
"""Longer side at which scans are looked at, px; never enlarged."""
_LEAST_AREA = 0.1
"""A photograph smaller than this share of the scan was not recognized as such: all of it is looked at."""

_LETTERS, _ROWS, _PRINTED_PAPER = 60, 0.55, 0.55
"""Text: so many letters, so many of all components in rows, so much paper."""
_PAPER, _STROKES, _INK, _CONTRAST = 0.58, 0.62, 0.008, 11.0
"""A drawing: so much paper, so much of the rest thin; and that is more than dust, and stronger than grain."""
_DOUBTFUL_PAPER, _DOUBTFUL_STROKES, _LIKELY_PAGE = 0.5, 0.4, -2.5
"""Less will do where the network's log-odds of a page are as high as this, as no photograph's were."""
_NO_PAGE = -12.0
"""Where they are as low as this, as no page's were, lines are those of a photograph: twigs on snow, wires."""
_SURE_NEGATIVE = 6.5
"""Log-odds from which a scan is taken for a negative: those of the choosing half's positives were lower."""


def tell_kind(path: Path, *, limits: ScanLimits = DEFAULT_LIMITS, page: int = 0) -> ScanKindReport:
    """Say what a scan is.

    Raises
    ------
    ScanError
        It cannot be read.
    ModelError
        The network's weights are absent or altered.
    """
    return kind_of(_read(path, limits, page))


def kind_of(rgb: Array) -> ScanKindReport:
    """Say what a picture is, h×w×3, sRGB-encoded, 0–1, its longer side some 1,000 px at the most."""
    luminance = decode_srgb(rgb) @ XYZ_FROM_RGB[1].astype(np.float32)
    grey = encode_srgb(np.clip(luminance, 0, 1))
    lightness = grey_to_lightness(grey)
    layout = read_layout(lightness)
    inside = photograph_area(lightness)
    if lightness[inside].size < _LEAST_AREA * lightness.size:
        inside = slice(None), slice(None)
    toning = read_toning(np.ascontiguousarray(rgb[inside]))
    polarity = look(np.ascontiguousarray(grey[inside]))
    kind, reason = decide(layout, toning, polarity)
    return ScanKindReport(kind, reason, _evidence(layout, toning, polarity), VERSION, load()[1].reference)


def decide(layout: PageLayout, toning: Toning, polarity: Polarity) -> tuple[ScanKind, str]:
    """Return what the figures say, and the ones that decided in words."""
    if _is_page(layout, polarity):
        ink = f"{layout.strokes:.0%} of the rest is thin strokes, {layout.letters} letters stand in rows"
        return ScanKind.DOCUMENT, f"{layout.paper:.0%} has the tone of its paper; {ink}."
    if polarity.negative > _SURE_NEGATIVE:
        sure = 1 / (1 + math.exp(-polarity.negative))
        return ScanKind.NEGATIVE, f"Inverted it looks more like a photograph (log-odds say {sure:.1%})."
    if toning.neutral:
        return ScanKind.MONOCHROME, f"99 % of it has a chroma of {toning.chroma:.1f} or less."
    stray = f"{toning.residual:.1f} a*b* units from it on average, {toning.residual_high:.1f} at 95 %"
    if toning.one_hue:
        return ScanKind.TONED, f"Each tone has one color: {stray}."
    if toning.painted:
        bare = f"{toning.bare:.0%} has the print's own color"
        return ScanKind.HAND_TINTED, f"{bare}, the rest a few flat ones ({toning.flatness:.1f} units apart)."
    return ScanKind.COLOR, f"Colors do not follow the tones: {stray.replace('from it', 'from one curve')}."


def _is_page(layout: PageLayout, polarity: Polarity) -> bool:
    text = layout.letters >= _LETTERS and layout.in_rows >= _ROWS and layout.paper >= _PRINTED_PAPER
    inked = layout.paper <= 1 - _INK and layout.contrast >= _CONTRAST
    lines = layout.paper >= _PAPER and layout.strokes >= _STROKES and polarity.document > _NO_PAGE
    likely = layout.paper >= _DOUBTFUL_PAPER and layout.strokes >= _DOUBTFUL_STROKES
    return text or (inked and (lines or (likely and polarity.document > _LIKELY_PAGE)))


def _evidence(layout: PageLayout, toning: Toning, polarity: Polarity) -> dict[str, float]:
    figures = {
        **asdict(toning),
        **asdict(layout),
        "negative_log_odds": polarity.negative,
        "page_log_odds": polarity.document,
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def _read(path: Path, limits: ScanLimits, page: int) -> Array:
    with decoding(path):
        image = open_scan(path, limits=limits, page=page, sequential=True)
        top = 65535 if image.format == "ushort" else 255
        scale = min(1.0, _SIDE / max(image.width, image.height))
        if scale < 1:
            width, height = (max(1, round(side * scale)) for side in (image.width, image.height))
            image = image.resize(width / image.width, vscale=height / image.height)
        pixels = np.clip(image.numpy() / top, 0, 1).astype(np.float32)
    return np.ascontiguousarray(pixels if pixels.ndim == 3 else cv2.merge([pixels] * 3))
