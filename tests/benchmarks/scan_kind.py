"""Measures how often a scan is taken for what it is: ``make bench-scan_kind``.

Photographs are from the measuring half of other people's collections, by which nothing was chosen. A color
photograph counts when its a*b* deviate by 9 units or more. Grey, toned, faded and hand-tinted photographs and
negatives are made of these, pages are drawn. Real scans are listed, and shown in a contact sheet.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from colorization.training.shards import evaluation_half, load_other
from imaging.kind_detector import classify_pixels, classify_scan
from imaging.lab import srgb_to_lab
from imaging.scan_kind import ScanKind, ScanKindReport
from tests.benchmarks import kind_samples
from tests.benchmarks.frame import Reached, report, show
from tests.benchmarks.kind_samples import Picture

SHARED = Path(__file__).parents[3] / "shared"
LEAST_DEVIATION = 9.0
PAGES = 60
"""Drawn of each class."""
SEED = 20
_SIDE = 1024
_TILE = 240


def main() -> int:
    """Measure, and return 0 when all that is promised holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="Take every so many photographs only.")
    every = parser.parse_args().every
    random = np.random.default_rng(SEED)
    collections = evaluation_half(load_other(SHARED / "photos"))
    photographs = [
        p for pictures in collections.values() for p in pictures if deviation(p) >= LEAST_DEVIATION
    ]
    photographs = photographs[::every]
    found = {
        name: Counter(r.kind for r in reports)
        for name, reports in measured(photographs, random, PAGES // every)
    }
    show(
        f"Scans by kind, % ({len(photographs)} photographs)",
        ("what it is", *ScanKind),
        [(name, *(_share(kinds, {kind}) * 100 for kind in ScanKind)) for name, kinds in found.items()],
    )
    scans = historical_scans(SHARED / "scans")
    figures = {
        "shares": {name: {str(k): _share(c, {k}) for k in ScanKind} for name, c in found.items()},
        "scans": {path.name: str(r.kind) for path, r in scans},
    }
    return report("scan_kind", figures, promises(found))


def measured(
    photographs: Sequence[Picture], random: np.random.Generator, pages: int
) -> Iterator[tuple[str, list[ScanKindReport]]]:
    """Yield what each class was taken for."""
    yield "color", [_kind(p) for p in photographs]
    yield "grey", [_kind(kind_samples.grey_of(p)) for p in photographs]
    yield "negative", [_kind(kind_samples.negative_of(p)) for p in photographs]
    for toning in kind_samples.TONINGS:
        tone = partial(kind_samples.toned, toning=toning, random=random)
        yield f"toned: {toning}", [_kind(tone(p)) for p in photographs]
    yield "faded", [_kind(kind_samples.faded(p, random)) for p in photographs]
    yield "hand-tinted", [_kind(kind_samples.hand_tinted(p, random)) for p in photographs]
    for name, draw in kind_samples.DOCUMENTS.items():
        yield name, [_kind(draw(random)) for _ in range(pages)]


def promises(found: dict[str, Counter[ScanKind]]) -> list[Reached]:
    """Return what has to hold of the counts by class."""
    colorized = {kind for kind in ScanKind if kind.colorized}
    prints = {name for name in found if name in {"grey", "faded"} or name.startswith("toned")}
    positives = sum(found[name][ScanKind.NEGATIVE] for name in prints | {"color", "hand-tinted"})
    untouched = {ScanKind.DOCUMENT}
    return [
        Reached("color photographs recolored", sum(found["color"][k] for k in colorized), 0),
        Reached("negatives told", _share(found["negative"], {ScanKind.NEGATIVE}), 0.95, at_most=False),
        Reached("positives told for negatives", positives, 0),
        Reached("hand-tinted told", _share(found["hand-tinted"], {ScanKind.HAND_TINTED}), 0.9, at_most=False),
        *(
            Reached(f"left uncolored: {name}", 1 - _share(found[name], colorized), 0.01)
            for name in sorted(prints)
        ),
        *(
            Reached(f"left alone: {name}", _share(found[name], untouched), 1.0, at_most=False)
            for name in kind_samples.DOCUMENTS
        ),
    ]


def historical_scans(folder: Path) -> list[tuple[Path, ScanKindReport]]:
    """List what real scans are taken for, and write a contact sheet of it."""
    paths = sorted(p for p in folder.glob("*") if p.suffix in {".jpg", ".png"})
    scans = [(path, classify_scan(path)) for path in paths]
    rows = [(p.name, r.kind, r.evidence["negative_log_odds"], r.reason) for p, r in scans]
    show("Historical scans", ("file", "kind", "negative", "why"), rows)
    tiles = [_tile(cv2.imread(str(path)), str(r.kind)) for path, r in scans]
    while len(tiles) % 8:
        tiles.append(np.zeros_like(tiles[0]))
    sheet = np.vstack([np.hstack(tiles[i : i + 8]) for i in range(0, len(tiles), 8)])
    target = Path(os.environ.get("HELIOCHROME_HOME", ".heliochrome")) / "bench" / "scan_kind.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), sheet)
    return scans


def deviation(photograph: Picture) -> float:
    """Return the root mean square distance of a*b* from their mean."""
    lab = srgb_to_lab(photograph.astype(np.float32) / 255)
    return float(np.hypot(*lab[..., 1:].reshape(-1, 2).std(axis=0)))


def _kind(picture: Picture) -> ScanKindReport:
    scale = _SIDE / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return classify_pixels(picture.astype(np.float32) / 255)


def _share(kinds: Counter[ScanKind], which: set[ScanKind]) -> float:
    return sum(kinds[kind] for kind in which) / max(1, kinds.total())


def _tile(picture: Picture, caption: str) -> Picture:
    scale = (_TILE - 24) / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.zeros((_TILE, _TILE, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    cv2.putText(tile, caption, (4, _TILE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1)
    return tile


if __name__ == "__main__":
    sys.exit(main())
